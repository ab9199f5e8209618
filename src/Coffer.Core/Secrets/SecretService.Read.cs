using System.Collections.Immutable;
using Coffer.Core.Access;
using Coffer.Core.Audit;
using Coffer.Core.Errors;
using Coffer.Core.Sealing;
using Coffer.Core.Stores;

namespace Coffer.Core.Secrets;

/// <summary>One value with everything a wire shows beside it. Dispose it: the plaintext is zeroed then.</summary>
public sealed class SecretReading : IDisposable
{
    internal SecretReading(Vault vault, Secret head, SecretVersion version, ImmutableArray<VersionLabel> labels, SecretValue value)
    {
        Vault = vault;
        Head = head;
        Version = version;
        Labels = labels;
        Value = value;
    }

    /// <summary>The vault.</summary>
    public Vault Vault { get; }

    /// <summary>The secret's head.</summary>
    public Secret Head { get; }

    /// <summary>The version.</summary>
    public SecretVersion Version { get; }

    /// <summary>The version's labels, pointers included, in ordinal order.</summary>
    public ImmutableArray<VersionLabel> Labels { get; }

    /// <summary>The plaintext.</summary>
    public SecretValue Value { get; }

    /// <inheritdoc/>
    public void Dispose() => Value.Dispose();
}

/// <summary>Metadata of a secret with its labelled versions.</summary>
/// <param name="Vault">The vault.</param>
/// <param name="Head">The head.</param>
/// <param name="Versions">Versions that carry a label or pointer, newest first, with their labels.</param>
/// <param name="Annotations">What only one wire knows, by dialect (of the secret itself).</param>
public sealed record SecretDescription(
    Vault Vault,
    Secret Head,
    ImmutableArray<(SecretVersion Version, ImmutableArray<VersionLabel> Labels)> Versions,
    ImmutableDictionary<string, string> Annotations);

/// <summary>One page of a secret's versions.</summary>
/// <param name="Description">The secret, with its labelled versions.</param>
/// <param name="Versions">Versions with their labels, without values.</param>
/// <param name="NextToken">Continuation token, or null at the end.</param>
public sealed record VersionPage(SecretDescription Description, ImmutableArray<(SecretVersion Version, ImmutableArray<VersionLabel> Labels)> Versions, string? NextToken);

public sealed partial class SecretService
{
    /// <summary>
    /// Reads one value. Errors: AccessDenied; NotFound; Deleted; VersionNotFound; LabelNotFound; LabelConflict (the label
    /// is not on the version named); Disabled; Destroyed; Integrity; Unavailable; Sealed.
    /// </summary>
    public async ValueTask<SecretReading> GetValueAsync(Caller caller, SecretPath path, VersionSelector selector, CancellationToken cancellationToken)
    {
        const string action = nameof(Operation.ReadValue);
        (Vault? vault, CachedSecret? found, Selected selected, AccessDecision decision) = await JudgeReadAsync(caller, Operation.ReadValue, path, selector, cancellationToken).ConfigureAwait(false);
        if (!decision.Allowed)
        {
            throw await DeniedAsync(caller, action, path, selector.Describe(), decision).ConfigureAwait(false);
        }

        if (selected.Failure is { } failure)
        {
            throw await FailedAsync(caller, action, path, selector.Describe(), failure).ConfigureAwait(false);
        }

        await _parts.RecordAsync(_parts.Record(caller, action, path.Vault, path.Name, Text(selected.Version!.Number), AuditDecision.Allow, decision.Reason)).ConfigureAwait(false);
        NoteRead(found!.Head, selected.Version);
        return new(vault!, found.Head, selected.Version, selected.Labels, Open(vault!, found.Head, selected.Version, selected.Sealed));
    }

    /// <summary>Metadata and labelled versions. Works on a secret scheduled for deletion too. Errors: AccessDenied; NotFound.</summary>
    public async ValueTask<SecretDescription> DescribeAsync(Caller caller, SecretPath path, CancellationToken cancellationToken)
    {
        (Vault vault, Secret head) = await AuthoriseMetadataAsync(caller, Operation.ReadMetadata, path, cancellationToken).ConfigureAwait(false);
        return await DescribeAsync(vault, head, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// Versions behind a number, in ascending or descending order, without values. Errors: AccessDenied; NotFound.
    /// </summary>
    public async ValueTask<(SecretDescription Description, ImmutableArray<(SecretVersion Version, ImmutableArray<VersionLabel> Labels)> Versions)> ListVersionsAsync(
        Caller caller, SecretPath path, int after, bool descending, int limit, CancellationToken cancellationToken)
    {
        (Vault vault, Secret head) = await AuthoriseMetadataAsync(caller, Operation.ListVersions, path, cancellationToken).ConfigureAwait(false);
        IReadOnlyList<SecretVersion> rows = await _parts.Store.Secrets.VersionsAsync(head.Id, after, descending, limit, cancellationToken).ConfigureAwait(false);
        Keyring keys = _parts.Keys;
        foreach (SecretVersion row in rows)
        {
            Verified(() => Stores.RowMacs.Verify(keys, row, head.Uid));
        }

        SecretDescription description = await DescribeAsync(vault, head, cancellationToken).ConfigureAwait(false);
        (Secret current, ImmutableSortedDictionary<VersionLabel, int> labels) = await TogetherAsync(vault, description.Head, cancellationToken).ConfigureAwait(false);
        SecretState state = new() { Head = current, Labels = labels };
        return (description, [.. rows.Select(v => (v, state.LabelsOf(v.Number)))]);
    }

    /// <summary>
    /// A page of versions, newest first, behind the one that a token names. Errors: AccessDenied; NotFound; InvalidPageToken.
    /// </summary>
    /// <param name="caller">Who asks.</param>
    /// <param name="path">Which secret.</param>
    /// <param name="labelled">Whether only versions with a label or pointer.</param>
    /// <param name="limit">Most items, 1 to 1,000.</param>
    /// <param name="pageToken">Continuation token of the page before, or null.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async ValueTask<VersionPage> ListVersionsAsync(Caller caller, SecretPath path, bool labelled, int limit, string? pageToken, CancellationToken cancellationToken)
    {
        string scope = $"versions|{path.Vault}|{path.Name}|{labelled}";
        int before = pageToken is null ? int.MaxValue : (int)Pages.Read(caller, scope, pageToken).Number;
        (SecretDescription description, ImmutableArray<(SecretVersion Version, ImmutableArray<VersionLabel> Labels)> versions) =
            await ListVersionsAsync(caller, path, before, descending: true, labelled ? 0 : limit + 1, cancellationToken).ConfigureAwait(false);
        versions = labelled ? [.. description.Versions.Where(v => v.Version.Number < before).Take(limit + 1)] : versions;
        return versions.Length <= limit
            ? new(description, versions, null)
            : new(description, versions[..limit], Pages.Make(caller, scope, new(versions[limit - 1].Version.Number, "", description.Head.Id)));
    }

    /// <summary>
    /// Whether the caller may describe the secret: what decides if a denial text may name it. Not recorded, since the
    /// denial it belongs to is.
    /// </summary>
    public async ValueTask<Secret?> DescribableAsync(Caller caller, SecretPath path, CancellationToken cancellationToken)
    {
        long now = Now;
        Vault? vault = VaultOf(path.Vault);
        CachedSecret? found = await FindAsync(vault, path, now, cancellationToken).ConfigureAwait(false);
        AccessDecision decision = await DecideAsync(Request(caller, Operation.ReadMetadata, path.Vault, vault, path.Name, found?.Head, now), cancellationToken).ConfigureAwait(false);
        return decision.Allowed ? found?.Head : null;
    }

    private async ValueTask<(Vault Vault, Secret Head)> AuthoriseMetadataAsync(Caller caller, Operation operation, SecretPath path, CancellationToken cancellationToken)
    {
        long now = Now;
        Vault? vault = VaultOf(path.Vault);
        CachedSecret? found = await FindAsync(vault, path, now, cancellationToken).ConfigureAwait(false);
        AccessDecision decision = await DecideAsync(Request(caller, operation, path.Vault, vault, path.Name, found?.Head, now), cancellationToken).ConfigureAwait(false);
        if (!decision.Allowed)
        {
            throw await DeniedAsync(caller, operation.Text(), path, null, decision).ConfigureAwait(false);
        }

        if (found is null)
        {
            throw await FailedAsync(caller, operation.Text(), path, null, Error.NotFound(path)).ConfigureAwait(false);
        }

        await _parts.RecordAsync(_parts.Record(caller, operation.Text(), path.Vault, path.Name, null, AuditDecision.Allow, decision.Reason)).ConfigureAwait(false);
        return (vault!, found.Head);
    }

    private async ValueTask<SecretDescription> DescribeAsync(Vault vault, Secret head, CancellationToken cancellationToken)
    {
        (head, ImmutableSortedDictionary<VersionLabel, int> labels) = await TogetherAsync(vault, head, cancellationToken).ConfigureAwait(false);
        SecretState state = new() { Head = head, Labels = labels };
        ImmutableArray<(SecretVersion, ImmutableArray<VersionLabel>)>.Builder versions = ImmutableArray.CreateBuilder<(SecretVersion, ImmutableArray<VersionLabel>)>();
        foreach (int number in state.Labels.Values.Append(head.Current).Append(head.Previous).Where(n => n > 0).Distinct().OrderDescending())
        {
            if (await VersionAsync(_parts.Store.Secrets, head, number, cancellationToken).ConfigureAwait(false) is { } version)
            {
                versions.Add((version.Version, state.LabelsOf(number)));
            }
        }

        IReadOnlyList<SecretAnnotation> annotations = await _parts.Store.Secrets.AnnotationsAsync(head.Id, cancellationToken).ConfigureAwait(false);
        head = head with { LastReadDay = _parts.Pending.ReadDay(head.Id) ?? head.LastReadDay };
        return new(vault, head, versions.ToImmutable(), annotations.Where(a => a.Number == 0).ToImmutableDictionary(a => a.Dialect, a => a.Json));
    }

    /// <summary>The same of a page of heads, in one read; an item that a write has changed in between is read by itself.</summary>
    private async ValueTask<ImmutableArray<SecretDescription>> DescribeAllAsync(Vault vault, List<Secret> heads, CancellationToken cancellationToken)
    {
        IReadOnlyList<SecretDetail> details = await _parts.Store.Secrets.DetailsAsync(heads, cancellationToken).ConfigureAwait(false);
        Keyring keys = _parts.Keys;
        ImmutableArray<SecretDescription>.Builder items = ImmutableArray.CreateBuilder<SecretDescription>(heads.Count);
        for (int i = 0; i < heads.Count; i++)
        {
            (Secret head, SecretDetail detail) = (heads[i], details[i]);
            if (!Belong(head, detail.Labels))
            {
                items.Add(await DescribeAsync(vault, head, cancellationToken).ConfigureAwait(false));
                continue;
            }

            SecretState state = new() { Head = head with { LastReadDay = _parts.Pending.ReadDay(head.Id) ?? head.LastReadDay }, Labels = detail.Labels.ToImmutableSortedDictionary() };
            foreach (SecretVersion version in detail.Versions)
            {
                Verified(() => RowMacs.Verify(keys, version, head.Uid));
            }

            items.Add(new(vault, state.Head, [.. detail.Versions.Select(v => (v, state.LabelsOf(v.Number)))], detail.Annotations.ToImmutableDictionary(a => a.Dialect, a => a.Json)));
        }

        return items.MoveToImmutable();
    }

    /// <summary>A version chosen by a selector; or why there is none, held back until the decision has fallen.</summary>
    private readonly record struct Selected(SecretVersion? Version, ReadOnlyMemory<byte> Sealed, ImmutableArray<VersionLabel> Labels, CofferException? Failure);

    private async ValueTask<(Vault? Vault, CachedSecret? Found, Selected Selected, AccessDecision Decision)> JudgeReadAsync(
        Caller caller, Operation operation, SecretPath path, VersionSelector selector, CancellationToken cancellationToken)
    {
        long now = Now;
        Vault? vault = VaultOf(path.Vault);
        CachedSecret? found = await FindAsync(vault, path, now, cancellationToken).ConfigureAwait(false);
        Selected selected = found is null
            ? new(null, default, [], Error.NotFound(path))
            : await SelectAsync(vault!, found, path, selector, now, cancellationToken).ConfigureAwait(false);
        AccessRequest request = Request(caller, operation, path.Vault, vault, path.Name, found?.Head, now) with { Version = selector, Labels = selected.Labels };
        return (vault, found, selected, await DecideAsync(request, cancellationToken).ConfigureAwait(false));
    }

    private async ValueTask<Selected> SelectAsync(Vault vault, CachedSecret found, SecretPath path, VersionSelector selector, long now, CancellationToken cancellationToken)
    {
        if (found.Head.IsDeleted)
        {
            return new(null, default, [], Error.Deleted(path));
        }

        if (selector is VersionSelector.CurrentVersion)
        {
            return found.Version is { HasValue: true } current
                ? Readable(current, found.Sealed, found.Labels, path, now)
                : new(null, default, [], Error.LabelNotFound(path, VersionLabel.Current));
        }

        (Secret head, ImmutableSortedDictionary<VersionLabel, int> labels) = await TogetherAsync(vault, found.Head, cancellationToken).ConfigureAwait(false);
        SecretState state = new() { Head = head, Labels = labels };
        int number = selector switch
        {
            VersionSelector.ByNumber by => by.Number,
            VersionSelector.ByLabel by => state.NumberOf(by.Label),
            VersionSelector.ById by => await _parts.Store.Secrets.FindNumberAsync(found.Head.Id, by.Id, cancellationToken).ConfigureAwait(false),
            VersionSelector.ByToken by => await NumberOfAsync(_parts.Store.Secrets, found.Head, by.Token, cancellationToken).ConfigureAwait(false),
            _ => 0,
        };
        if (await VersionAsync(_parts.Store.Secrets, found.Head, number, cancellationToken).ConfigureAwait(false) is not { Version.HasValue: true } version)
        {
            return new(null, default, [], selector is VersionSelector.ByLabel label ? Error.LabelNotFound(path, label.Label) : Error.VersionNotFound(path, selector.Describe()));
        }

        ImmutableArray<VersionLabel> own = state.LabelsOf(number);
        return selector is VersionSelector.ByToken { Label: { } required } && !own.Contains(required)
            ? new(null, default, own, Error.LabelConflict(required, null, "the label is not on the version named"))
            : Readable(version.Version, version.Sealed, own, path, now);
    }

    private static Selected Readable(SecretVersion version, ReadOnlyMemory<byte> sealedValue, ImmutableArray<VersionLabel> labels, SecretPath path, long now) => version.StateAt(now) switch
    {
        VersionState.Enabled => new(version, sealedValue, labels, null),
        VersionState.Disabled => new(null, default, labels, Error.Disabled(path, version.Number)),
        VersionState.Destroyed => new(null, default, labels, Error.Destroyed(path, version.Number)),
    };

    private SecretValue Open(Vault vault, Secret head, SecretVersion version, ReadOnlyMemory<byte> sealedValue)
    {
        try
        {
            return _parts.Keys.Open(sealedValue.Span, ContextOf(vault, head, version));
        }
        catch (SealIntegrityException failure)
        {
            _parts.Alarm($"value of secret {head.Uid} version {version.Number}");
            throw Error.Integrity($"value of secret {head.Uid} version {version.Number}", failure);
        }
    }

    private void NoteRead(Secret head, SecretVersion version)
    {
        int today = Microseconds.DayOf(Now);
        if (head.LastReadDay != today || version.LastReadDay != today)
        {
            _parts.Pending.NoteRead(head, version.Number, today);
        }
    }
}
