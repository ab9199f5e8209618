using System.Runtime.CompilerServices;
using Coffer.Core.Access;
using Coffer.Core.Audit;
using Coffer.Core.Secrets;

namespace Coffer.Core.Stores;

/// <summary>The revisions that a store has now, to be compared with those that the trail recorded.</summary>
internal static class StoreRevisions
{
    private const int PageSize = 500;

    /// <summary>Every row whose revisions the trail follows, page by page.</summary>
    public static async IAsyncEnumerable<AuditStoreRow> ReadAsync(IStore store, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        AccessRows access = await store.Access.LoadAsync(cancellationToken).ConfigureAwait(false);
        foreach (AuditStoreRow row in access.Principals.Select(p => Row(AuditRowKind.Principal, p.Id, p.Revision))
            .Concat(access.Groups.Select(g => Row(AuditRowKind.Group, g.Id, g.Revision)))
            .Concat(access.Policies.Select(p => Row(AuditRowKind.Policy, p.Id, p.Revision)))
            .Concat(access.Trusts.Select(t => Row(AuditRowKind.Trust, t.Id, t.Revision)))
            .Concat(access.Approvals.Select(a => new AuditStoreRow(AuditRowKind.Approval, a.Id, a.Revision, []))))
        {
            yield return row;
        }

        string lastCredential = "";
        while (await store.Access.CredentialsAsync(null, lastCredential, PageSize, cancellationToken).ConfigureAwait(false) is { Count: > 0 } page)
        {
            foreach (Credential credential in page)
            {
                yield return new(AuditRowKind.Credential, credential.PublicId, credential.Revision, []);
            }

            lastCredential = page[^1].PublicId;
        }

        foreach (Vault vault in await store.Secrets.VaultsAsync(cancellationToken).ConfigureAwait(false))
        {
            yield return new(AuditRowKind.Vault, vault.Number.ToString(), vault.SettingsRevision, []);
            for (SecretPosition? after = null; ;)
            {
                IReadOnlyList<Secret> page = await store.Secrets.ListAsync(
                    new() { VaultId = vault.Id, Filter = SecretFilter.All, Order = SecretOrder.Name, After = after, Limit = PageSize }, cancellationToken).ConfigureAwait(false);
                foreach (Secret head in page)
                {
                    yield return new(AuditRowKind.Secret, head.Uid.ToString(), head.Revision, await VersionsAsync(store, head, cancellationToken).ConfigureAwait(false));
                }

                if (page.Count < PageSize)
                {
                    break;
                }

                after = new(0, page[^1].Name.Value, page[^1].Id);
            }
        }
    }

    private static AuditStoreRow Row(AuditRowKind kind, Guid id, long revision) => new(kind, id.ToString("D"), revision, []);

    private static async ValueTask<List<(int Number, long Revision)>> VersionsAsync(IStore store, Secret head, CancellationToken cancellationToken)
    {
        List<(int Number, long Revision)> versions = [];
        while (true)
        {
            IReadOnlyList<SecretVersion> page = await store.Secrets.VersionsAsync(
                head.Id, versions.Count == 0 ? 0 : versions[^1].Number, false, PageSize, cancellationToken).ConfigureAwait(false);
            versions.AddRange(page.Select(v => (v.Number, (long)v.Revision)));
            if (page.Count < PageSize)
            {
                return versions;
            }
        }
    }
}
