using Coffer.Core.Access;
using Coffer.Core.Errors;
using Coffer.Core.Sealing;
using Coffer.Core.Secrets;

namespace Coffer.Core.Stores;

/// <summary>What a whole check found.</summary>
public sealed record CheckReport
{
    /// <summary>Vaults looked at.</summary>
    public long Vaults { get; internal set; }

    /// <summary>Secrets looked at, deleted ones included.</summary>
    public long Secrets { get; internal set; }

    /// <summary>Versions looked at.</summary>
    public long Versions { get; internal set; }

    /// <summary>Values opened.</summary>
    public long Values { get; internal set; }

    /// <summary>Principals, groups, trusts, policies and credentials looked at.</summary>
    public long AccessRows { get; internal set; }

    /// <summary>What failed, by uid, number or id; never a value. Empty = every record opens.</summary>
    public IReadOnlyList<string> Faults => FaultList;

    internal List<string> FaultList { get; } = [];
}

/// <summary>Proves that every record of a store is authentic and opens: of a live one, or of a backup before it is trusted.</summary>
public static class StoreCheck
{
    private const int PageSize = 500;
    private const int MaxFaults = 1_000;

    /// <summary>Looks at every row and opens every value, one after another; memory does not grow with the store.</summary>
    public static async ValueTask<CheckReport> RunAsync(IStore store, Keyring keys, CancellationToken cancellationToken)
    {
        CheckReport report = new();
        AccessRows rows = await store.Access.LoadAsync(cancellationToken).ConfigureAwait(false);
        ILookup<Attachment, Policy> policies = rows.Policies.ToLookup(p => p.AttachedTo);
        foreach (Vault vault in await store.Secrets.VaultsAsync(cancellationToken).ConfigureAwait(false))
        {
            report.Vaults++;
            Note(report, RowMacs.Holds(keys, vault), $"vault {vault.Name}");
            Note(report, IsWhole(policies[Attachment.To(vault.Number)], vault.PolicyDigest), $"policies of vault {vault.Name}");
            await VaultAsync(store, keys, vault, report, cancellationToken).ConfigureAwait(false);
        }

        await AccessAsync(store, keys, rows, policies, report, cancellationToken).ConfigureAwait(false);
        return report;
    }

    private static async ValueTask VaultAsync(IStore store, Keyring keys, Vault vault, CheckReport report, CancellationToken cancellationToken)
    {
        SecretPosition? after = null;
        while (true)
        {
            IReadOnlyList<Secret> page = await store.Secrets.ListAsync(
                new() { VaultId = vault.Id, Filter = SecretFilter.All, Order = SecretOrder.Name, After = after, Limit = PageSize }, cancellationToken).ConfigureAwait(false);
            foreach (Secret head in page)
            {
                report.Secrets++;
                Note(report, Try(() => RowMacs.Verify(keys, head, vault.Number)), $"secret {head.Uid}");
                if (head.LabelCount > 0)
                {
                    byte[] digest = RowMacs.LabelDigest(await store.Secrets.LabelsAsync(head.Id, cancellationToken).ConfigureAwait(false));
                    Note(report, digest.AsSpan().SequenceEqual(head.LabelDigest.Span), $"labels of secret {head.Uid}");
                }

                if (head.PolicyLanguages != 0)
                {
                    IReadOnlyList<Policy> policies = await store.Access.PoliciesAsync(Attachment.To(head.Uid), cancellationToken).ConfigureAwait(false);
                    Note(report, IsWhole(policies, head.PolicyDigest) && policies.All(p => RowMacs.Holds(keys, p)), $"policies of secret {head.Uid}");
                }

                await VersionsAsync(store, keys, vault, head, report, cancellationToken).ConfigureAwait(false);
            }

            if (page.Count < PageSize)
            {
                return;
            }

            after = new(0, page[^1].Name.Value, page[^1].Id);
        }
    }

    private static async ValueTask VersionsAsync(IStore store, Keyring keys, Vault vault, Secret head, CheckReport report, CancellationToken cancellationToken)
    {
        int count = 0;
        for (int after = 0; ;)
        {
            IReadOnlyList<SecretVersion> page = await store.Secrets.VersionsAsync(head.Id, after, false, PageSize, cancellationToken).ConfigureAwait(false);
            foreach (SecretVersion version in page)
            {
                count++;
                report.Versions++;
                after = version.Number;
                string name = $"secret {head.Uid} version {version.Number}";
                Note(report, Try(() => RowMacs.Verify(keys, version, head.Uid)), name);
                if (version is { HasValue: true, DestroyedAt: null })
                {
                    ReadOnlyMemory<byte>? sealedValue = (await store.Secrets.FindVersionAsync(head.Id, version.Number, cancellationToken).ConfigureAwait(false))?.Sealed;
                    report.Values++;
                    Note(report, sealedValue is { } bytes && Opens(keys, bytes, vault, head, version), "value of " + name);
                }
            }

            if (page.Count < PageSize)
            {
                Note(report, count == head.VersionCount, $"number of versions of secret {head.Uid}");
                return;
            }
        }
    }

    private static async ValueTask AccessAsync(
        IStore store, Keyring keys, AccessRows rows, ILookup<Attachment, Policy> policies, CheckReport report, CancellationToken cancellationToken)
    {
        // A row that is gone has no mac to check: what it hung on vouches for it.
        ILookup<Guid, Guid> groupsOf = rows.Groups.SelectMany(g => g.Members.Select(m => (Member: m, g.Id))).ToLookup(p => p.Member, p => p.Id);
        Each(report, rows.Principals, p => IsWhole(policies[Attachment.ToPrincipal(p.Id)], p.PolicyDigest, groupsOf[p.Id]), p => $"policies or groups of principal {p.Name}", counts: false);
        Each(report, rows.Groups, g => IsWhole(policies[Attachment.ToGroup(g.Id)], g.PolicyDigest), g => $"policies of group {g.Name}", counts: false);
        Each(report, rows.Principals, p => RowMacs.Holds(keys, p), p => $"principal {p.Name}");
        Each(report, rows.Groups, g => RowMacs.Holds(keys, g), g => $"group {g.Name}");
        Each(report, rows.Trusts, t => RowMacs.Holds(keys, t), t => $"trust {t.Name}");
        Each(report, rows.Policies, p => RowMacs.Holds(keys, p), p => $"policy {p.Id:D}");
        Each(report, rows.Roles, r => RowMacs.Holds(keys, r), r => $"role {r.Name}");
        Each(report, rows.Approvals, a => RowMacs.Holds(keys, a), a => $"request {a.Id}");
        Each(report, rows.Aliases, a => RowMacs.Holds(keys, a), a => $"alias {a.Name}");
        string after = "";
        while (await store.Access.CredentialsAsync(null, after, PageSize, cancellationToken).ConfigureAwait(false) is { Count: > 0 } page)
        {
            Each(report, page, c => RowMacs.Holds(keys, c) && (c.Sealed.IsEmpty || Opens(keys, c)), c => $"credential {c.PublicId}");
            after = page[^1].PublicId;
        }
    }

    private static bool Opens(Keyring keys, ReadOnlyMemory<byte> bytes, Vault vault, Secret head, SecretVersion version)
    {
        try
        {
            using SecretValue value = keys.Open(bytes.Span, SealContext.ForValue(vault.Number.Value, head.Uid.Value, version.Number, version.Id.Value, (byte)version.Kind));
            return value.Length == version.Size;
        }
        catch (SealIntegrityException)
        {
            return false;
        }
    }

    private static bool Opens(Keyring keys, Credential credential)
    {
        try
        {
            using SecretValue value = keys.Open(credential.Sealed.Span, SealContext.ForCredential(credential.PublicId));
            return true;
        }
        catch (SealIntegrityException)
        {
            return false;
        }
    }

    private static bool IsWhole(IEnumerable<Policy> policies, ReadOnlyMemory<byte> digest, IEnumerable<Guid>? groups = null) =>
        RowMacs.PolicyDigest(policies, groups).AsSpan().SequenceEqual(digest.Span);

    private static bool Try<T>(Func<T> verify)
    {
        try
        {
            verify();
            return true;
        }
        catch (CofferException)
        {
            return false;
        }
    }

    private static void Each<T>(CheckReport report, IReadOnlyList<T> rows, Func<T, bool> holds, Func<T, string> name, bool counts = true)
    {
        foreach (T row in rows)
        {
            report.AccessRows += counts ? 1 : 0;
            Note(report, holds(row), name(row));
        }
    }

    private static void Note(CheckReport report, bool good, string what)
    {
        if (!good && report.FaultList.Count < MaxFaults)
        {
            report.FaultList.Add(what);
        }
    }
}
