using System.Collections.Immutable;
using System.Globalization;
using Coffer.Core.Access;
using Coffer.Core.Audit;
using Coffer.Core.Errors;
using Coffer.Core.Sealing;
using Coffer.Core.Stores;

namespace Coffer.Core.Secrets;

/// <summary>
/// The use cases on secrets. Every method takes a <see cref="Caller"/> first and does, in this order: look the name up,
/// decide on the name, record, act. Who would be denied cannot tell a missing secret from a forbidden one.
/// </summary>
public sealed partial class SecretService
{
    private const int ReadAttempts = 10;

    private readonly CoreParts _parts;
    private PageTokens? _pages;
    private Keyring? _pagesOf;

    internal SecretService(CoreParts parts) => _parts = parts;

    private long Now => _parts.Clock.Now();

    private PageTokens Pages
    {
        get
        {
            Keyring keys = _parts.Keys;
            if (!ReferenceEquals(_pagesOf, keys) || _pages is null)
            {
                _pages = new(keys.DeriveKey("page-tokens"));
                _pagesOf = keys;
            }

            return _pages;
        }
    }

    /// <summary>The vault of a path, or null where there is none of that name.</summary>
    private Vault? VaultOf(VaultName name) => _parts.Access.Current.Vaults.GetValueOrDefault(name);

    /// <summary>
    /// The verified head, current version and sealed value; null where the name is free or its row counts as gone.
    /// </summary>
    private async ValueTask<CachedSecret?> FindAsync(Vault vault, SecretName name, string location, long now, CancellationToken cancellationToken)
    {
        if (!_parts.Cache.TryFind(vault.Id, location, name.Value, out CachedSecret? cached))
        {
            long stamp = _parts.Cache.Stamp(vault.Id, name.Value);
            SecretRow? row = await _parts.Store.Secrets.FindCurrentAsync(vault.Id, location, name.Value, cancellationToken).ConfigureAwait(false);
            if (row is null)
            {
                _parts.Cache.Keep(vault.Id, location, name.Value, null, stamp);
                return null;
            }

            Keyring keys = _parts.Keys;
            Verified(() => RowMacs.Verify(keys, row.Head, vault.Number));
            if (row.Version is { } version)
            {
                Verified(() => RowMacs.Verify(keys, version, row.Head.Uid));
            }

            (Secret current, ImmutableSortedDictionary<VersionLabel, int> labels) = await TogetherAsync(vault, row.Head, cancellationToken).ConfigureAwait(false);
            if (!System.Security.Cryptography.CryptographicOperations.FixedTimeEquals(current.Mac.Span, row.Head.Mac.Span))
            {
                // Written in between: its version may be another one too.
                return await FindAsync(vault, name, location, now, cancellationToken).ConfigureAwait(false);
            }

            SecretState state = new() { Head = row.Head, Labels = labels };
            cached = new(row.Head, row.Version, row.Sealed, row.Version is null ? [] : state.LabelsOf(row.Version.Number));
            _parts.Cache.Keep(vault.Id, location, name.Value, cached, stamp);
        }

        if (cached is null)
        {
            return null;
        }

        Secret head = SecretTransitions.AsOf(cached.Head, vault, now);
        return head.IsGone(now) ? null : ReferenceEquals(head, cached.Head) ? cached : cached with { Head = head };
    }

    /// <summary>The same by path: one that says which creation of the name it means finds no other.</summary>
    private async ValueTask<CachedSecret?> FindAsync(Vault? vault, SecretPath path, long now, CancellationToken cancellationToken) =>
        vault is not null && await FindAsync(vault, path.Name, "", now, cancellationToken).ConfigureAwait(false) is { } found && path.Means(found.Head.Uid) ? found : null;

    /// <summary>
    /// A head with its label rows, outside a transaction: where a write came in between, both are read again. Rows that do not belong to
    /// the head that is there are none that a writer left.
    /// </summary>
    private async ValueTask<(Secret Head, ImmutableSortedDictionary<VersionLabel, int> Labels)> TogetherAsync(Vault vault, Secret head, CancellationToken cancellationToken)
    {
        for (int attempt = 0; attempt < ReadAttempts; attempt++)
        {
            if (head.LabelCount == 0)
            {
                return (head, ImmutableSortedDictionary<VersionLabel, int>.Empty);
            }

            IReadOnlyList<KeyValuePair<VersionLabel, int>> rows = await _parts.Store.Secrets.LabelsAsync(head.Id, cancellationToken).ConfigureAwait(false);
            if (Belong(head, rows))
            {
                return (head, rows.ToImmutableSortedDictionary());
            }

            Secret there = await _parts.Store.Secrets.FindHeadAsync(head.Uid, cancellationToken).ConfigureAwait(false) ?? throw Error.NotFound("secret", head.Name.Value);
            if (System.Security.Cryptography.CryptographicOperations.FixedTimeEquals(there.Mac.Span, head.Mac.Span))
            {
                throw Alarmed(Error.Integrity($"labels of secret {head.Uid}"));
            }

            Verified(() => RowMacs.Verify(_parts.Keys, there, vault.Number));
            head = SecretTransitions.AsOf(there, vault, Now);
        }

        throw Error.VersionConflict("the secret is being changed by others");
    }

    private static bool Belong(Secret head, IReadOnlyList<KeyValuePair<VersionLabel, int>> rows) =>
        rows.Count == head.LabelCount && RowMacs.LabelDigest(rows).AsSpan().SequenceEqual(head.LabelDigest.Span);

    /// <summary>All label rows within a transaction, checked against the digest that the head's MAC covers.</summary>
    private async ValueTask<ImmutableSortedDictionary<VersionLabel, int>> LabelsAsync(ISecretStore store, Secret head, CancellationToken cancellationToken)
    {
        if (head.LabelCount == 0)
        {
            return ImmutableSortedDictionary<VersionLabel, int>.Empty;
        }

        IReadOnlyList<KeyValuePair<VersionLabel, int>> rows = await store.LabelsAsync(head.Id, cancellationToken).ConfigureAwait(false);
        if (!Belong(head, rows))
        {
            throw Alarmed(Error.Integrity($"labels of secret {head.Uid}"));
        }

        return rows.ToImmutableSortedDictionary();
    }

    private async ValueTask<(SecretVersion Version, ReadOnlyMemory<byte> Sealed)?> VersionAsync(ISecretStore store, Secret head, int number, CancellationToken cancellationToken)
    {
        if (number <= 0 || await store.FindVersionAsync(head.Id, number, cancellationToken).ConfigureAwait(false) is not { } found)
        {
            return null;
        }

        Keyring keys = _parts.Keys;
        Verified(() => RowMacs.Verify(keys, found.Version, head.Uid));
        return found;
    }

    /// <summary>Number of the version that a client's token names: its own, or an id in UUID form; 0 = none.</summary>
    private static async ValueTask<int> NumberOfAsync(ISecretStore store, Secret head, RequestToken token, CancellationToken cancellationToken)
    {
        int number = await store.FindNumberAsync(head.Id, token, cancellationToken).ConfigureAwait(false);
        return number != 0 || !token.TryGetVersionId(out VersionId id)
            ? number
            : await store.FindNumberAsync(head.Id, id, cancellationToken).ConfigureAwait(false) is var byId and not 0
                && await store.FindVersionAsync(head.Id, byId, cancellationToken).ConfigureAwait(false) is { Version.Token: null } ? byId : 0;
    }

    private async ValueTask<AccessDecision> DecideAsync(AccessRequest request, CancellationToken cancellationToken) =>
        AccessEvaluator.Decide(_parts.Access.Current, request, await _parts.Access.OnSecretAsync(request.Head, cancellationToken).ConfigureAwait(false));

    /// <summary>Asks every operation; the first that is not allowed decides.</summary>
    private async ValueTask<AccessDecision> DecideAsync(AccessRequest request, ImmutableArray<Operation> operations, CancellationToken cancellationToken)
    {
        AccessDecision decision = default;
        foreach (Operation operation in operations)
        {
            decision = await DecideAsync(request with { Operation = operation }, cancellationToken).ConfigureAwait(false);
            if (!decision.Allowed)
            {
                return decision;
            }
        }

        return decision;
    }

    private static AccessRequest Request(Caller caller, Operation operation, VaultName? vaultName, Vault? vault, SecretName? name, Secret? head, long now) => new()
    {
        Operation = operation,
        Caller = caller,
        Now = now,
        VaultName = vaultName,
        Vault = vault,
        Name = name,
        Head = head,
    };

    /// <summary>
    /// Records a denial and answers the exception to throw. Its subject is the name, never more than the caller sent; it tells
    /// <paramref name="told"/> where the action depends on what is there, which the caller may not know.
    /// </summary>
    private async ValueTask<CofferException> DeniedAsync(Caller caller, string action, SecretPath path, string? version, AccessDecision decision, string? told = null)
    {
        (AuditRecord record, CofferException refusal) = Denied(caller, action, path, version, decision, told);
        await _parts.RecordAsync(record).ConfigureAwait(false);
        return refusal;
    }

    private (AuditRecord Record, CofferException Refusal) Denied(Caller caller, string action, SecretPath path, string? version, AccessDecision decision, string? told = null) =>
        (_parts.Record(caller, action, path.Vault, path.Name, version, AuditDecision.Deny, decision.Reason), Error.AccessDenied(told ?? action, path.Name.Value, decision.Reason, decision.Explicit, decision.By));

    /// <summary>Records that an allowed call was refused by a rule and answers the exception to throw.</summary>
    private async ValueTask<CofferException> FailedAsync(Caller caller, string action, SecretPath path, string? version, CofferException failure)
    {
        if (failure.Code is not (CofferErrorCode.Sealed or CofferErrorCode.Unavailable))
        {
            await _parts.RecordAsync(_parts.Record(caller, action, path.Vault, path.Name, version, AuditDecision.Fail, failure.Code.ToString())).ConfigureAwait(false);
        }

        return failure;
    }

    private void Verified<T>(Func<T> check)
    {
        try
        {
            check();
        }
        catch (CofferException failure) when (failure.Code == CofferErrorCode.Integrity)
        {
            throw Alarmed(failure);
        }
    }

    private CofferException Alarmed(CofferException failure)
    {
        _parts.Alarm(failure.Error.Related ?? "a row");
        return failure;
    }

    private static SealContext ContextOf(Vault vault, Secret head, SecretVersion version) =>
        SealContext.ForValue(vault.Number.Value, head.Uid.Value, version.Number, version.Id.Value, (byte)version.Kind);

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
