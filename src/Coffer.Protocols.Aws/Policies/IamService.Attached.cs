using Coffer.Core.Access;

namespace Coffer.Protocols.Aws.Policies;

/// <summary>Policies on users and roles: written into them, or attached.</summary>
internal sealed partial class IamService
{
    private const int MaxUserCharacters = 2048, MaxRoleCharacters = 10_240, MaxAttached = 10;

    private async Task PutInlineAsync(IamCall call, bool role, CancellationToken cancellationToken)
    {
        string name = Owner(call, role), policyName = call.NameOf("PolicyName", 128), document = call.Needed("PolicyDocument", 131_072);
        call.Check();
        About(call, role, name);
        await EditAsync(call, name, access =>
        {
            AwsIdentity identity = Find(access, call, role, name);
            Policy[] all = [.. Inline(access, identity)];
            Policy? before = all.FirstOrDefault(p => p.Name == policyName);
            int most = role ? MaxRoleCharacters : MaxUserCharacters;
            // As AWS counts: all of them together, without white space.
            if (all.Where(p => p.Id != before?.Id).Select(p => p.Source).Append(document).Sum(s => s.Count(c => !char.IsWhiteSpace(c))) > most)
            {
                throw new AwsRefusal(AwsError.Query(409, "LimitExceeded", $"Maximum policy size of {most} bytes exceeded for {(role ? "role" : "user")} {identity.Name}"));
            }

            return (new AccountEdit { Policies = [Draft(call, Attachment.ToPrincipal(identity.Principal.Id), PolicyUse.Identity, policyName, document, before)] }, true);
        }, cancellationToken).ConfigureAwait(false);
    }

    private async Task GetInlineAsync(IamCall call, bool role, CancellationToken cancellationToken)
    {
        string name = Owner(call, role), policyName = call.NameOf("PolicyName", 128);
        call.Check();
        About(call, role, name);
        AccessSnapshot access = await ReadAsync(call, name, cancellationToken).ConfigureAwait(false);
        AwsIdentity identity = Find(access, call, role, name);
        Policy policy = FindInline(access, identity, policyName);
        call.Element(role ? "RoleName" : "UserName", identity.Name).Element("PolicyName", policy.Name).Document("PolicyDocument", policy.Source);
    }

    private async Task ListInlineAsync(IamCall call, bool role, CancellationToken cancellationToken)
    {
        string name = Owner(call, role);
        call.Check();
        About(call, role, name);
        AccessSnapshot access = await ReadAsync(call, name, cancellationToken).ConfigureAwait(false);
        call.Page("PolicyNames", Inline(access, Find(access, call, role, name)).Select(p => p.Name), n => n, n => call.Element("member", n));
    }

    private async Task DeleteInlineAsync(IamCall call, bool role, CancellationToken cancellationToken)
    {
        string name = Owner(call, role), policyName = call.NameOf("PolicyName", 128);
        call.Check();
        About(call, role, name);
        await EditAsync(call, name, access => (new AccountEdit { RemovedPolicies = [FindInline(access, Find(access, call, role, name), policyName)] }, true), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Attaches a managed policy, or sets it as the boundary; doing so again changes nothing.</summary>
    private async Task AttachAsync(IamCall call, bool role, PolicyUse use, CancellationToken cancellationToken)
    {
        string name = Owner(call, role), arn = call.Needed(use == PolicyUse.Boundary ? "PermissionsBoundary" : "PolicyArn", 2048, 20);
        call.Check();
        About(call, role, name);
        await EditAsync(call, name, access =>
        {
            AwsIdentity identity = Find(access, call, role, name);
            string document = DocumentOf(access, call, arn);
            Policy[] there = [.. PoliciesOf(access, identity, use).Where(p => p.Name.StartsWith("arn:", StringComparison.Ordinal))];
            if (there.Any(p => p.Name == arn))
            {
                return (new AccountEdit(), true);
            }

            if (use == PolicyUse.Identity && there.Length >= MaxAttached)
            {
                throw new AwsRefusal(AwsError.Query(409, "LimitExceeded", $"Cannot exceed quota for PoliciesPer{(role ? "Role" : "User")}: {MaxAttached}"));
            }

            Policy policy = Draft(call, Attachment.ToPrincipal(identity.Principal.Id), use, arn, document, null);
            return (new AccountEdit { Policies = [policy], RemovedPolicies = use == PolicyUse.Boundary ? there : [] }, true);
        }, cancellationToken).ConfigureAwait(false);
    }

    private async Task DetachAsync(IamCall call, bool role, CancellationToken cancellationToken)
    {
        string name = Owner(call, role), arn = call.Needed("PolicyArn", 2048, 20);
        call.Check();
        About(call, role, name);
        await EditAsync(call, name, access =>
        {
            AwsIdentity identity = Find(access, call, role, name);
            Policy policy = PoliciesOf(access, identity, PolicyUse.Identity).FirstOrDefault(p => p.Name == arn)
                ?? throw new AwsRefusal(AwsError.Query(404, "NoSuchEntity", "The policy was not found on the entity."));
            return (new AccountEdit { RemovedPolicies = [policy] }, true);
        }, cancellationToken).ConfigureAwait(false);
    }

    private async Task ListAttachedAsync(IamCall call, bool role, CancellationToken cancellationToken)
    {
        string name = Owner(call, role);
        call.Check();
        About(call, role, name);
        AccessSnapshot access = await ReadAsync(call, name, cancellationToken).ConfigureAwait(false);
        IEnumerable<string> arns = PoliciesOf(access, Find(access, call, role, name), PolicyUse.Identity).Select(p => p.Name).Where(n => n.StartsWith("arn:", StringComparison.Ordinal));
        call.Page("AttachedPolicies", arns, a => a, arn => call.Within("member", () => call.Element("PolicyName", arn[(arn.LastIndexOf('/') + 1)..]).Element("PolicyArn", arn)));
    }

    private async Task DeleteBoundaryAsync(IamCall call, bool role, CancellationToken cancellationToken)
    {
        string name = Owner(call, role);
        call.Check();
        About(call, role, name);
        await EditAsync(call, name, access =>
        {
            Policy boundary = PoliciesOf(access, Find(access, call, role, name), PolicyUse.Boundary).FirstOrDefault()
                ?? throw new AwsRefusal(AwsError.Query(404, "NoSuchEntity", "The entity has no permissions boundary."));
            return (new AccountEdit { RemovedPolicies = [boundary] }, true);
        }, cancellationToken).ConfigureAwait(false);
    }

    private static string Owner(IamCall call, bool role) => call.NameOf(role ? "RoleName" : "UserName");

    private static IEnumerable<Policy> Inline(AccessSnapshot access, AwsIdentity identity) =>
        PoliciesOf(access, identity, PolicyUse.Identity).Where(p => !p.Name.StartsWith("arn:", StringComparison.Ordinal));

    private static Policy FindInline(AccessSnapshot access, AwsIdentity identity, string name) => Inline(access, identity).FirstOrDefault(p => p.Name == name)
        ?? throw new AwsRefusal(AwsError.Query(404, "NoSuchEntity", $"The {(identity.IsRole ? "role" : "user")} policy with name {name} cannot be found."));
}
