using System.Collections.Immutable;
using Coffer.Core.Access;
using Coffer.Core.Audit;
using Coffer.Core.Errors;
using Coffer.Core.Sealing;
using Coffer.Core.Secrets;
using Coffer.Core.Stores;

namespace Coffer.Core;

/// <summary>What the use cases share: made once by <see cref="CofferCore"/>.</summary>
internal sealed class CoreParts
{
    public required IStore Store { get; init; }

    public required SealService Seals { get; init; }

    public required AuditTrail Trail { get; init; }

    public required TimeProvider Clock { get; init; }

    public required AccessDirectory Access { get; init; }

    public required SecretCache Cache { get; init; }

    public required PendingWrites Pending { get; init; }

    public required Action<string> Alarm { get; init; }

    public ImmutableArray<ITrustVerifier> Verifiers { get; init; } = [];

    /// <summary>What rotates secrets, or null: nothing does.</summary>
    public Rotations.IRotationFunctions? Functions { get; init; }

    public Rotations.RotationRetries Retries { get; init; } = Rotations.RotationRetries.Default;

    /// <summary>Says that a rotation may be due before the next time that is looked for one.</summary>
    public Action RotationsAsked { get; init; } = () => { };

    public PassphraseKdf? Passwords { get; init; }

    public Argon2Parameters PasswordCost { get; init; } = Argon2Parameters.Default;

    public int LoginSeconds { get; init; } = CofferCoreOptions.DefaultLoginSeconds;

    /// <summary>The keyring, or <see cref="CofferErrorCode.Sealed"/>.</summary>
    public Keyring Keys
    {
        get
        {
            try
            {
                return Seals.Current;
            }
            catch (SealedException)
            {
                throw Error.Sealed();
            }
        }
    }

    /// <summary>Makes one record durable. No record, no answer: a trail that cannot be written is <see cref="CofferErrorCode.Unavailable"/>.</summary>
    public async ValueTask RecordAsync(AuditRecord record)
    {
        try
        {
            await Trail.AppendAsync(record).ConfigureAwait(false);
        }
        catch (AuditUnavailableException failure)
        {
            throw Error.Unavailable("the audit trail cannot be written", failure);
        }
    }

    /// <summary>The same for several records, which share one flush.</summary>
    public async ValueTask RecordAllAsync(IReadOnlyList<AuditRecord> records)
    {
        try
        {
            await Trail.AppendBatchAsync(records).ConfigureAwait(false);
        }
        catch (AuditUnavailableException failure)
        {
            throw Error.Unavailable("the audit trail cannot be written", failure);
        }
    }

    /// <summary>A record about one decision, without a change.</summary>
    public AuditRecord Record(Caller caller, string action, VaultName? vault, SecretName? name, string? version, AuditDecision decision, string reason) =>
        Record(Clock.GetUtcNow(), caller, action, vault, name, version, decision, reason);

    private static AuditRecord Record(DateTimeOffset now, Caller caller, string action, VaultName? vault, SecretName? name, string? version, AuditDecision decision, string reason) => new()
    {
        Id = RandomIds.Version7(now),
        Time = Microseconds.From(now),
        Dialect = caller.Dialect,
        WireOperation = caller.WireOperation,
        Action = action,
        Principal = caller.Principal.Name.Value,
        PrincipalId = caller.Principal.Id,
        Credential = caller.Credential,
        Vault = vault?.Value,
        Name = name?.Value,
        Version = version,
        Decision = decision,
        Reason = reason,
        Address = caller.Address?.ToString(),
        UserAgent = caller.UserAgent,
        RequestId = caller.RequestId,
    };

    /// <summary>A record about who is not proven yet, or just was.</summary>
    public AuditRecord Record(LoginContext context, string action, Principal? principal, string? credential, AuditDecision decision, string reason)
    {
        DateTimeOffset now = Clock.GetUtcNow();
        return new()
        {
            Id = RandomIds.Version7(now),
            Time = Microseconds.From(now),
            Dialect = context.Dialect,
            WireOperation = context.WireOperation,
            Action = action,
            Principal = principal?.Name.Value,
            PrincipalId = principal?.Id,
            Credential = credential,
            Decision = decision,
            Reason = reason,
            Address = context.Address?.ToString(),
            UserAgent = context.UserAgent,
            RequestId = context.RequestId,
        };
    }
}
