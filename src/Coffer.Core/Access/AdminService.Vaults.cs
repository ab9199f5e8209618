using System.Collections.Immutable;
using Coffer.Core.Audit;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;
using Coffer.Core.Stores;

namespace Coffer.Core.Access;

/// <summary>Settings of a vault; members left null stay (or take their default in a new vault).</summary>
public sealed record VaultSettings
{
    /// <summary>Free text, up to 2,048 characters.</summary>
    public string? Description { get; init; }

    /// <summary>7–90 days.</summary>
    public int? RetentionDays { get; init; }

    /// <summary>Can be switched on, never off.</summary>
    public bool? PurgeProtection { get; init; }

    /// <summary>Owner label.</summary>
    public string? Owner { get; init; }

    /// <summary>The project that the vault is an environment of.</summary>
    public string? Project { get; init; }

    /// <summary>Which environment.</summary>
    public VaultStage? Stage { get; init; }

    /// <summary>Whoever may administer the vault may not read values in it.</summary>
    public bool? SeparateDuties { get; init; }

    /// <summary>What takes a second person's approval.</summary>
    public ApprovalNeeds? Approvals { get; init; }
}

public sealed partial class AdminService
{
    private const int NumberDraws = 8;

    /// <summary>Creates a vault. Errors: AccessDenied; AlreadyExists; InvalidRequest.</summary>
    public async ValueTask<Vault> CreateVaultAsync(Caller caller, VaultName name, VaultSettings settings, CancellationToken cancellationToken)
    {
        string reason = await AuthoriseAsync(caller, Operation.Administer, null, name.Value, record: false).ConfigureAwait(false);
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (Snapshot.Vaults.ContainsKey(name))
            {
                throw Error.AlreadyExists("vault", name.Value);
            }

            Vault vault = Apply(new() { Name = name, Number = VaultNumber.Draw(), Created = _parts.Clock.Now() }, settings);
            for (int draw = 0; draw < NumberDraws && Snapshot.VaultsByNumber.ContainsKey(vault.Number); draw++)
            {
                vault = vault with { Number = VaultNumber.Draw() };
            }

            return await SaveAsync(caller, vault, null, reason, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Changes a vault's settings. Errors: AccessDenied; NotFound; InvalidRequest; PreconditionFailed.</summary>
    public async ValueTask<Vault> UpdateVaultAsync(Caller caller, VaultName name, VaultSettings settings, CancellationToken cancellationToken)
    {
        string reason = await AuthoriseAsync(caller, Operation.Administer, name, name.Value, record: false).ConfigureAwait(false);
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            Vault before = Snapshot.Vaults.GetValueOrDefault(name) ?? throw Error.NotFound("vault", name.Value);
            Vault after = Apply(before, settings);
            RefuseLoosening(caller, before, after);
            return await SaveAsync(caller, after with { SettingsRevision = before.SettingsRevision + 1 }, before, reason, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Removes an empty vault. Errors: AccessDenied; NotFound; PreconditionFailed (it still holds secrets, or grants name it).</summary>
    public async ValueTask DeleteVaultAsync(Caller caller, VaultName name, CancellationToken cancellationToken)
    {
        string reason = await AuthoriseAsync(caller, Operation.Administer, null, name.Value, record: false).ConfigureAwait(false);
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            Vault vault = Snapshot.Vaults.GetValueOrDefault(name) ?? throw Error.NotFound("vault", name.Value);
            if (Grants(Snapshot).Any(g => g.Grant.Vault == name))
            {
                // A vault of the same name made later must not inherit what was granted on this one.
                throw Error.PreconditionFailed("grants still name the vault; delete them first");
            }

            await using IStoreTransaction transaction = await _parts.Store.BeginAsync(cancellationToken).ConfigureAwait(false);
            if (!await transaction.RemoveVaultAsync(vault.Id, cancellationToken).ConfigureAwait(false))
            {
                throw Error.PreconditionFailed("the vault still holds secrets, deleted ones included");
            }

            AuditRecord record = Record(caller, Operation.Administer, name, name.Value, AuditDecision.Allow, reason) with
            {
                Change = new() { Rows = [new(AuditRowKind.Vault, vault.Number.ToString(), vault.SettingsRevision, 0)] },
            };
            await FinishAsync(transaction, record, cancellationToken).ConfigureAwait(false);
            _parts.Cache.Clear();
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Vaults that the caller may list, by name.</summary>
    public async ValueTask<ImmutableArray<Vault>> ListVaultsAsync(Caller caller, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        AccessSnapshot snapshot = Snapshot;
        await _parts.RecordAsync(Record(caller, Operation.ListSecrets, null, "vaults", AuditDecision.Allow, "item by item")).ConfigureAwait(false);
        return [.. snapshot.Vaults.Values.Where(v => MaySee(snapshot, caller, v)).OrderBy(v => v.Name.Value, StringComparer.Ordinal)];
    }

    /// <summary>One vault. Errors: AccessDenied; NotFound.</summary>
    public async ValueTask<Vault> GetVaultAsync(Caller caller, VaultName name, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        AccessSnapshot snapshot = Snapshot;
        if (snapshot.Vaults.TryGetValue(name, out Vault? vault) && MaySee(snapshot, caller, vault))
        {
            await _parts.RecordAsync(Record(caller, Operation.ListSecrets, name, null, AuditDecision.Allow, "may list or describe")).ConfigureAwait(false);
            return vault;
        }

        await AuthoriseAsync(caller, Operation.ListSecrets, name, null).ConfigureAwait(false);
        throw Error.NotFound("vault", name.Value);
    }

    private bool MaySee(AccessSnapshot snapshot, Caller caller, Vault vault)
    {
        AccessRequest request = new() { Operation = Operation.ListSecrets, Caller = caller, Now = _parts.Clock.Now(), VaultName = vault.Name, Vault = vault };
        AccessDecision decision = AccessEvaluator.Decide(snapshot, request);
        AccessRequest below = request with { Operation = Operation.ReadMetadata };
        return decision.Allowed || (!decision.Explicit && snapshot.Languages.Any(l => l.MayHoldBelow(snapshot.Applicable(l, below, []), below)));
    }

    private async ValueTask<Vault> SaveAsync(Caller caller, Vault vault, Vault? before, string reason, CancellationToken cancellationToken)
    {
        Vault signed = RowMacs.Sign(_parts.Keys, vault with { PolicyDigest = RowMacs.PolicyDigest(PoliciesOn(Snapshot, Attachment.To(vault.Number))) });
        await using IStoreTransaction transaction = await _parts.Store.BeginAsync(cancellationToken).ConfigureAwait(false);
        long id = await transaction.SaveAsync(signed, cancellationToken).ConfigureAwait(false) ?? throw Error.AlreadyExists("vault", vault.Name.Value);
        AuditRecord record = Record(caller, Operation.Administer, vault.Name, vault.Name.Value, AuditDecision.Allow, reason) with
        {
            Change = new() { Rows = [new(AuditRowKind.Vault, vault.Number.ToString(), before?.SettingsRevision ?? 0, vault.SettingsRevision)] },
        };
        await FinishAsync(transaction, record, cancellationToken).ConfigureAwait(false);
        return signed with { Id = id };
    }

    /// <summary>What protects a vault from its own administrators is taken away by two of them.</summary>
    private void RefuseLoosening(Caller caller, Vault before, Vault after)
    {
        bool protects = before.SeparateDuties || before.Approvals != ApprovalNeeds.None;
        bool loosens = (before.SeparateDuties && !after.SeparateDuties) || (before.Approvals & ~after.Approvals) != 0
            || (protects && before.Stage == VaultStage.Production && after.Stage != VaultStage.Production);
        AccessRequest request = new() { Operation = Operation.Administer, Caller = caller, Now = _parts.Clock.Now(), VaultName = before.Name, Vault = before };
        if (loosens && !AccessGates.IsApproved(Snapshot, request, ApprovalKind.Loosen))
        {
            throw Error.PreconditionFailed($"what protects vault {before.Name} is loosened by two; ask with: coffer request loosen {before.Name}");
        }
    }

    private static Vault Apply(Vault vault, VaultSettings settings)
    {
        if (settings.Project is { } project)
        {
            vault = vault with { Project = project.Length == 0 || ProjectName.TryParse(project, out _) ? project : throw Error.InvalidName("project name", ProjectName.Rule) };
        }

        if (settings.Approvals is { } approvals)
        {
            vault = vault with { Approvals = (approvals & ~ApprovalNeeds.All) == 0 ? approvals : throw Error.InvalidRequest("approvals are for break-glass, purge and grants", "approvals") };
        }

        vault = vault with { Stage = settings.Stage ?? vault.Stage, SeparateDuties = settings.SeparateDuties ?? vault.SeparateDuties };
        if (settings.Description is { } description)
        {
            SecretLimits.CheckDescription(description);
            vault = vault with { Description = description };
        }

        if (settings.RetentionDays is { } days)
        {
            vault = vault with { RetentionDays = days is >= 7 and <= 90 ? days : throw Error.InvalidRequest("a vault's retention is 7 to 90 days", "retentionDays") };
        }

        if (settings.PurgeProtection is { } protection)
        {
            vault = vault with { PurgeProtection = protection || !vault.PurgeProtection ? protection : throw Error.PreconditionFailed("purge protection cannot be switched off") };
        }

        return settings.Owner is { } owner
            ? vault with { Owner = owner.Length <= 64 ? owner : throw Error.InvalidRequest("an owner label has at most 64 characters", "owner") }
            : vault;
    }
}
