using System.Collections.Immutable;
using Coffer.Core.Access;
using Coffer.Core.Errors;
using Coffer.Core.Stores;

namespace Coffer.Core.Secrets;

/// <summary>What one language's policy on a secret is.</summary>
/// <param name="Vault">The vault.</param>
/// <param name="Head">The secret.</param>
/// <param name="Source">The text as received, or null where there is none.</param>
public sealed record SecretPolicy(Vault Vault, Secret Head, string? Source);

public sealed partial class SecretService
{
    /// <summary>Name of a language's one policy on a secret.</summary>
    private const string OwnPolicy = "resource";

    /// <summary>The policy of one language on a secret. Errors: AccessDenied; NotFound; Deleted.</summary>
    public async ValueTask<SecretPolicy> GetPolicyAsync(Caller caller, SecretPath path, string language, CancellationToken cancellationToken)
    {
        (Vault vault, Secret head) = await AuthoriseMetadataAsync(caller, Operation.ReadPolicy, path, cancellationToken).ConfigureAwait(false);
        if (head.IsDeleted)
        {
            throw await FailedAsync(caller, Operation.ReadPolicy.Text(), path, null, Error.Deleted(path)).ConfigureAwait(false);
        }

        ImmutableArray<ParsedPolicy> on = await _parts.Access.OnSecretAsync(head, cancellationToken).ConfigureAwait(false);
        return new(vault, head, on.FirstOrDefault(p => p.Policy.Language == language)?.Policy.Source);
    }

    /// <summary>
    /// Writes the policy of one language on a secret, or replaces it. In force before it is acknowledged. Errors: AccessDenied;
    /// NotFound; Deleted; InvalidRequest (what cannot be judged exactly); PreconditionFailed (policies there take a second person).
    /// </summary>
    /// <param name="caller">Who writes.</param>
    /// <param name="path">The secret.</param>
    /// <param name="language">The language's name.</param>
    /// <param name="source">The text.</param>
    /// <param name="check">Looks at the policy, parsed for the secret, once the caller may write it and before it is saved; may throw. Null for no more than the language's own rules.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public ValueTask<WriteOutcome> PutPolicyAsync(
        Caller caller, SecretPath path, string language, string source, Action<Secret, ParsedPolicy>? check, CancellationToken cancellationToken) =>
        WritePolicyAsync(caller, path, language, (head, parsed) =>
        {
            Policy? before = parsed?.Policy;
            Policy policy = new()
            {
                Id = before?.Id ?? Guid.NewGuid(),
                Language = language,
                Name = OwnPolicy,
                Use = PolicyUse.Resource,
                Source = source,
                AttachedTo = Attachment.To(head.Uid),
                Created = before?.Created ?? Now,
                CreatedBy = caller.Principal.Name.Value,
                Revision = (before?.Revision ?? 0) + 1,
            };
            ParsedPolicy made = _parts.Access.Parse(policy);
            check?.Invoke(head, made);
            return made;
        }, cancellationToken);

    /// <summary>
    /// Takes the policy of one language off a secret; where there is none nothing changes. Errors: AccessDenied; NotFound; Deleted;
    /// PreconditionFailed (policies there take a second person).
    /// </summary>
    public ValueTask<WriteOutcome> DeletePolicyAsync(Caller caller, SecretPath path, string language, CancellationToken cancellationToken) =>
        WritePolicyAsync(caller, path, language, (_, _) => null, cancellationToken);

    /// <summary>
    /// Whether the caller could write a policy on the secret, as an answer to a question about one: recorded, and nothing changes.
    /// Errors: AccessDenied; NotFound; Deleted.
    /// </summary>
    public async ValueTask<SecretPolicy> MayPutPolicyAsync(Caller caller, SecretPath path, CancellationToken cancellationToken)
    {
        (Vault vault, Secret head) = await AuthoriseMetadataAsync(caller, Operation.WritePolicy, path, cancellationToken).ConfigureAwait(false);
        return head.IsDeleted ? throw await FailedAsync(caller, Operation.WritePolicy.Text(), path, null, Error.Deleted(path)).ConfigureAwait(false) : new(vault, head, null);
    }

    /// <summary>Whether a principal could still do something on the secret if its policy of one language were another; what a lock-out check asks.</summary>
    public async ValueTask<bool> WouldAllowAsync(Caller caller, SecretPath path, Operation operation, ParsedPolicy instead, CancellationToken cancellationToken)
    {
        Vault? vault = VaultOf(path.Vault);
        CachedSecret? found = await FindAsync(vault, path, Now, cancellationToken).ConfigureAwait(false);
        ImmutableArray<ParsedPolicy> on = await _parts.Access.OnSecretAsync(found?.Head, cancellationToken).ConfigureAwait(false);
        ImmutableArray<ParsedPolicy> others = on.RemoveAll(p => p.Policy.Language == instead.Policy.Language);
        return AccessEvaluator.Decide(_parts.Access.Current, Request(caller, operation, path.Vault, vault, path.Name, found?.Head, Now), others.Add(instead)).Allowed;
    }

    private ValueTask<WriteOutcome> WritePolicyAsync(Caller caller, SecretPath path, string language, Func<Secret, ParsedPolicy?, ParsedPolicy?> make, CancellationToken cancellationToken)
    {
        Secret? changed = null;
        return WriteAsync(caller, path, cancellationToken, new()
        {
            Operations = _ => [Operation.WritePolicy],
            Policies = (head, on) =>
            {
                if (head.IsDeleted)
                {
                    throw Error.Deleted(path);
                }

                ParsedPolicy? before = on.FirstOrDefault(p => p.Policy.Language == language), after = make(head, before);
                if (after is null && before is null)
                {
                    changed = null;
                    return new();
                }

                // What a second person must approve is not given in another language, and a deny not taken back alone.
                if (after?.CanAllow == true || before?.CanDeny == true)
                {
                    AdminService.RefuseAlone(_parts.Access.Current, path.Vault, "no policy on a secret gives or takes back there");
                }

                Policy? signed = after is null ? null : RowMacs.Sign(_parts.Keys, after.Policy);
                IEnumerable<Policy> rest = on.Where(p => p.Policy.Language != language).Select(p => p.Policy);
                Policy[] all = [.. signed is null ? rest : rest.Append(signed)];
                changed = head with
                {
                    PolicyLanguages = all.Aggregate(0, (mask, p) => mask | _parts.Access.BitOf(p.Language)),
                    PolicyDigest = RowMacs.PolicyDigest(all),
                };
                return signed is null ? new() { RemovedPolicies = [before!.Policy.Id] } : new() { Policies = [signed] };
            },
            Apply = (state, _, _, now) => changed is null
                ? new(state ?? throw Error.NotFound(path), SecretEvents.None)
                : new(state! with { Head = changed with { Changed = now, Revision = changed.Revision + 1 } }, SecretEvents.MetadataChanged),
        });
    }
}
