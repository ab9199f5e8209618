using System.Collections.Frozen;
using Coffer.Core;
using Coffer.Core.Access;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;
using Microsoft.AspNetCore.Http;

namespace Coffer.Protocols.Aws.Policies;

/// <summary>
/// The part of AWS IAM by which the usual tools set up users, roles, keys and policies: the query protocol at the same
/// address, signed for the service <c>iam</c>. An account is the caller's home vault.
/// </summary>
internal sealed partial class IamService
{
    private const string Version = "2010-05-08";

    private readonly CofferCore _core;
    private readonly FrozenDictionary<string, Func<IamCall, CancellationToken, Task>> _operations;

    public IamService(CofferCore core)
    {
        _core = core;
        Dictionary<string, Func<IamCall, CancellationToken, Task>> operations = new(StringComparer.Ordinal)
        {
            ["CreateUser"] = CreateUserAsync,
            ["GetUser"] = GetUserAsync,
            ["ListUsers"] = (call, stop) => ListIdentitiesAsync(call, roles: false, stop),
            ["UpdateUser"] = UpdateUserAsync,
            ["ListGroupsForUser"] = ListGroupsForUserAsync,
            ["CreateRole"] = CreateRoleAsync,
            ["GetRole"] = GetRoleAsync,
            ["ListRoles"] = (call, stop) => ListIdentitiesAsync(call, roles: true, stop),
            ["UpdateRole"] = UpdateRoleAsync,
            ["UpdateRoleDescription"] = UpdateRoleAsync,
            ["UpdateAssumeRolePolicy"] = UpdateAssumeRolePolicyAsync,
            ["ListInstanceProfilesForRole"] = ListInstanceProfilesForRoleAsync,
            ["CreateAccessKey"] = CreateAccessKeyAsync,
            ["ListAccessKeys"] = ListAccessKeysAsync,
            ["UpdateAccessKey"] = UpdateAccessKeyAsync,
            ["DeleteAccessKey"] = DeleteAccessKeyAsync,
            ["CreatePolicy"] = CreatePolicyAsync,
            ["GetPolicy"] = GetPolicyAsync,
            ["ListPolicies"] = ListPoliciesAsync,
            ["DeletePolicy"] = DeletePolicyAsync,
            ["CreatePolicyVersion"] = CreatePolicyVersionAsync,
            ["GetPolicyVersion"] = GetPolicyVersionAsync,
            ["ListPolicyVersions"] = ListPolicyVersionsAsync,
            ["DeletePolicyVersion"] = DeletePolicyVersionAsync,
            ["SetDefaultPolicyVersion"] = SetDefaultPolicyVersionAsync,
            ["ListEntitiesForPolicy"] = ListEntitiesForPolicyAsync,
            ["TagPolicy"] = (call, stop) => TagPolicyAsync(call, call.TagsOf(), [], stop),
            ["UntagPolicy"] = (call, stop) => TagPolicyAsync(call, Secret.NoTags, call.ListOf("TagKeys"), stop),
            ["ListPolicyTags"] = ListPolicyTagsAsync,
        };
        foreach (bool role in (ReadOnlySpan<bool>)[false, true])
        {
            string kind = role ? "Role" : "User";
            operations["Delete" + kind] = (call, stop) => DeleteIdentityAsync(call, role, stop);
            operations["Tag" + kind] = (call, stop) => TagIdentityAsync(call, role, call.TagsOf(), [], stop);
            operations["Untag" + kind] = (call, stop) => TagIdentityAsync(call, role, Secret.NoTags, call.ListOf("TagKeys"), stop);
            operations[$"List{kind}Tags"] = (call, stop) => ListIdentityTagsAsync(call, role, stop);
            operations[$"Put{kind}Policy"] = (call, stop) => PutInlineAsync(call, role, stop);
            operations[$"Get{kind}Policy"] = (call, stop) => GetInlineAsync(call, role, stop);
            operations[$"List{kind}Policies"] = (call, stop) => ListInlineAsync(call, role, stop);
            operations[$"Delete{kind}Policy"] = (call, stop) => DeleteInlineAsync(call, role, stop);
            operations[$"Attach{kind}Policy"] = (call, stop) => AttachAsync(call, role, PolicyUse.Identity, stop);
            operations[$"Detach{kind}Policy"] = (call, stop) => DetachAsync(call, role, stop);
            operations[$"ListAttached{kind}Policies"] = (call, stop) => ListAttachedAsync(call, role, stop);
            operations[$"Put{kind}PermissionsBoundary"] = (call, stop) => AttachAsync(call, role, PolicyUse.Boundary, stop);
            operations[$"Delete{kind}PermissionsBoundary"] = (call, stop) => DeleteBoundaryAsync(call, role, stop);
        }

        _operations = operations.ToFrozenDictionary(StringComparer.Ordinal);
    }

    /// <summary>Answers a proven request. Null where there is no such operation.</summary>
    public async Task<bool> TryHandleAsync(HttpContext context, AwsExchange exchange, string action, string version, IReadOnlyDictionary<string, string?> parameters)
    {
        if (version != Version || !_operations.TryGetValue(action, out Func<IamCall, CancellationToken, Task>? operation))
        {
            return false;
        }

        exchange.Asks(action);
        exchange.Parameters = parameters;
        if (exchange.Caller!.HomeOf() is not { } home || !_core.Access.Vaults.TryGetValue(home, out Vault? vault))
        {
            throw new AwsRefusal(AwsErrors.NoHome(exchange, null));
        }

        string requestId = context.RequestId();
        using AwsBuffer answer = new(4096);
        answer.Write($"<{action}Response xmlns=\"{AwsWire.IamNamespace}\"><{action}Result>");
        try
        {
            await operation(new(exchange, vault, parameters, answer), context.RequestAborted).ConfigureAwait(false);
        }
        catch (CofferException failure) when (Told(failure) is { } told)
        {
            throw new AwsRefusal(told);
        }

        answer.Write($"</{action}Result><ResponseMetadata><RequestId>{requestId}</RequestId></ResponseMetadata></{action}Response>\n");
        context.Response.Headers["x-amzn-RequestId"] = requestId;
        await AwsWire.SendAsync(context, answer, AwsWire.XmlContentType).ConfigureAwait(false);
        return true;
    }

    private static AwsError? Told(CofferException failure) => failure.Code switch
    {
        CofferErrorCode.InvalidRequest when failure.Error.Parameter == "policy" => AwsError.Query(400, "MalformedPolicyDocument", Sentence(failure.Message)),
        CofferErrorCode.InvalidRequest or CofferErrorCode.InvalidName or CofferErrorCode.InvalidCombination => AwsError.Query(400, "ValidationError", Sentence(failure.Message)),
        CofferErrorCode.NotFound => AwsError.Query(404, "NoSuchEntity", Sentence(failure.Message)),
        CofferErrorCode.AlreadyExists => AwsError.Query(409, "EntityAlreadyExists", Sentence(failure.Message)),
        CofferErrorCode.QuotaExceeded => AwsError.Query(409, "LimitExceeded", Sentence(failure.Message)),
        CofferErrorCode.PreconditionFailed => AwsError.Query(409, "UnmodifiableEntity", Sentence(failure.Message)),
        CofferErrorCode.VersionConflict => AwsError.Query(409, "ConcurrentModification", "The request was rejected because another one changed the same thing at the same time."),
        _ => null,
    };

    private static string Sentence(string message) => $"{char.ToUpperInvariant(message[0])}{message.AsSpan(1)}.";

    private static AwsRefusal Missing(string kind, string name) =>
        new(AwsError.Query(404, "NoSuchEntity", $"The {kind} with name {name} cannot be found."));

    private static AwsRefusal Exists(string kind, string name) =>
        new(AwsError.Query(409, "EntityAlreadyExists", $"{kind} with name {name} already exists."));

    private static AwsRefusal InUse(string why) => new(AwsError.Query(409, "DeleteConflict", $"Cannot delete entity, must {why} first."));

    private static AwsIdentity Find(AccessSnapshot access, IamCall call, bool role, string name) =>
        AwsAccounts.Of(access).Find(call.Account, role, name) ?? throw Missing(role ? "role" : "user", name);

    /// <summary>Notes the ARN that the call is about, which policies judge: with its path, where it has one.</summary>
    private void About(IamCall call, bool role, string name)
    {
        AwsIdentity? known = AwsAccounts.Of(_core.Access).Find(call.Account, role, name);
        call.Exchange.ResourceShown = $"arn:aws:iam::{call.Account}:{(role ? "role" : "user")}/{name}";
        call.Exchange.ResourceArn = known?.Arn ?? call.Exchange.ResourceShown;
    }

    private async Task<AccessSnapshot> ReadAsync(IamCall call, string subject, CancellationToken cancellationToken) =>
        await _core.Admin.ReadAccountAsync(call.Caller, call.Home.Name, subject, cancellationToken).ConfigureAwait(false);

    private async Task<T> EditAsync<T>(IamCall call, string subject, Func<AccessSnapshot, (AccountEdit Edit, T Result)> edit, CancellationToken cancellationToken) =>
        await _core.Admin.EditAccountAsync(call.Caller, call.Home.Name, subject, edit, cancellationToken).ConfigureAwait(false);

    private static IEnumerable<Policy> PoliciesOf(AccessSnapshot access, AwsIdentity identity, PolicyUse use)
    {
        Attachment at = Attachment.ToPrincipal(identity.Principal.Id);
        return access.On(IamLanguage.LanguageName, at).Select(p => p.Policy).Where(p => p.Use == use);
    }

    private Policy Draft(IamCall call, Attachment at, PolicyUse use, string name, string source, Policy? before) => new()
    {
        Id = before?.Id ?? Guid.NewGuid(),
        Language = IamLanguage.LanguageName,
        Name = name,
        Use = use,
        Source = source,
        AttachedTo = at,
        Created = before?.Created ?? _core.Clock.Now(),
        CreatedBy = call.Caller.Principal.Name.Value,
    };
}
