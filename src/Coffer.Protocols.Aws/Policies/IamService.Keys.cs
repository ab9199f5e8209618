using Coffer.Core;
using Coffer.Core.Access;

namespace Coffer.Protocols.Aws.Policies;

/// <summary>Access keys of users.</summary>
internal sealed partial class IamService
{
    private const int MaxKeys = 2;

    private async Task CreateAccessKeyAsync(IamCall call, CancellationToken cancellationToken)
    {
        AwsIdentity? user = UserOf(call, out string name);
        if (user is not null && (await KeysAsync(call, user, cancellationToken).ConfigureAwait(false)).Count >= MaxKeys)
        {
            throw new AwsRefusal(AwsError.Query(409, "LimitExceeded", $"Cannot exceed quota for AccessKeysPerUser: {MaxKeys}"));
        }

        _ = await ReadAsync(call, name, cancellationToken).ConfigureAwait(false);
        using IssuedCredential key = await _core.Admin.CreateAccessKeyAsync(call.Caller, (user ?? throw Missing("user", name)).Principal.Name, new(), cancellationToken).ConfigureAwait(false);
        call.Within("AccessKey", () =>
        {
            call.Element("UserName", user.Name).Element("AccessKeyId", key.Credential.PublicId).Element("Status", "Active");
            call.Answer.Write("<SecretAccessKey>");
            // Base64 needs no escaping, and goes from its own buffer into the answer's.
            call.Answer.Write(key.Secret.Span);
            call.Answer.Write("</SecretAccessKey>");
            call.Date("CreateDate", key.Credential.Created);
        });
    }

    private async Task ListAccessKeysAsync(IamCall call, CancellationToken cancellationToken)
    {
        AwsIdentity? user = UserOf(call, out string name);
        AccessSnapshot access = await ReadAsync(call, name, cancellationToken).ConfigureAwait(false);
        AwsIdentity found = user ?? Find(access, call, role: false, name);
        IReadOnlyList<Credential> keys = await KeysAsync(call, found, cancellationToken).ConfigureAwait(false);
        long now = _core.Clock.Now();
        call.Page("AccessKeyMetadata", keys, k => k.PublicId, key => call.Within("member", () =>
            call.Element("UserName", found.Name).Element("AccessKeyId", key.PublicId).Element("Status", key.Expires <= now ? "Inactive" : "Active").Date("CreateDate", key.Created)));
    }

    private async Task UpdateAccessKeyAsync(IamCall call, CancellationToken cancellationToken)
    {
        string id = call.Needed("AccessKeyId", 128, 16), status = call.Needed("Status", 16);
        Credential key = await FindKeyAsync(call, id, cancellationToken).ConfigureAwait(false);
        await _core.Admin.UpdateCredentialAsync(call.Caller, key.PublicId, status switch
        {
            "Active" => new() { NoEnd = true },
            "Inactive" => new() { Disable = true },
            _ => throw new AwsRefusal(AwsError.Query(400, "ValidationError", "1 validation error detected: Value at 'status' failed to satisfy constraint: Member must satisfy enum value set: [Active, Inactive]")),
        }, cancellationToken).ConfigureAwait(false);
    }

    private async Task DeleteAccessKeyAsync(IamCall call, CancellationToken cancellationToken)
    {
        Credential key = await FindKeyAsync(call, call.Needed("AccessKeyId", 128, 16), cancellationToken).ConfigureAwait(false);
        await _core.Admin.DeleteCredentialAsync(call.Caller, key.PublicId, cancellationToken).ConfigureAwait(false);
    }

    private async Task<Credential> FindKeyAsync(IamCall call, string id, CancellationToken cancellationToken)
    {
        AwsIdentity? user = UserOf(call, out string name);
        _ = await ReadAsync(call, name, cancellationToken).ConfigureAwait(false);
        IReadOnlyList<Credential> keys = user is null ? throw Missing("user", name) : await KeysAsync(call, user, cancellationToken).ConfigureAwait(false);
        return keys.FirstOrDefault(k => k.PublicId == id) ?? throw new AwsRefusal(AwsError.Query(404, "NoSuchEntity", "The Access Key with that id cannot be found."));
    }

    private async Task<bool> HasKeysAsync(IamCall call, AwsIdentity user, CancellationToken cancellationToken) =>
        !user.IsRole && (await KeysAsync(call, user, cancellationToken).ConfigureAwait(false)).Count > 0;

    private async Task<IReadOnlyList<Credential>> KeysAsync(IamCall call, AwsIdentity user, CancellationToken cancellationToken) =>
        [.. (await _core.Admin.ListCredentialsAsync(call.Caller, user.Principal.Name, cancellationToken).ConfigureAwait(false)).Where(c => c.Kind == CredentialKind.AccessKey)];

    /// <summary>The user that a call is about; without a name the caller.</summary>
    private AwsIdentity? UserOf(IamCall call, out string name)
    {
        name = call.Optional("UserName", 64) is { Length: > 0 } given ? given : AwsIdentity.ProfileOf(call.Caller.Principal).Name;
        call.Check();
        About(call, role: false, name);
        return AwsAccounts.Of(_core.Access).Find(call.Account, false, name);
    }
}
