using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Coffer.Core.Access;
using Coffer.Core.Errors;

namespace Coffer.Core.Secrets;

/// <summary>A value on its way in, with what the writing wire says about it. The caller keeps and disposes the value.</summary>
public sealed record VersionInput
{
    /// <summary>The plaintext, 1 byte to 1 MiB (a wire may allow less).</summary>
    public required SecretValue Value { get; init; }

    /// <summary>What kind of bytes.</summary>
    public ValueKind Kind { get; init; } = ValueKind.Text;

    /// <summary>The client's request token, or null.</summary>
    public RequestToken? Token { get; init; }

    /// <summary>Labels; null = it becomes current.</summary>
    public ImmutableArray<VersionLabel>? Labels { get; init; }

    /// <summary>Most labels the secret may carry when this command lists some: a wire's own quota.</summary>
    public int MaxLabels { get; init; } = SecretLimits.Labels;

    /// <summary>Content type, or null.</summary>
    public string? ContentType { get; init; }

    /// <summary>Informational start, UTC microseconds, or null.</summary>
    public long? NotBefore { get; init; }

    /// <summary>Informational end, UTC microseconds, or null.</summary>
    public long? Expires { get; init; }

    /// <summary>AWS KmsKeyId, or null.</summary>
    public string? KeyName { get; init; }

    /// <summary>Whether it is written disabled.</summary>
    public bool Disabled { get; init; }

    /// <summary>Microseconds after which it is disabled; 0 = never.</summary>
    public long DisableAfter { get; init; }

    /// <summary>The version number that must be current (0 = none), or null for no check.</summary>
    public int? IfCurrent { get; init; }

    /// <summary>Tags of the version (Azure).</summary>
    public ImmutableSortedDictionary<string, string> VersionTags { get; init; } = Secret.NoTags;

    /// <summary>The writing wire's rule for old versions, or null.</summary>
    public PruneRule? Prune { get; init; }

    /// <summary>Erases every older version (key-value version 1).</summary>
    public bool EraseOlder { get; init; }
}

/// <summary>What a write left behind.</summary>
/// <param name="Vault">The vault.</param>
/// <param name="Head">The head afterwards; before it, where the secret was purged.</param>
/// <param name="Version">The version made or named, or null.</param>
/// <param name="Labels">That version's labels, in ordinal order.</param>
/// <param name="Events">What happened; none for a repeated request.</param>
public sealed record WriteOutcome(Vault Vault, Secret Head, SecretVersion? Version, ImmutableArray<VersionLabel> Labels, SecretEvents Events)
{
    /// <summary>What only one wire knows of the secret, by dialect; empty where the write had nothing to do with it.</summary>
    public ImmutableDictionary<string, string> Annotations { get; init; } = ImmutableDictionary<string, string>.Empty;
}

public sealed partial class SecretService
{
    private const int WriteAttempts = 5;

    /// <summary>
    /// Creates a secret, with its first version where one is given. A name whose version carries the same token and value
    /// is a repeat and changes nothing. Errors: AccessDenied; AlreadyExists; Deleted; TokenInUse; NotFound (vault).
    /// </summary>
    public ValueTask<WriteOutcome> CreateAsync(Caller caller, VaultName vault, CreateSecret command, VersionInput? value, CancellationToken cancellationToken)
    {
        ImmutableArray<Operation> operations = [Operation.CreateSecret];
        if (value is not null)
        {
            operations = operations.Add(Operation.AddVersion);
        }

        if (command.Tags.Count > 0)
        {
            operations = operations.Add(Operation.EditTags);
        }

        operations = operations.AddRange(command.AlsoAsks);
        return WriteAsync(caller, new(vault, command.Name), cancellationToken, new()
        {
            Operations = _ => operations,
            NewUid = command.Uid,
            Creates = true,
            Value = value,
            LoadAttributes = command.Annotations.Count > 0,
            Apply = (state, home, add, now) =>
            {
                if (state is not null && add?.Token is not null && !state.Head.IsDeleted && state.Versions.Values.Any(v => v.IsNamedBy(add.Token.Value)))
                {
                    return SecretTransitions.AddVersion(state, home, add, now);
                }

                Transition created = SecretTransitions.Create(state?.Head, home, command, now);
                if (add is null)
                {
                    return created;
                }

                Transition added = SecretTransitions.AddVersion(created.After!, home, add, now);
                return added with { Events = added.Events | created.Events };
            },
        });
    }

    /// <summary>
    /// Adds a version to an existing secret; with <paramref name="createIfMissing"/> also to a new one. Errors:
    /// AccessDenied; NotFound; Deleted; TokenInUse; VersionConflict; QuotaExceeded; TooLarge.
    /// </summary>
    public ValueTask<WriteOutcome> AddVersionAsync(Caller caller, SecretPath path, VersionInput value, bool createIfMissing, CancellationToken cancellationToken)
    {
        SecretUid uid = SecretUid.Draw();
        return WriteAsync(caller, path, cancellationToken, new()
        {
            Operations = head => head is not null || !createIfMissing ? [Operation.AddVersion] : [Operation.CreateSecret, Operation.AddVersion],
            NewUid = createIfMissing ? uid : null,
            Creates = createIfMissing,
            Value = value,
            Apply = (state, vault, add, now) =>
            {
                if (state is not null)
                {
                    return SecretTransitions.AddVersion(state, vault, add!, now);
                }

                Transition created = createIfMissing
                    ? SecretTransitions.Create(null, vault, new CreateSecret { Uid = uid, Name = path.Name }, now)
                    : throw Error.NotFound(path);
                Transition added = SecretTransitions.AddVersion(created.After!, vault, add!, now);
                return added with { Events = added.Events | created.Events };
            },
        });
    }

    /// <summary>Changes metadata; tags are asked for apart. Errors: AccessDenied; NotFound; Deleted; VersionConflict.</summary>
    public ValueTask<WriteOutcome> EditAsync(Caller caller, SecretPath path, EditMetadata command, CancellationToken cancellationToken)
    {
        ImmutableArray<Operation> operations = OperationsOf(command);
        return WriteAsync(caller, path, cancellationToken, new()
        {
            Operations = _ => operations,
            KeepsAccess = command.KeepsAccess,
            LoadAttributes = command.ReplaceAttributes is not null || command.Annotation is not null,
            Apply = (state, _, _, now) => SecretTransitions.Edit(state ?? throw Error.NotFound(path), path, command, now),
        });
    }

    /// <summary>
    /// Changes metadata and adds a version, both or neither; where the token's version is there already, neither. Errors: those of <see cref="EditAsync"/> and
    /// <see cref="AddVersionAsync"/>.
    /// </summary>
    public ValueTask<WriteOutcome> UpdateAsync(Caller caller, SecretPath path, EditMetadata edit, VersionInput value, CancellationToken cancellationToken)
    {
        ImmutableArray<Operation> operations = OperationsOf(edit).Add(Operation.AddVersion);
        return WriteAsync(caller, path, cancellationToken, new()
        {
            Operations = _ => operations,
            Value = value,
            LoadAttributes = edit.ReplaceAttributes is not null || edit.Annotation is not null,
            Apply = (state, vault, add, now) =>
            {
                Transition edited = SecretTransitions.Edit(state ?? throw Error.NotFound(path), path, edit, now);
                Transition added = SecretTransitions.AddVersion(edited.After!, vault, add!, now);
                // The version is there: all of it was done before.
                return added.Events == SecretEvents.None ? added with { After = state } : added with { Events = added.Events | edited.Events };
            },
        });
    }

    /// <summary>
    /// Moves, attaches or detaches a label; versions are named by selectors. Moving <c>current</c> is also asked as adding
    /// a version. Errors: AccessDenied; NotFound; VersionNotFound; LabelConflict; Deleted; PreconditionFailed.
    /// </summary>
    public ValueTask<WriteOutcome> MoveLabelAsync(Caller caller, SecretPath path, VersionLabel label, VersionSelector? from, VersionSelector? to, CancellationToken cancellationToken) =>
        WriteAsync(caller, path, cancellationToken, new()
        {
            Operations = _ => label == VersionLabel.Current ? [Operation.MoveLabel, Operation.AddVersion] : [Operation.MoveLabel],
            Labels = [label],
            Named = [.. new[] { from, to }.OfType<VersionSelector>()],
            ApplyNamed = (state, _, numbers, now) =>
            {
                int next = 0;
                int? from0 = from is null ? null : numbers[next++];
                int? to0 = to is null ? null : numbers[next];
                return SecretTransitions.MoveLabel(state ?? throw Error.NotFound(path), path, new(label, from0, to0), now);
            },
        });

    /// <summary>Replaces all labels but the reserved ones. Errors: AccessDenied; NotFound; VersionNotFound; Deleted.</summary>
    public ValueTask<WriteOutcome> ReplaceAliasesAsync(Caller caller, SecretPath path, ReplaceAliases command, CancellationToken cancellationToken) =>
        WriteAsync(caller, path, cancellationToken, new()
        {
            Operations = _ => [Operation.MoveLabel, Operation.EditMetadata],
            Numbers = [.. command.Aliases.Values],
            Apply = (state, _, _, now) => SecretTransitions.ReplaceAliases(state ?? throw Error.NotFound(path), path, command, now),
        });

    private static ImmutableArray<Operation> OperationsOf(EditMetadata command)
    {
        bool tags = command.SetTags is not null || command.RemoveTags is not null;
        bool other = command.Description is not null || command.ReplaceAttributes is not null || command.Annotation is not null || command.Expires is not null;
        ImmutableArray<Operation> operations = (tags, other) switch
        {
            (true, false) => [Operation.EditTags],
            (true, true) => [Operation.EditTags, Operation.EditMetadata],
            _ => [Operation.EditMetadata],
        };
        return command.Expires is > 0 ? operations.Add(Operation.PurgeSecret) : operations;
    }

    private AddVersion CommandOf(Caller caller, VersionInput input, SecretUid uid)
    {
        // A version without a token can be named by its id later, as if that had been its token.
        VersionId id = VersionId.Draw();
        return CommandOf(caller, input, id, Fingerprint(uid, input.Token?.Value ?? id.ToUuid(), input));
    }

    private static AddVersion CommandOf(Caller caller, VersionInput input, VersionId id, byte[] fingerprint) => new()
    {
        Id = id,
        Token = input.Token,
        Kind = input.Kind,
        Size = input.Value.Length,
        Fingerprint = fingerprint,
        Labels = input.Labels,
        MaxLabels = input.MaxLabels,
        Wire = caller.Dialect,
        By = caller.Principal.Name.Value,
        ContentType = input.ContentType,
        NotBefore = input.NotBefore,
        Expires = input.Expires,
        KeyName = input.KeyName,
        Disabled = input.Disabled,
        DisableAfter = input.DisableAfter,
        IfCurrent = input.IfCurrent,
        VersionTags = input.VersionTags,
        Prune = input.Prune,
        EraseOlder = input.EraseOlder,
    };

    /// <summary>
    /// Keyed and bound to secret and token, so that it says only whether a repeated token brought the same value: equal
    /// values of two versions or two secrets do not look alike in the store.
    /// </summary>
    private byte[] Fingerprint(SecretUid uid, string token, VersionInput input)
    {
        using IncrementalHash mac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, _parts.Keys.DeriveKey("value-fingerprint"));
        mac.AppendData(uid.ToBytes());
        mac.AppendData([(byte)input.Kind, (byte)token.Length]);
        mac.AppendData(Encoding.ASCII.GetBytes(token));
        mac.AppendData(input.Value.Span);
        return mac.GetHashAndReset();
    }
}
