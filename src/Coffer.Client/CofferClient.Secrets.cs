using System.Globalization;
using System.Runtime.CompilerServices;
using Coffer.Contracts;

namespace Coffer.Client;

/// <summary>Which secrets a listing covers.</summary>
public enum DeletedSecrets
{
    /// <summary>Only those that are not scheduled for deletion.</summary>
    Exclude = 0,

    /// <summary>Both.</summary>
    Include = 1,

    /// <summary>Only those scheduled for deletion.</summary>
    Only = 2,
}

/// <summary>What to list.</summary>
public sealed record ListOptions
{
    /// <summary>Only names that begin so.</summary>
    public string? Prefix { get; init; }

    /// <summary>Most secrets on a page, 1–1,000; null = 100.</summary>
    public int? Limit { get; init; }

    /// <summary>The <c>Next</c> of the page before.</summary>
    public string? Page { get; init; }

    /// <summary><c>name</c> (default), <c>created</c>, <c>changed</c> or <c>lastRead</c>; with a <c>-</c> in front, backwards.</summary>
    public string? Order { get; init; }

    /// <summary>Whether to show deleted ones.</summary>
    public DeletedSecrets Deleted { get; init; }
}

public sealed partial class CofferClient
{
    /// <summary>The vaults that we may see.</summary>
    public Task<VaultList> ListVaultsAsync(CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Get, "/coffer/v1/vaults", ContractsJson.Default.VaultList, cancellationToken);

    /// <summary>One vault.</summary>
    public Task<VaultInfo> GetVaultAsync(string vault, CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Get, PathOf(vault), ContractsJson.Default.VaultInfo, cancellationToken);

    /// <summary>Creates a vault.</summary>
    public Task<VaultInfo> CreateVaultAsync(NewVault vault, CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Post, "/coffer/v1/vaults", ContractsJson.Default.VaultInfo, cancellationToken, Body(vault, ContractsJson.Default.NewVault));

    /// <summary>Changes a vault's settings.</summary>
    public Task<VaultInfo> UpdateVaultAsync(string vault, VaultChange change, CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Patch, PathOf(vault), ContractsJson.Default.VaultInfo, cancellationToken, Body(change, ContractsJson.Default.VaultChange));

    /// <summary>Removes an empty vault.</summary>
    public Task DeleteVaultAsync(string vault, CancellationToken cancellationToken = default) => CallAsync(HttpMethod.Delete, PathOf(vault), cancellationToken);

    /// <summary>One page of secrets.</summary>
    public Task<SecretList> ListSecretsAsync(string vault, ListOptions? options = null, CancellationToken cancellationToken = default)
    {
        options ??= new();
        string query = Query(
            ("prefix", options.Prefix), ("limit", Text(options.Limit)), ("page", options.Page), ("order", options.Order),
            ("deleted", options.Deleted switch { DeletedSecrets.Only => "only", DeletedSecrets.Include => "include", _ => null }));
        return CallAsync(HttpMethod.Get, $"{PathOf(vault)}/secrets{query}", ContractsJson.Default.SecretList, cancellationToken);
    }

    /// <summary>All secrets, page after page.</summary>
    public async IAsyncEnumerable<SecretInfo> EnumerateSecretsAsync(string vault, ListOptions? options = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        options ??= new();
        do
        {
            SecretList page = await ListSecretsAsync(vault, options, cancellationToken).ConfigureAwait(false);
            foreach (SecretInfo secret in page.Secrets)
            {
                yield return secret;
            }

            options = options with { Page = page.Next };
        }
        while (options.Page is not null);
    }

    /// <summary>Metadata of one secret with its labelled versions.</summary>
    public Task<SecretInfo> GetSecretAsync(string vault, string name, CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Get, PathOf(vault, name), ContractsJson.Default.SecretInfo, cancellationToken);

    /// <summary>Creates a secret; fails where the name is taken.</summary>
    public Task<WriteResult> CreateSecretAsync(string vault, NewSecret secret, CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Post, $"{PathOf(vault)}/secrets", ContractsJson.Default.WriteResult, cancellationToken, Body(secret, ContractsJson.Default.NewSecret));

    /// <summary>Reads one value: the current one, or that of a version (number or id) or label. Dispose the answer.</summary>
    public Task<SecretContent> GetValueAsync(string vault, string name, string? version = null, string? label = null, CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Get, $"{PathOf(vault, name)}/value{Query(("version", version), ("label", label))}", ContractsJson.Default.SecretContent, cancellationToken);

    /// <summary>Adds a version; creates the secret where there is none.</summary>
    public Task<WriteResult> PutValueAsync(string vault, string name, NewValue value, CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Put, PathOf(vault, name), ContractsJson.Default.WriteResult, cancellationToken, Body(value, ContractsJson.Default.NewValue));

    /// <summary>Changes description and tags. <paramref name="ifMatch"/>: the <see cref="SecretInfo.ETag"/> that must still hold, or null.</summary>
    public Task<WriteResult> UpdateSecretAsync(string vault, string name, SecretChange change, string? ifMatch = null, CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Patch, PathOf(vault, name), ContractsJson.Default.WriteResult, cancellationToken, Body(change, ContractsJson.Default.SecretChange), ifMatch: ifMatch);

    /// <summary>Deletes recoverably, for <paramref name="days"/> (7–90; null = the vault's retention).</summary>
    public Task<WriteResult> DeleteSecretAsync(string vault, string name, int? days = null, CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Delete, $"{PathOf(vault, name)}{Query(("days", Text(days)))}", ContractsJson.Default.WriteResult, cancellationToken);

    /// <summary>Removes for good.</summary>
    public Task<WriteResult> PurgeSecretAsync(string vault, string name, CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Delete, $"{PathOf(vault, name)}?purge=true", ContractsJson.Default.WriteResult, cancellationToken);

    /// <summary>Takes a deletion back.</summary>
    public Task<WriteResult> RecoverSecretAsync(string vault, string name, CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Post, $"{PathOf(vault, name)}/recover", ContractsJson.Default.WriteResult, cancellationToken);

    /// <summary>One page of versions, newest first. <paramref name="before"/>: the <c>Next</c> of the page before.</summary>
    public Task<VersionList> ListVersionsAsync(string vault, string name, int? before = null, int? limit = null, CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Get, $"{PathOf(vault, name)}/versions{Query(("before", Text(before)), ("limit", Text(limit)))}", ContractsJson.Default.VersionList, cancellationToken);

    /// <summary>Makes an older version (number or id) current again.</summary>
    public Task<WriteResult> RollbackAsync(string vault, string name, string to, CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Post, $"{PathOf(vault, name)}/rollback", ContractsJson.Default.WriteResult, cancellationToken, Body(new Rollback { To = to }, ContractsJson.Default.Rollback));

    /// <summary>Moves, attaches or takes off a label.</summary>
    public Task<WriteResult> MoveLabelAsync(string vault, string name, LabelMove move, CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Post, $"{PathOf(vault, name)}/labels", ContractsJson.Default.WriteResult, cancellationToken, Body(move, ContractsJson.Default.LabelMove));

    /// <summary>Makes versions readable.</summary>
    public Task<WriteResult> EnableVersionsAsync(string vault, string name, IReadOnlyList<int> versions, CancellationToken cancellationToken = default) =>
        OnVersionsAsync(vault, name, "enable", versions, cancellationToken);

    /// <summary>Makes versions unreadable; they are kept.</summary>
    public Task<WriteResult> DisableVersionsAsync(string vault, string name, IReadOnlyList<int> versions, CancellationToken cancellationToken = default) =>
        OnVersionsAsync(vault, name, "disable", versions, cancellationToken);

    /// <summary>Erases the values of versions.</summary>
    public Task<WriteResult> DestroyVersionsAsync(string vault, string name, IReadOnlyList<int> versions, CancellationToken cancellationToken = default) =>
        OnVersionsAsync(vault, name, "destroy", versions, cancellationToken);

    /// <summary>Reads up to 100 values, each decided by itself. Dispose the answer.</summary>
    public Task<ResolveResult> ResolveAsync(IReadOnlyList<SecretReference> references, CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Post, "/coffer/v1/resolve", ContractsJson.Default.ResolveResult, cancellationToken, Body(new ResolveRequest { References = references }, ContractsJson.Default.ResolveRequest));

    private Task<WriteResult> OnVersionsAsync(string vault, string name, string action, IReadOnlyList<int> versions, CancellationToken cancellationToken) =>
        CallAsync(HttpMethod.Post, $"{PathOf(vault, name)}/{action}", ContractsJson.Default.WriteResult, cancellationToken, Body(new VersionNumbers { Versions = versions }, ContractsJson.Default.VersionNumbers));

    private static string PathOf(string vault) => $"/coffer/v1/vaults/{Part(vault)}";

    private static string PathOf(string vault, string name) => $"{PathOf(vault)}/secrets/{Part(name)}";

    private static string? Text(int? number) => number?.ToString(CultureInfo.InvariantCulture);
}
