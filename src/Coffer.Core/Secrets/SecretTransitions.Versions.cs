using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using Coffer.Core.Errors;

namespace Coffer.Core.Secrets;

public static partial class SecretTransitions
{
    /// <summary>
    /// Adds a version; repeats a request whose token is known with the same value; fills a version that waits for its
    /// value. <paramref name="state"/> must hold current, previous, and any version with the command's token or id.
    /// </summary>
    public static Transition AddVersion(SecretState state, Vault vault, AddVersion command, long now)
    {
        SecretPath path = new(vault.Name, state.Head.Name);
        RefuseDeleted(state, path);
        SecretLimits.CheckAttributes(command.VersionTags);
        SecretVersion? named = command.Token is { } token ? FindByToken(state, token) : null;
        if (named is { HasValue: true })
        {
            bool same = named.StateAt(now) != VersionState.Destroyed && named.Kind == command.Kind
                && CryptographicOperations.FixedTimeEquals(named.Fingerprint.Span, command.Fingerprint.Span);
            return same ? new(state, SecretEvents.None, named.Number) : throw Error.TokenInUse(path, command.Token!.Value.Value);
        }

        // Behind the repeat: a retry must not fail on the very version that its first attempt made current.
        if (command.IfCurrent is { } expected && expected != state.Head.Current)
        {
            throw Error.VersionConflict("another version is current than the one the caller last saw");
        }

        int number = named?.Number ?? state.Head.Highest + 1;
        SecretVersion version = new()
        {
            Number = number,
            Id = named?.Id ?? ChooseId(state, command.Id, command.Token),
            Token = command.Token,
            Kind = command.Kind,
            Size = command.Size,
            Fingerprint = command.Fingerprint,
            Created = named?.Created ?? now,
            Updated = now,
            Revision = (named?.Revision ?? 0) + 1,
            DisabledAt = command.Disabled ? now : command.DisableAfter > 0 ? now + command.DisableAfter : null,
            NotBefore = command.NotBefore,
            Expires = command.Expires,
            ContentType = command.ContentType,
            Wire = command.Wire,
            KeyName = command.KeyName,
            CreatedBy = command.By,
        };
        state = state with
        {
            Head = state.Head with
            {
                Highest = Math.Max(state.Head.Highest, number),
                Oldest = state.Head.Oldest == 0 ? number : state.Head.Oldest,
                VersionCount = state.Head.VersionCount + (named is null ? 1 : 0),
                Changed = now,
            },
            Versions = state.Versions.SetItem(number, version),
            Attributes = state.Attributes.SetItems(command.VersionTags.Select(t => KeyValuePair.Create((number, AttributeSpace.VersionTag, t.Key), t.Value))),
        };

        int wasCurrent = state.Head.Current;
        state = PlaceLabels(state, number, command.Labels, command.MaxLabels);
        SecretEvents events = SecretEvents.VersionAdded
            | (state.Head.Current != wasCurrent ? SecretEvents.CurrentMoved : 0)
            | (command.Labels is null ? 0 : SecretEvents.LabelsChanged);
        if (command.EraseOlder)
        {
            state = EraseOlder(state, vault, number, now);
            events |= vault.PurgeProtection ? SecretEvents.VersionChanged : SecretEvents.ValueErased;
        }

        if (command.Prune is { } rule)
        {
            (state, bool pruned) = Prune(state, vault, rule, command.Wire, now);
            events |= pruned ? SecretEvents.Pruned : 0;
        }

        return new(state, events, number, TakesValue: true);
    }

    /// <summary>Begins a rotation. Repeating the token of a pending rotation changes nothing.</summary>
    public static Transition BeginRotation(SecretState state, SecretPath path, BeginRotation command, long now)
    {
        RefuseDeleted(state, path);
        if (FindByToken(state, command.Token) is { } known)
        {
            return known.HasValue ? throw Error.TokenInUse(path, command.Token.Value) : new(state, SecretEvents.None, known.Number);
        }

        int pending = state.NumberOf(VersionLabel.Pending);
        if (pending != 0 && pending != state.Head.Current)
        {
            throw Error.PreconditionFailed("a previous rotation is not complete", "rotation");
        }

        int number = state.Head.Highest + 1;
        SecretVersion version = new()
        {
            Number = number,
            Id = ChooseId(state, command.Id, command.Token),
            Token = command.Token,
            HasValue = false,
            Created = now,
            Updated = now,
            Wire = command.Wire,
            CreatedBy = command.By,
        };
        SecretState after = state with
        {
            Head = state.Head with { Highest = number, Changed = now, Oldest = state.Head.Oldest == 0 ? number : state.Head.Oldest, VersionCount = state.Head.VersionCount + 1 },
            Versions = state.Versions.SetItem(number, version),
            Labels = state.Labels.SetItem(VersionLabel.Pending, number),
        };
        CheckLabelCount(after);
        return new(after, SecretEvents.LabelsChanged, number);
    }

    /// <summary>Removes the copy that a rotation's test made, with its labels. Never the current version.</summary>
    public static Transition EndRotationTest(SecretState state, SecretPath path, int number, long now)
    {
        RefuseDeleted(state, path);
        if (number == state.Head.Current || state.Version(number) is null)
        {
            throw Error.VersionNotFound(path, number.ToString(CultureInfo.InvariantCulture));
        }

        return new(Remove(state, number) is var after ? after with { Head = after.Head with { Changed = now } } : after, SecretEvents.Pruned, number);
    }

    /// <summary>Enables versions; an erase that was scheduled is called off.</summary>
    public static Transition Enable(SecretState state, SecretPath path, EnableVersions command, long now) =>
        OnEach(state, path, command.Numbers, command.Mode, now, version => version with
        {
            DisabledAt = command.DisableAfter > 0 ? now + command.DisableAfter : null,
            DestroyAt = null,
        });

    /// <summary>Disables versions; an erase that was scheduled is called off.</summary>
    public static Transition Disable(SecretState state, SecretPath path, DisableVersions command, long now) =>
        OnEach(state, path, command.Numbers, command.Mode, now, version => version with
        {
            DisabledAt = version.DisabledAt <= now ? version.DisabledAt : now,
            DestroyAt = null,
        });

    /// <summary>Erases values at once or after a delay. Under purge protection the versions are disabled until the vault's retention is over.</summary>
    public static Transition Destroy(SecretState state, Vault vault, DestroyVersions command, long now)
    {
        SecretPath path = new(vault.Name, state.Head.Name);
        long delay = vault.PurgeProtection ? Math.Max(command.Delay, Retention(vault)) : command.Delay;
        Transition outcome = OnEach(state, path, command.Numbers, command.Mode, now, version =>
        {
            if (delay == 0)
            {
                return version with { DestroyedAt = now, DestroyAt = null };
            }

            if (version.DestroyAt is not null && command.Delay > 0)
            {
                throw Error.PreconditionFailed("the version is already scheduled to be destroyed", "version");
            }

            return version with { DestroyAt = version.DestroyAt ?? now + delay, DisabledAt = version.DisabledAt <= now ? version.DisabledAt : now };
        });
        return outcome.Events != SecretEvents.None && delay == 0 ? outcome with { Events = outcome.Events | SecretEvents.ValueErased } : outcome;
    }

    /// <summary>Erases the values whose date has come; the same state when none has.</summary>
    public static SecretState EraseDue(SecretState state, long now)
    {
        foreach (SecretVersion version in state.Versions.Values.Where(v => v.DestroyedAt is null && v.DestroyAt <= now))
        {
            state = state with { Versions = state.Versions.SetItem(version.Number, version with { DestroyedAt = version.DestroyAt, DestroyAt = null, Updated = now, Revision = version.Revision + 1 }) };
        }

        return state;
    }

    /// <summary>Changes attributes of one version.</summary>
    public static Transition EditVersion(SecretState state, SecretPath path, EditVersion command, long now)
    {
        if (command.Tags is { } tags)
        {
            SecretLimits.CheckAttributes(tags);
            state = state with
            {
                Attributes = state.Attributes.RemoveRange(state.Attributes.Keys.Where(k => k.Number == command.Number && k.Space == AttributeSpace.VersionTag))
                    .AddRange(tags.Select(t => KeyValuePair.Create((command.Number, AttributeSpace.VersionTag, t.Key), t.Value))),
            };
        }

        return OnEach(state, path, [command.Number], VersionSetMode.Strict, now, version => version with
        {
            ContentType = command.ContentType ?? version.ContentType,
            NotBefore = command.NotBefore ?? version.NotBefore,
            Expires = command.Expires ?? version.Expires,
            DisabledAt = command.Enabled switch
            {
                null => version.DisabledAt,
                true => null,
                false => version.DisabledAt <= now ? version.DisabledAt : now,
            },
            DestroyAt = command.Enabled is null ? version.DestroyAt : null,
        });
    }

    private static Transition OnEach(
        SecretState state, SecretPath path, ImmutableArray<int> numbers, VersionSetMode mode, long now, Func<SecretVersion, SecretVersion> change)
    {
        RefuseDeleted(state, path);
        if (numbers.Length > SecretLimits.VersionsPerCommand)
        {
            throw Error.InvalidRequest("too many versions in one request", "versions");
        }

        SecretEvents events = SecretEvents.None;
        foreach (int number in numbers)
        {
            // What still waits for its value is known to the rotation that began it and to nothing else.
            SecretVersion? version = state.Version(number) is { HasValue: true } known ? known : null;
            if (version is null || version.StateAt(now) == VersionState.Destroyed)
            {
                if (mode == VersionSetMode.Lenient)
                {
                    continue;
                }

                throw version is null
                    ? Error.VersionNotFound(path, number.ToString(CultureInfo.InvariantCulture))
                    : Error.Destroyed(path, number);
            }

            SecretVersion changed = change(version);
            if (mode == VersionSetMode.Lenient && changed == version)
            {
                continue;
            }

            state = state with { Versions = state.Versions.SetItem(number, changed with { Updated = now, Revision = version.Revision + 1 }) };
            events |= SecretEvents.VersionChanged;
        }

        return new(events == SecretEvents.None ? state : state with { Head = state.Head with { Changed = now } }, events, numbers is [int only] ? only : 0);
    }

    private static SecretVersion? FindByToken(SecretState state, RequestToken token) =>
        state.Versions.Values.FirstOrDefault(v => v.IsNamedBy(token));

    private static VersionId ChooseId(SecretState state, VersionId drawn, RequestToken? token) =>
        token is { } given && given.TryGetVersionId(out VersionId own) && state.Versions.Values.All(v => v.Id != own) ? own : drawn;

    private static SecretState EraseOlder(SecretState state, Vault vault, int number, long now)
    {
        foreach (SecretVersion version in state.Versions.Values.Where(v => v.Number < number && v.HasValue && v.DestroyedAt is null))
        {
            state = vault.PurgeProtection
                ? Hide(state, vault, version, now)
                : state with { Versions = state.Versions.SetItem(version.Number, version with { DestroyedAt = now, DestroyAt = null, Updated = now, Revision = version.Revision + 1 }) };
        }

        return state;
    }

    /// <summary>Disabled now and erased when the vault's retention is over; one that is already on its way keeps its date.</summary>
    private static SecretState Hide(SecretState state, Vault vault, SecretVersion version, long now) => version.DestroyAt is not null
        ? state
        : state with
        {
            Versions = state.Versions.SetItem(version.Number, version with
            {
                DisabledAt = version.DisabledAt <= now ? version.DisabledAt : now,
                DestroyAt = now + Retention(vault),
                Updated = now,
                Revision = version.Revision + 1,
            }),
        };

    private static SecretState Remove(SecretState state, int number) => state with
    {
        Head = state.Head with { VersionCount = state.Head.VersionCount - 1, Previous = state.Head.Previous == number ? 0 : state.Head.Previous },
        Versions = state.Versions.Remove(number),
        Labels = state.Labels.RemoveRange(state.Labels.Where(l => l.Value == number).Select(l => l.Key)),
        Attributes = state.Attributes.RemoveRange(state.Attributes.Keys.Where(k => k.Number == number)),
        Annotations = state.Annotations.RemoveRange(state.Annotations.Keys.Where(k => k.Number == number)),
    };
}
