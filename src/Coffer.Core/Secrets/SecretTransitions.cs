using System.Collections.Immutable;
using Coffer.Core.Errors;

namespace Coffer.Core.Secrets;

/// <summary>
/// The rules of a secret's life: one pure function per command, from a state and the time to another state and what
/// happened, or one error from the closed list. Nothing here loads, saves, decides access or sees a value.
/// </summary>
public static partial class SecretTransitions
{
    /// <summary>Creates a secret. A row that is <see cref="Secret.IsGone"/> does not count as existing; the caller purges it first.</summary>
    public static Transition Create(Secret? existing, Vault vault, CreateSecret command, long now)
    {
        if (existing is not null && !existing.IsGone(now))
        {
            SecretPath path = new(vault.Name, command.Name);
            throw existing.IsDeleted ? Error.Deleted(path) : Error.AlreadyExists("secret", command.Name.Value);
        }

        SecretLimits.CheckDescription(command.Description);
        SecretLimits.CheckAttributes(command.Tags);
        Secret head = new()
        {
            Uid = command.Uid,
            VaultId = vault.Id,
            Location = command.Location,
            Name = command.Name,
            Description = command.Description,
            Created = now,
            Changed = now,
            Tags = command.Tags,
            EverTagged = command.Tags.Count > 0,
        };
        return new(
            new SecretState
            {
                Head = head,
                Annotations = command.Annotations.ToImmutableDictionary(a => (0, a.Key), a => a.Value),
            },
            SecretEvents.Created);
    }

    /// <summary>Changes metadata: fields given only; revision + 1.</summary>
    public static Transition Edit(SecretState state, SecretPath path, EditMetadata command, long now)
    {
        RefuseDeleted(state, path);
        if ((command.IfRevision is { } seen && seen != state.Head.Revision) || (command.IfUid is { } uid && uid != state.Head.Uid))
        {
            throw Error.VersionConflict();
        }

        Secret head = state.Head;
        if (command.Description is { } description)
        {
            SecretLimits.CheckDescription(description);
            head = head with { Description = description };
        }

        ImmutableSortedDictionary<string, string> tags = head.Tags;
        if (command.SetTags is { Count: > 0 } set)
        {
            tags = tags.SetItems(set);
            SecretLimits.CheckAttributes(tags);
            if (tags.Count > command.MaxTags)
            {
                throw Error.QuotaExceeded($"a secret has at most {command.MaxTags} tags");
            }
        }

        tags = tags.RemoveRange(command.RemoveTags ?? []);
        head = head with { Tags = tags, EverTagged = head.EverTagged || tags.Count > 0 };
        if (command.Expires is { } expires)
        {
            head = head with { Expires = expires == 0 ? null : expires };
        }

        if (command.ReplaceAttributes is { } replaced)
        {
            // Tags have their own permission, and version tags their own object.
            if (replaced.Space is AttributeSpace.Tag or AttributeSpace.VersionTag)
            {
                throw Error.InvalidRequest("this map is not replaced by an edit of the secret", "attributes");
            }

            SecretLimits.CheckAttributes(replaced.Pairs);
            state = state with
            {
                Attributes = state.Attributes.RemoveRange(state.Attributes.Keys.Where(k => k.Number == 0 && k.Space == replaced.Space))
                    .AddRange(replaced.Pairs.Select(p => KeyValuePair.Create((0, replaced.Space, p.Key), p.Value))),
            };
        }

        if (command.Annotation is { } annotation)
        {
            (int, string) key = (0, annotation.Dialect);
            string? json = annotation.Change(state.Annotations.GetValueOrDefault(key));
            state = state with { Annotations = json is null ? state.Annotations.Remove(key) : state.Annotations.SetItem(key, json) };
        }

        return new(state with { Head = head with { Revision = head.Revision + 1, Changed = now } }, SecretEvents.MetadataChanged);
    }

    /// <summary>Deletes recoverably; under purge protection never for less than the vault's retention.</summary>
    public static Transition Delete(SecretState state, Vault vault, DeleteSecret command, long now)
    {
        RefuseDeleted(state, new(vault.Name, state.Head.Name));
        long window = vault.PurgeProtection ? Math.Max(command.Window, Retention(vault)) : command.Window;
        return new(state with { Head = state.Head with { DeletedAt = now, PurgeAt = now + window, Changed = now, Revision = state.Head.Revision + 1 } }, SecretEvents.Deleted);
    }

    /// <summary>Takes a deletion back: versions, labels and ids as they were. On a secret that is not deleted nothing changes.</summary>
    public static Transition Recover(SecretState state, long now) =>
        state.Head.IsDeleted
            ? new(state with { Head = state.Head with { DeletedAt = null, PurgeAt = null, Changed = now, Revision = state.Head.Revision + 1 } }, SecretEvents.Recovered)
            : new(state, SecretEvents.None);

    /// <summary>
    /// The head as it counts at <paramref name="now"/>: under purge protection an expiry that has come deletes recoverably,
    /// from its own date on, instead of purging. Every other head is answered as it is.
    /// </summary>
    public static Secret AsOf(Secret head, Vault vault, long now) =>
        !vault.PurgeProtection || head.Expires is not { } expires || expires > now ? head
        : head.IsDeleted ? head with { Expires = null }
        : head with { DeletedAt = expires, PurgeAt = expires + Retention(vault), Expires = null };

    /// <summary>
    /// Removes all rows and sealed bytes. Purge protection turns it into a recoverable deletion, and refuses it for a
    /// secret already deleted whose date has not come.
    /// </summary>
    public static Transition Purge(SecretState state, Vault vault, long now)
    {
        if (!vault.PurgeProtection || state.Head.IsGone(now))
        {
            return new(null, SecretEvents.Purged);
        }

        return state.Head.IsDeleted
            ? throw Error.PreconditionFailed("the vault has purge protection: the secret cannot be purged before its date")
            : Delete(state, vault, new DeleteSecret(Retention(vault)), now);
    }

    /// <summary>
    /// Brings back a backup as a new secret: numbers, ids, tokens, kinds, dates, states, attributes, labels and pointers
    /// as they were; another uid; no policies and no rotation.
    /// </summary>
    public static Transition Restore(Secret? existing, Vault vault, SecretState backup, SecretUid uid, long now)
    {
        if (existing is not null && !existing.IsGone(now))
        {
            throw Error.AlreadyExists("secret", backup.Head.Name.Value);
        }

        Secret head = backup.Head with
        {
            Id = 0,
            Uid = uid,
            VaultId = vault.Id,
            Changed = now,
            DeletedAt = null,
            PurgeAt = null,
            PolicyLanguages = 0,
            PolicyDigest = default,
            // Whoever may restore may not by that say which function runs.
            Rotation = null,
            RotationDue = null,
        };
        return new(backup with { Head = head }, SecretEvents.Created | SecretEvents.VersionAdded);
    }

    /// <summary>The vault's retention in microseconds.</summary>
    public static long Retention(Vault vault) => vault.RetentionDays * Microseconds.PerDay;

    private static void RefuseDeleted(SecretState state, SecretPath path)
    {
        if (state.Head.IsDeleted)
        {
            throw Error.Deleted(path);
        }
    }
}
