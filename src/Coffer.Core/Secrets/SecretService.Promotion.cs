using System.Collections.Immutable;
using Coffer.Core.Access;
using Coffer.Core.Errors;

namespace Coffer.Core.Secrets;

/// <summary>What a promotion does, or would do, with one name.</summary>
public enum PromotionStep
{
    /// <summary>The target has no such secret: it is created.</summary>
    Create = 1,

    /// <summary>The target has one: it gets a new version.</summary>
    Replace = 2,

    /// <summary>The caller can see that the target's current value is the same: nothing happens.</summary>
    Same = 3,

    /// <summary>The source has no readable value of that name, or the caller may not read it.</summary>
    Missing = 4,

    /// <summary>The caller may not write there.</summary>
    Refused = 5,
}

/// <summary>One name of a promotion.</summary>
/// <param name="Name">The name, in both vaults.</param>
/// <param name="Step">What is done with it.</param>
/// <param name="Version">The version written in the target, or null: it was only planned, or nothing was to do.</param>
public sealed record PromotionItem(SecretName Name, PromotionStep Step, int? Version = null);

public sealed partial class SecretService
{
    /// <summary>Names in one promotion.</summary>
    public const int MaxPromotion = 200;

    /// <summary>
    /// Copies current values from one environment to a later one, item by item, each read and written by the caller's own rights.
    /// Without <paramref name="apply"/> nothing is read or written: the answer is the plan. Errors: NotFound (vaults); AccessDenied;
    /// PreconditionFailed (out of production, or back to an earlier environment); InvalidRequest.
    /// </summary>
    public async ValueTask<ImmutableArray<PromotionItem>> PromoteAsync(
        Caller caller, VaultName from, VaultName to, ImmutableArray<SecretName> names, bool apply, CancellationToken cancellationToken)
    {
        if (names.Length is 0 or > MaxPromotion || names.Distinct().Count() != names.Length)
        {
            throw Error.InvalidRequest($"a promotion names 1 to {MaxPromotion} secrets, each once", "names");
        }

        Vault source = await VisibleAsync(caller, from).ConfigureAwait(false), target = await VisibleAsync(caller, to).ConfigureAwait(false);
        if (source.Id == target.Id || (source.Stage == VaultStage.Production) || source.Stage > target.Stage)
        {
            throw Error.PreconditionFailed("values go from an earlier environment to a later one, and never out of production");
        }

        ImmutableArray<PromotionItem>.Builder items = ImmutableArray.CreateBuilder<PromotionItem>(names.Length);
        foreach (SecretName name in names)
        {
            PromotionItem planned = await PlanAsync(caller, source, target, name, cancellationToken).ConfigureAwait(false);
            items.Add(apply && planned.Step is (PromotionStep.Create or PromotionStep.Replace) ? await CopyAsync(caller, from, to, planned, cancellationToken).ConfigureAwait(false) : planned);
        }

        return items.DrainToImmutable();
    }

    private async ValueTask<PromotionItem> PlanAsync(Caller caller, Vault source, Vault target, SecretName name, CancellationToken cancellationToken)
    {
        long now = Now;
        CachedSecret? there = await FindAsync(source, name, "", now, cancellationToken).ConfigureAwait(false);
        AccessRequest read = Request(caller, Operation.ReadValue, source.Name, source, name, there?.Head, now) with { Version = VersionSelector.Current, Labels = there?.Labels ?? [] };
        if (!(await DecideAsync(read, cancellationToken).ConfigureAwait(false)).Allowed || there is not { Head.IsDeleted: false, Version.HasValue: true })
        {
            return new(name, PromotionStep.Missing);
        }

        CachedSecret? here = await FindAsync(target, name, "", now, cancellationToken).ConfigureAwait(false);
        AccessRequest write = Request(caller, Operation.AddVersion, target.Name, target, name, here?.Head, now);
        ImmutableArray<Operation> asked = here is null ? [Operation.CreateSecret, Operation.AddVersion] : [Operation.AddVersion];
        if (!(await DecideAsync(write, asked, cancellationToken).ConfigureAwait(false)).Allowed || here is { Head.IsDeleted: true })
        {
            return new(name, PromotionStep.Refused);
        }

        // Only who may read both may learn that they are the same: else a plan would confirm guesses of the target's value.
        AccessRequest compare = write with { Operation = Operation.ReadValue, Version = VersionSelector.Current, Labels = here?.Labels ?? [] };
        bool same = here?.Version is { HasValue: true } current && current.Kind == there.Version.Kind && current.Size == there.Version.Size
            && (await DecideAsync(compare, cancellationToken).ConfigureAwait(false)).Allowed && await AreSameAsync(caller, source.Name, target.Name, name, cancellationToken).ConfigureAwait(false);
        return new(name, same ? PromotionStep.Same : here is null ? PromotionStep.Create : PromotionStep.Replace);
    }

    private async ValueTask<bool> AreSameAsync(Caller caller, VaultName from, VaultName to, SecretName name, CancellationToken cancellationToken)
    {
        using SecretReading one = await GetValueAsync(caller, new(from, name), VersionSelector.Current, cancellationToken).ConfigureAwait(false);
        using SecretReading other = await GetValueAsync(caller, new(to, name), VersionSelector.Current, cancellationToken).ConfigureAwait(false);
        return System.Security.Cryptography.CryptographicOperations.FixedTimeEquals(one.Value.Span, other.Value.Span);
    }

    private async ValueTask<PromotionItem> CopyAsync(Caller caller, VaultName from, VaultName to, PromotionItem planned, CancellationToken cancellationToken)
    {
        using SecretReading reading = await GetValueAsync(caller, new(from, planned.Name), VersionSelector.Current, cancellationToken).ConfigureAwait(false);
        WriteOutcome written = await AddVersionAsync(
            caller, new(to, planned.Name), new() { Value = reading.Value, Kind = reading.Version.Kind, ContentType = reading.Version.ContentType }, createIfMissing: true, cancellationToken).ConfigureAwait(false);
        return planned with { Version = written.Version!.Number };
    }

    /// <summary>A vault of which the caller may list or describe anything; to others it is not there.</summary>
    private async ValueTask<Vault> VisibleAsync(Caller caller, VaultName name)
    {
        AccessSnapshot snapshot = _parts.Access.Current;
        Vault? vault = snapshot.Vaults.GetValueOrDefault(name);
        AccessRequest list = Request(caller, Operation.ListSecrets, name, vault, null, null, Now), below = list with { Operation = Operation.ReadMetadata };
        AccessDecision decision = AccessEvaluator.Decide(snapshot, list);
        if (vault is not null && (decision.Allowed || (!decision.Explicit && snapshot.Languages.Any(l => l.MayHoldBelow(snapshot.Applicable(l, below, []), below)))))
        {
            return vault;
        }

        await _parts.RecordAsync(_parts.Record(caller, "Promote", name, null, null, Audit.AuditDecision.Deny, decision.Reason)).ConfigureAwait(false);
        throw decision.Allowed ? Error.NotFound("vault", name.Value) : Error.AccessDenied(Operation.ListSecrets.Text(), name.Value, decision.Reason);
    }
}
