using System.Collections.Immutable;
using System.Globalization;
using Coffer.Core;
using Coffer.Core.Access;
using Coffer.Core.Secrets;

namespace Coffer.Protocols.Aws.Policies;

internal sealed partial class IamService
{
    private const int MaxManagedCharacters = 6144;
    private const string AwsOwn = "arn:aws:iam::aws:policy/";

    private async Task CreatePolicyAsync(IamCall call, CancellationToken cancellationToken)
    {
        string name = call.NameOf("PolicyName", 128), document = call.Needed("PolicyDocument", MaxManagedCharacters);
        AwsManagedPolicy managed = new()
        {
            Path = call.PathOf(),
            Description = call.Optional("Description", 1000),
            Tags = call.TagsOf(),
            Default = 1,
            Last = 1,
            Versions = [new() { Number = 1, Created = _core.Clock.Now(), Document = document }],
        };
        call.Check();
        string arn = AwsManagedPolicy.ArnOf(call.Account, managed.Path, name);
        call.Exchange.ResourceArn = arn;
        Policy made = await EditAsync(call, name, access =>
        {
            IamParser.Parse(document, name, PolicyUse.Identity);
            if (Library(access, call).Any(p => string.Equals(p.Name, name, StringComparison.OrdinalIgnoreCase)))
            {
                throw new AwsRefusal(AwsError.Query(409, "EntityAlreadyExists", $"A policy called {name} already exists. Duplicate names are not allowed."));
            }

            Policy policy = Draft(call, Attachment.To(call.Home.Number), PolicyUse.Library, name, managed.ToJson(), null);
            return (new AccountEdit { Policies = [policy] }, policy);
        }, cancellationToken).ConfigureAwait(false);
        call.Within("Policy", () => Write(call, _core.Access, made));
    }

    private async Task GetPolicyAsync(IamCall call, CancellationToken cancellationToken)
    {
        string arn = PolicyArn(call);
        AccessSnapshot access = await ReadAsync(call, arn, cancellationToken).ConfigureAwait(false);
        call.Within("Policy", () =>
        {
            if (AwsManagedPolicy.Everywhere.ContainsKey(arn))
            {
                WriteOwn(call, arn);
            }
            else
            {
                Write(call, access, FindPolicy(access, call, arn));
            }
        });
    }

    private async Task ListPoliciesAsync(IamCall call, CancellationToken cancellationToken)
    {
        string scope = call.Optional("Scope", 16) ?? "All", prefix = call.Optional("PathPrefix", 512) ?? "/";
        bool attached = call.FlagOf("OnlyAttached");
        AccessSnapshot access = await ReadAsync(call, "policies", cancellationToken).ConfigureAwait(false);
        IEnumerable<string> own = scope == "AWS" ? [] : Library(access, call).Where(p => AwsManagedPolicy.Of(p).Path.StartsWith(prefix, StringComparison.Ordinal)).Select(p => ArnOf(call, p));
        IEnumerable<string> others = scope == "Local" ? [] : AwsManagedPolicy.Everywhere.Keys;
        call.Page("Policies", own.Concat(others).Where(arn => !attached || Attachments(access, arn).Any()), arn => arn, arn => call.Within("member", () =>
        {
            if (arn.StartsWith(AwsOwn, StringComparison.Ordinal))
            {
                WriteOwn(call, arn);
            }
            else
            {
                Write(call, access, FindPolicy(access, call, arn), brief: true);
            }
        }));
    }

    private async Task DeletePolicyAsync(IamCall call, CancellationToken cancellationToken)
    {
        string arn = PolicyArn(call);
        await EditAsync(call, arn, access =>
        {
            Policy policy = FindPolicy(access, call, arn);
            return Attachments(access, arn).Any() ? throw InUse("detach the policy from all entities")
                : AwsManagedPolicy.Of(policy).Versions.Length > 1 ? throw InUse("delete all non-default versions of the policy")
                : (new AccountEdit { RemovedPolicies = [policy] }, true);
        }, cancellationToken).ConfigureAwait(false);
    }

    private async Task CreatePolicyVersionAsync(IamCall call, CancellationToken cancellationToken)
    {
        string document = call.Needed("PolicyDocument", MaxManagedCharacters), arn = PolicyArn(call);
        bool standard = call.FlagOf("SetAsDefault");
        AwsManagedPolicy after = await ChangePolicyAsync(call, arn, policy =>
        {
            IamParser.Parse(document, arn, PolicyUse.Identity);
            if (policy.Versions.Length >= AwsManagedPolicy.MaxVersions)
            {
                throw new AwsRefusal(AwsError.Query(409, "LimitExceeded", $"A managed policy can have up to {AwsManagedPolicy.MaxVersions} versions. Before you create a new version, you must delete an existing version."));
            }

            int number = policy.Last + 1;
            return policy with
            {
                Last = number,
                Default = standard ? number : policy.Default,
                Versions = policy.Versions.Add(new() { Number = number, Created = _core.Clock.Now(), Document = document }),
            };
        }, cancellationToken).ConfigureAwait(false);
        call.Within("PolicyVersion", () => Write(call, after, after.Versions[^1], withDocument: false));
    }

    private async Task GetPolicyVersionAsync(IamCall call, CancellationToken cancellationToken)
    {
        string id = call.Needed("VersionId", 32), arn = PolicyArn(call);
        AccessSnapshot access = await ReadAsync(call, arn, cancellationToken).ConfigureAwait(false);
        AwsManagedPolicy policy = ManagedOf(access, call, arn);
        call.Within("PolicyVersion", () => Write(call, policy, VersionOf(policy, id), withDocument: true));
    }

    private async Task ListPolicyVersionsAsync(IamCall call, CancellationToken cancellationToken)
    {
        string arn = PolicyArn(call);
        AccessSnapshot access = await ReadAsync(call, arn, cancellationToken).ConfigureAwait(false);
        AwsManagedPolicy policy = ManagedOf(access, call, arn);
        call.Page("Versions", policy.Versions, v => (int.MaxValue - v.Number).ToString("D10", CultureInfo.InvariantCulture), v => call.Within("member", () => Write(call, policy, v, withDocument: false)));
    }

    private async Task DeletePolicyVersionAsync(IamCall call, CancellationToken cancellationToken)
    {
        string id = call.Needed("VersionId", 32), arn = PolicyArn(call);
        await ChangePolicyAsync(call, arn, policy =>
        {
            AwsPolicyVersion version = VersionOf(policy, id);
            return version.Number != policy.Default
                ? policy with { Versions = policy.Versions.Remove(version) }
                : throw new AwsRefusal(AwsError.Query(409, "DeleteConflict", "Cannot delete the default version of a policy."));
        }, cancellationToken).ConfigureAwait(false);
    }

    private async Task SetDefaultPolicyVersionAsync(IamCall call, CancellationToken cancellationToken)
    {
        string id = call.Needed("VersionId", 32), arn = PolicyArn(call);
        await ChangePolicyAsync(call, arn, policy => policy with { Default = VersionOf(policy, id).Number }, cancellationToken).ConfigureAwait(false);
    }

    private async Task TagPolicyAsync(IamCall call, ImmutableSortedDictionary<string, string> set, List<string> remove, CancellationToken cancellationToken) =>
        await ChangePolicyAsync(call, PolicyArn(call), policy => policy with { Tags = Merged(policy.Tags, set, remove) }, cancellationToken).ConfigureAwait(false);

    private async Task ListPolicyTagsAsync(IamCall call, CancellationToken cancellationToken)
    {
        string arn = PolicyArn(call);
        AccessSnapshot access = await ReadAsync(call, arn, cancellationToken).ConfigureAwait(false);
        call.Page("Tags", ManagedOf(access, call, arn).Tags, t => t.Key, t => call.Within("member", () => call.Element("Key", t.Key).Element("Value", t.Value)));
    }

    private async Task ListEntitiesForPolicyAsync(IamCall call, CancellationToken cancellationToken)
    {
        string arn = PolicyArn(call);
        AccessSnapshot access = await ReadAsync(call, arn, cancellationToken).ConfigureAwait(false);
        _ = ManagedOf(access, call, arn);
        AwsIdentity[] attached = [.. Attachments(access, arn).Select(p => access.Principals.GetValueOrDefault(Guid.Parse(p.AttachedTo.Id))).OfType<Principal>().Where(p => p.Home == call.Home.Name).Select(p => AwsIdentity.Of(access, p))];
        foreach (bool role in (ReadOnlySpan<bool>)[true, false])
        {
            string kind = role ? "Role" : "User";
            call.Within($"Policy{kind}s", () =>
            {
                foreach (AwsIdentity one in attached.Where(a => a.IsRole == role))
                {
                    call.Within("member", () => call.Element(kind + "Name", one.Name).Element(kind + "Id", one.UniqueId));
                }
            });
        }

        call.Element("PolicyGroups", "").Element("IsTruncated", "false");
    }

    /// <summary>Changes a managed policy, and with its default version every copy of it, in one step.</summary>
    private async Task<AwsManagedPolicy> ChangePolicyAsync(IamCall call, string arn, Func<AwsManagedPolicy, AwsManagedPolicy> change, CancellationToken cancellationToken) =>
        await EditAsync(call, arn, access =>
        {
            Policy kept = FindPolicy(access, call, arn);
            AwsManagedPolicy before = AwsManagedPolicy.Of(kept), after = change(before);
            List<Policy> written = [kept with { Source = after.ToJson() }];
            if (after.Document != before.Document)
            {
                written.AddRange(Attachments(access, arn).Select(p => p with { Source = after.Document }));
            }

            return (new AccountEdit { Policies = written }, after);
        }, cancellationToken).ConfigureAwait(false);

    private static string PolicyArn(IamCall call)
    {
        string arn = call.Needed("PolicyArn", 2048, 20);
        call.Check();
        call.Exchange.ResourceArn = AwsNames.IsPlainArn(arn) ? arn : throw new AwsRefusal(AwsError.Query(400, "ValidationError", "Invalid ARN."));
        return arn;
    }

    private static IEnumerable<Policy> Library(AccessSnapshot access, IamCall call) =>
        access.On(IamLanguage.LanguageName, Attachment.To(call.Home.Number)).Select(p => p.Policy).Where(p => p.Use == PolicyUse.Library);

    private static string ArnOf(IamCall call, Policy policy) => AwsManagedPolicy.ArnOf(call.Account, AwsManagedPolicy.Of(policy).Path, policy.Name);

    private static Policy FindPolicy(AccessSnapshot access, IamCall call, string arn) =>
        Library(access, call).FirstOrDefault(p => ArnOf(call, p) == arn)
        ?? throw new AwsRefusal(AwsError.Query(404, "NoSuchEntity", $"Policy {arn} does not exist or is not attachable."));

    private static AwsManagedPolicy ManagedOf(AccessSnapshot access, IamCall call, string arn) => AwsManagedPolicy.Everywhere.TryGetValue(arn, out string? own)
        ? new() { Default = 1, Last = 1, Versions = [new() { Number = 1, Created = 0, Document = own }] }
        : AwsManagedPolicy.Of(FindPolicy(access, call, arn));

    /// <summary>The text that a managed policy has now.</summary>
    private static string DocumentOf(AccessSnapshot access, IamCall call, string arn) => ManagedOf(access, call, arn).Document;

    /// <summary>The text of a managed policy of whichever account, or null.</summary>
    internal static string? DocumentOf(AccessSnapshot access, string arn)
    {
        if (AwsManagedPolicy.Everywhere.TryGetValue(arn, out string? own))
        {
            return own;
        }

        return arn.Split(':') is ["arn", "aws", "iam", "", var account, _] && VaultNumber.TryParse(account, out VaultNumber number) && access.VaultsByNumber.ContainsKey(number)
            && access.On(IamLanguage.LanguageName, Attachment.To(number)).Select(p => p.Policy)
                .FirstOrDefault(p => p.Use == PolicyUse.Library && AwsManagedPolicy.ArnOf(account, AwsManagedPolicy.Of(p).Path, p.Name) == arn) is { } found
            ? AwsManagedPolicy.Of(found).Document
            : null;
    }

    /// <summary>Copies of a managed policy, on whichever principal.</summary>
    private static IEnumerable<Policy> Attachments(AccessSnapshot access, string arn) =>
        access.Policies.Values.Where(p => p.Language == IamLanguage.LanguageName && p.AttachedTo.Kind == AttachmentKind.Principal && p.Name == arn);

    private static AwsPolicyVersion VersionOf(AwsManagedPolicy policy, string id) => policy.Versions.FirstOrDefault(v => v.Id == id)
        ?? throw new AwsRefusal(AwsError.Query(404, "NoSuchEntity", "The policy has no such version."));

    private static void Write(IamCall call, AccessSnapshot access, Policy policy, bool brief = false)
    {
        AwsManagedPolicy managed = AwsManagedPolicy.Of(policy);
        string arn = ArnOf(call, policy);
        Write(call, arn, policy.Name, AwsNames.UniqueId("ANPA", policy.Id), managed.Path, $"v{managed.Default}", Attachments(access, arn).ToList(), policy.Created, managed.Versions.Max(v => v.Created));
        if (!brief)
        {
            call.Element("Description", managed.Description).Tags(managed.Tags);
        }
    }

    private void WriteOwn(IamCall call, string arn)
    {
        string name = arn[AwsOwn.Length..];
        Write(call, arn, name, "ANPA" + name.ToUpperInvariant().PadRight(17, 'A')[..17], "/", "v1", Attachments(_core.Access, arn).ToList(), 0, 0);
    }

    private static void Write(IamCall call, string arn, string name, string id, string path, string version, List<Policy> attached, long created, long updated) =>
        call.Element("PolicyName", name).Element("PolicyId", id).Element("Arn", arn).Element("Path", path).Element("DefaultVersionId", version)
            .Element("AttachmentCount", attached.Count(p => p.Use == PolicyUse.Identity).ToString(CultureInfo.InvariantCulture))
            .Element("PermissionsBoundaryUsageCount", attached.Count(p => p.Use == PolicyUse.Boundary).ToString(CultureInfo.InvariantCulture))
            .Element("IsAttachable", "true").Date("CreateDate", created).Date("UpdateDate", updated);

    private static void Write(IamCall call, AwsManagedPolicy policy, AwsPolicyVersion version, bool withDocument)
    {
        if (withDocument)
        {
            call.Document("Document", version.Document);
        }

        call.Element("VersionId", version.Id).Element("IsDefaultVersion", version.Number == policy.Default ? "true" : "false").Date("CreateDate", version.Created);
    }
}
