using System.Collections.Immutable;
using Coffer.Core.Access;
using Coffer.Core.Audit;
using Coffer.Core.Errors;
using Coffer.Core.Rotations;
using Coffer.Core.Stores;

namespace Coffer.Core.Secrets;

public sealed partial class SecretService
{
    /// <summary>
    /// Sets what rotates a secret and when, and begins a rotation (or the test of one). The function itself is called later. Errors: AccessDenied;
    /// NotFound; Deleted; InvalidRequest and InvalidCombination (rules); TokenInUse; PreconditionFailed with a parameter of <see cref="RotationTransitions"/>.
    /// </summary>
    public async ValueTask<WriteOutcome> RotateAsync(Caller caller, SecretPath path, RotateSecret command, CancellationToken cancellationToken)
    {
        ImmutableArray<Operation> operations = command.Function is null ? [Operation.RotateSecret] : [Operation.RotateSecret, Operation.Administer];
        BeginRotation begin = new(VersionId.Draw(), command.Token, caller.Dialect, caller.Principal.Name.Value);
        WriteOutcome outcome = await WriteAsync(caller, path, cancellationToken, new()
        {
            Operations = _ => operations,
            Token = command.Token,
            Apply = (state, _, _, now) => RotationTransitions.Rotate(state ?? throw Error.NotFound(path), path, command, begin, f => _parts.Functions?.MayInvoke(f, path.Vault) == true, now),
        }).ConfigureAwait(false);
        _parts.RotationsAsked();
        return outcome;
    }

    /// <summary>Ends rotating and what is under way; names the version that stays pending. Errors: AccessDenied; NotFound; Deleted.</summary>
    public ValueTask<WriteOutcome> CancelRotationAsync(Caller caller, SecretPath path, CancellationToken cancellationToken) =>
        WriteAsync(caller, path, cancellationToken, new()
        {
            Operations = _ => [Operation.CancelRotation],
            Apply = (state, _, _, now) => RotationTransitions.Cancel(state ?? throw Error.NotFound(path), path, now),
        });

    /// <summary>Counts and begins an attempt at what is due; null where there is nothing to run.</summary>
    internal async ValueTask<(RotationRun? Run, WriteOutcome? Outcome)> AttemptRotationAsync(Caller system, Vault vault, Secret head, CancellationToken cancellationToken)
    {
        RequestToken token = RequestToken.Parse(RandomIds.Version7(_parts.Clock.GetUtcNow()).ToString("D"));
        string known = RotationSettings.Of(head)?.Run?.Token ?? token.Value;
        RotationRun? run = null;
        WriteOutcome? outcome = await WriteRotationAsync(system, vault, head.Uid, RequestToken.Parse(known), known == token.Value ? "scheduled" : "due", cancellationToken, (state, path, now) =>
        {
            (Transition transition, run) = RotationTransitions.Attempt(state, path, new(VersionId.Draw(), token, system.Dialect, system.Principal.Name.Value), _parts.Retries, now);
            return transition;
        }).ConfigureAwait(false);
        return outcome is null ? (null, null) : (run, outcome);
    }

    /// <summary>Whether nobody has cancelled a rotation, or deleted its secret, since it was begun.</summary>
    internal async ValueTask<bool> IsUnderWayAsync(Vault vault, SecretUid uid, RotationRun run, CancellationToken cancellationToken) =>
        await HeadAsync(_parts.Store.Secrets, vault, uid, cancellationToken).ConfigureAwait(false) is { IsDeleted: false } head && RotationSettings.Of(head)?.Run?.Token == run.Token;

    /// <summary>Ends a rotation, or a test, that did all its steps. Throws PreconditionFailed where the version is not current.</summary>
    internal ValueTask<WriteOutcome?> FinishRotationAsync(Caller system, Vault vault, SecretUid uid, RotationRun run, CancellationToken cancellationToken) =>
        WriteRotationAsync(system, vault, uid, RequestToken.Parse(run.Token), run.IsTest ? "tested" : "rotated", cancellationToken, (state, path, now) =>
            run.IsTest || state.Version(state.Head.Current)?.Token?.Value == run.Token
                ? RotationTransitions.Finished(state, path, run.Token, now)
                : throw Error.PreconditionFailed("the function did every step and its version is not current", RotationTransitions.Pending));

    /// <summary>Puts off a rotation that failed; a test that failed is over.</summary>
    internal ValueTask<WriteOutcome?> PutOffRotationAsync(Caller system, Vault vault, SecretUid uid, RotationRun run, CancellationToken cancellationToken) =>
        WriteRotationAsync(system, vault, uid, RequestToken.Parse(run.Token), run.IsTest ? "the test failed" : "tried again later", cancellationToken, (state, path, now) =>
            RotationTransitions.Failed(state, path, run.Token, _parts.Retries, now));

    /// <summary>Gives the version of a test the current value, unless it has one from an attempt before.</summary>
    internal async ValueTask CopyForTestAsync(Caller system, Vault vault, SecretUid uid, RotationRun run, CancellationToken cancellationToken)
    {
        const string reason = "a copy for the test of a rotation";
        RequestToken token = RequestToken.Parse(run.Token);
        Secret head = await HeadAsync(_parts.Store.Secrets, vault, uid, cancellationToken).ConfigureAwait(false) ?? throw Error.NotFound("secret");
        SecretPath path = new(vault.Name, head.Name);
        int number = await _parts.Store.Secrets.FindNumberAsync(head.Id, token, cancellationToken).ConfigureAwait(false);
        if (await VersionAsync(_parts.Store.Secrets, head, number, cancellationToken).ConfigureAwait(false) is not { Version.HasValue: false })
        {
            return;
        }

        (SecretVersion version, ReadOnlyMemory<byte> sealedValue) = await VersionAsync(_parts.Store.Secrets, head, head.Current, cancellationToken).ConfigureAwait(false) is { Version.HasValue: true } found
            ? found
            : throw Error.LabelNotFound(path, VersionLabel.Current);
        await _parts.RecordAsync(_parts.Record(system, nameof(Operation.ReadValue), vault.Name, head.Name, Text(version.Number), AuditDecision.Allow, reason)).ConfigureAwait(false);
        using SecretValue value = Open(vault, head, version, sealedValue);
        VersionInput input = new() { Value = value, Kind = version.Kind, ContentType = version.ContentType, KeyName = version.KeyName, Token = token, Labels = [VersionLabel.Pending] };
        WritePlan plan = new() { Operations = _ => [], Value = input, Apply = (state, home, add, now) => SecretTransitions.AddVersion(state ?? throw Error.NotFound(path), home, add!, now) };
        await TryWriteAsync(system, path with { Suffix = uid.Suffix() }, vault, head, plan, nameof(Operation.AddVersion), reason, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>A write of the server itself, which asks nobody: what was asked for and decided before goes on. Null where the secret is gone.</summary>
    private async ValueTask<WriteOutcome?> WriteRotationAsync(
        Caller system, Vault vault, SecretUid uid, RequestToken token, string reason, CancellationToken cancellationToken, Func<SecretState, SecretPath, long, Transition> apply)
    {
        for (int attempt = 0; attempt < WriteAttempts; attempt++)
        {
            if (await HeadAsync(_parts.Store.Secrets, vault, uid, cancellationToken).ConfigureAwait(false) is not { } head || head.IsGone(Now))
            {
                return null;
            }

            SecretPath path = new(vault.Name, head.Name) { Suffix = uid.Suffix() };
            WritePlan plan = new() { Operations = _ => [], Token = token, Apply = (state, _, _, now) => apply(state ?? throw Error.NotFound(path), path, now) };
            if (await TryWriteAsync(system, path, vault, head, plan, nameof(Operation.RotateSecret), reason, cancellationToken).ConfigureAwait(false) is { } outcome)
            {
                return outcome;
            }
        }

        throw Error.VersionConflict("the secret is being changed by others");
    }

    private async ValueTask<Secret?> HeadAsync(ISecretStore store, Vault vault, SecretUid uid, CancellationToken cancellationToken)
    {
        if (await store.FindHeadAsync(uid, cancellationToken).ConfigureAwait(false) is not { } head)
        {
            return null;
        }

        Verified(() => RowMacs.Verify(_parts.Keys, head, vault.Number));
        return SecretTransitions.AsOf(head, vault, Now);
    }
}
