using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Coffer.Core.Access;
using Coffer.Core.Audit;
using Coffer.Core.Errors;
using Coffer.Core.Sealing;
using Coffer.Core.Stores;

namespace Coffer.Core.Secrets;

/// <summary>What to list.</summary>
public sealed record ListRequest
{
    /// <summary>Most items on the page, 1–1,000.</summary>
    public required int Limit { get; init; }

    /// <summary>Continuation token of the page before, or null.</summary>
    public string? PageToken { get; init; }

    /// <summary>In which order.</summary>
    public SecretOrder Order { get; init; } = SecretOrder.Created;

    /// <summary>Whether backwards.</summary>
    public bool Descending { get; init; }

    /// <summary>Which secrets.</summary>
    public SecretFilter Filter { get; init; } = SecretFilter.Active;

    /// <summary>Only names that begin so.</summary>
    public string NamePrefix { get; init; } = "";

    /// <summary>Only names that this wire can express, or null.</summary>
    public WireNames? Wire { get; init; }

    /// <summary>A filter that no index serves, or null. At most 10,000 rows are examined per page.</summary>
    public Func<Secret, bool>? Where { get; init; }

    /// <summary>
    /// A filter over what only one wire knows (its annotation's JSON, or null), or null for none. At most 1,000 rows are examined per page.
    /// </summary>
    public (string Dialect, Func<string?, bool> Holds)? WhereAnnotation { get; init; }

    /// <summary>Canonical text of <see cref="Where"/> and <see cref="WhereAnnotation"/>: page tokens are bound to it.</summary>
    public string WhereText { get; init; } = "";

    /// <summary>Whether each item comes with its labelled versions.</summary>
    public bool WithVersions { get; init; }
}

/// <summary>One page of a listing. May be short, even empty, and still have a next one.</summary>
/// <param name="Vault">The vault.</param>
/// <param name="Items">Heads with, where asked for, their labelled versions.</param>
/// <param name="NextToken">Continuation token, or null at the end.</param>
public sealed record SecretPage(Vault Vault, ImmutableArray<SecretDescription> Items, string? NextToken);

public sealed partial class SecretService
{
    /// <summary>Most rows that one page examines.</summary>
    public const int RowsExaminedPerPage = 10_000;

    private const int Batch = 200;

    /// <summary>
    /// Lists secrets. Whoever may list the vault sees all of it; else the items that Coffer's grants let the caller
    /// describe; else it is refused. An item under a more specific deny is left out. Errors: AccessDenied; NotFound
    /// (vault); InvalidPageToken.
    /// </summary>
    public async ValueTask<SecretPage> ListAsync(Caller caller, VaultName vaultName, ListRequest request, CancellationToken cancellationToken)
    {
        long now = Now;
        Operation operation = request.Filter == SecretFilter.Active ? Operation.ListSecrets : Operation.ListDeleted;
        AccessSnapshot snapshot = _parts.Access.Current;
        Vault? vault = snapshot.Vaults.GetValueOrDefault(vaultName);
        AccessRequest container = Request(caller, operation, vaultName, vault, null, null, now);
        AccessDecision decision = AccessEvaluator.Decide(snapshot, container);
        bool itemwise = !decision.Allowed && !decision.Explicit && MayDescribeSome(snapshot, container);
        if (!decision.Allowed && !itemwise)
        {
            await _parts.RecordAsync(_parts.Record(caller, operation.Text(), vaultName, null, null, AuditDecision.Deny, decision.Reason)).ConfigureAwait(false);
            throw Error.AccessDenied(operation.Text(), vaultName.Value, decision.Reason, decision.Explicit);
        }

        if (vault is null)
        {
            await _parts.RecordAsync(_parts.Record(caller, operation.Text(), vaultName, null, null, AuditDecision.Fail, nameof(CofferErrorCode.NotFound))).ConfigureAwait(false);
            throw Error.NotFound("vault", vaultName.Value);
        }

        string scope = ScopeOf(vault, request);
        SecretPosition? after = request.PageToken is null ? null : Pages.Read(caller, scope, request.PageToken);
        await _parts.RecordAsync(_parts.Record(caller, operation.Text(), vaultName, null, null, AuditDecision.Allow, itemwise ? "item by item" : decision.Reason)).ConfigureAwait(false);
        List<Secret> items = [];
        for (int examined = 0; ;)
        {
            int ask = request.Where is null && request.WhereAnnotation is null && !itemwise ? Math.Min(Batch, request.Limit - items.Count + 1) : Batch;
            IReadOnlyList<Secret> rows = await _parts.Store.Secrets.ListAsync(QueryOf(vault, request, after, ask), cancellationToken).ConfigureAwait(false);
            foreach (Secret head in rows)
            {
                if (items.Count == request.Limit)
                {
                    return await PageAsync(vault, request, items, Pages.Make(caller, scope, after!.Value), cancellationToken).ConfigureAwait(false);
                }

                after = PositionOf(request.Order, head);
                examined++;
                Secret counts = SecretTransitions.AsOf(head, vault, now);
                if (!counts.IsGone(now) && counts.IsDeleted == head.IsDeleted && request.Where?.Invoke(head) != false
                    && await MayShowAsync(container, head, itemwise, cancellationToken).ConfigureAwait(false)
                    && await HoldsAsync(request, head, cancellationToken).ConfigureAwait(false))
                {
                    Keyring keys = _parts.Keys;
                    Verified(() => RowMacs.Verify(keys, head, vault.Number));
                    items.Add(head);
                }
            }

            if (rows.Count < ask)
            {
                return await PageAsync(vault, request, items, null, cancellationToken).ConfigureAwait(false);
            }

            if (examined >= (request.WhereAnnotation is null ? RowsExaminedPerPage : RowsExaminedPerPage / 10))
            {
                return await PageAsync(vault, request, items, Pages.Make(caller, scope, after!.Value), cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async ValueTask<SecretPage> PageAsync(Vault vault, ListRequest request, List<Secret> heads, string? next, CancellationToken cancellationToken) => new(
        vault,
        request.WithVersions
            ? await DescribeAllAsync(vault, heads, cancellationToken).ConfigureAwait(false)
            : [.. heads.Select(h => new SecretDescription(vault, h, [], ImmutableDictionary<string, string>.Empty))],
        next);

    /// <summary>
    /// Reads many values, each decided by itself: one outcome per path, in order. Never throws for a single item.
    /// </summary>
    public async ValueTask<ImmutableArray<(SecretReading? Reading, CofferError? Failure)>> GetValuesAsync(
        Caller caller, IReadOnlyList<(SecretPath Path, VersionSelector Selector)> wanted, CancellationToken cancellationToken)
    {
        // Judged one by one and recorded together: one hand-over to the flush of the trail for all of them.
        ReadOutcome[] outcomes = new ReadOutcome[wanted.Count];
        List<AuditRecord> records = new(wanted.Count);
        for (int i = 0; i < outcomes.Length; i++)
        {
            outcomes[i] = await JudgeOneAsync(caller, wanted[i].Path, wanted[i].Selector, records, cancellationToken).ConfigureAwait(false);
        }

        await _parts.RecordAllAsync(records).ConfigureAwait(false);
        ImmutableArray<(SecretReading? Reading, CofferError? Failure)>.Builder read = ImmutableArray.CreateBuilder<(SecretReading?, CofferError?)>(outcomes.Length);
        try
        {
            foreach (ReadOutcome outcome in outcomes)
            {
                read.Add(OpenOne(outcome));
            }

            return read.MoveToImmutable();
        }
        catch
        {
            foreach ((SecretReading? reading, _) in read)
            {
                reading?.Dispose();
            }

            throw;
        }
    }

    /// <summary>One of many reads before it is opened: what was found, or why it is not.</summary>
    private readonly record struct ReadOutcome(Vault? Vault, Secret? Head, Selected Selected, CofferError? Failure);

    private async ValueTask<ReadOutcome> JudgeOneAsync(Caller caller, SecretPath path, VersionSelector selector, List<AuditRecord> records, CancellationToken cancellationToken)
    {
        const string action = nameof(Operation.ReadValue);
        try
        {
            (Vault? vault, CachedSecret? found, Selected selected, AccessDecision decision) = await JudgeReadAsync(caller, Operation.ReadValue, path, selector, cancellationToken).ConfigureAwait(false);
            if (!decision.Allowed)
            {
                (AuditRecord denial, CofferException refusal) = Denied(caller, action, path, selector.Describe(), decision);
                records.Add(denial);
                return new(vault, null, selected, refusal.Error);
            }

            if (selected.Failure is { } failure)
            {
                if (failure.Code is CofferErrorCode.Sealed or CofferErrorCode.Unavailable)
                {
                    throw failure;
                }

                records.Add(_parts.Record(caller, action, path.Vault, path.Name, selector.Describe(), AuditDecision.Fail, failure.Code.ToString()));
                return new(vault, null, selected, failure.Error);
            }

            records.Add(_parts.Record(caller, action, path.Vault, path.Name, Text(selected.Version!.Number), AuditDecision.Allow, decision.Reason));
            return new(vault, found!.Head, selected, null);
        }
        catch (CofferException failure) when (failure.Code is not (CofferErrorCode.Sealed or CofferErrorCode.Unavailable))
        {
            return new(null, null, default, failure.Error);
        }
    }

    private (SecretReading? Reading, CofferError? Failure) OpenOne(ReadOutcome outcome)
    {
        if (outcome.Head is not { } head)
        {
            return (null, outcome.Failure);
        }

        SecretVersion version = outcome.Selected.Version!;
        try
        {
            NoteRead(head, version);
            return (new(outcome.Vault!, head, version, outcome.Selected.Labels, Open(outcome.Vault!, head, version, outcome.Selected.Sealed)), null);
        }
        catch (CofferException failure) when (failure.Code is not (CofferErrorCode.Sealed or CofferErrorCode.Unavailable))
        {
            return (null, failure.Error);
        }
    }

    private static bool MayDescribeSome(AccessSnapshot snapshot, AccessRequest container)
    {
        AccessRequest describe = container with { Operation = Operation.ReadMetadata };
        IPolicyLanguage own = snapshot.Languages[0];
        return own.MayHoldBelow(snapshot.Applicable(own, describe, []), describe);
    }

    private async ValueTask<bool> MayShowAsync(AccessRequest container, Secret head, bool itemwise, CancellationToken cancellationToken)
    {
        AccessRequest item = container with { Operation = itemwise ? Operation.ReadMetadata : container.Operation, Name = head.Name, Head = head };
        AccessDecision decision = await DecideAsync(item, cancellationToken).ConfigureAwait(false);
        return itemwise ? decision.Allowed : decision is not { Allowed: false, Explicit: true };
    }

    private async ValueTask<bool> HoldsAsync(ListRequest request, Secret head, CancellationToken cancellationToken)
    {
        if (request.WhereAnnotation is not { } where)
        {
            return true;
        }

        IReadOnlyList<SecretAnnotation> annotations = await _parts.Store.Secrets.AnnotationsAsync(head.Id, cancellationToken).ConfigureAwait(false);
        return where.Holds(annotations.FirstOrDefault(a => a.Number == 0 && a.Dialect == where.Dialect).Json);
    }

    private static SecretListQuery QueryOf(Vault vault, ListRequest request, SecretPosition? after, int limit) => new()
    {
        VaultId = vault.Id,
        Filter = request.Filter,
        Order = request.Order,
        Descending = request.Descending,
        After = after,
        NamePrefix = request.NamePrefix,
        Wire = request.Wire,
        Limit = limit,
    };

    private static SecretPosition PositionOf(SecretOrder order, Secret head) => order switch
    {
        SecretOrder.Created => new(head.Created, "", head.Id),
        SecretOrder.Changed => new(head.Changed, "", head.Id),
        SecretOrder.LastRead => new(head.LastReadDay ?? -1, "", head.Id),
        SecretOrder.Name => new(0, head.Name.Value, head.Id),
    };

    private static string ScopeOf(Vault vault, ListRequest request)
    {
        string where = request.WhereText.Length == 0 ? "" : Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(request.WhereText)));
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{vault.Number}|{(int)request.Order}|{request.Descending}|{(int)request.Filter}|{(int)(request.Wire ?? 0)}|{request.NamePrefix.Length}:{request.NamePrefix}|{where}");
    }
}
