using System.Collections.Concurrent;
using System.Collections.Immutable;
using Coffer.Core.Errors;
using Coffer.Core.Sealing;
using Coffer.Core.Secrets;
using Coffer.Core.Stores;

namespace Coffer.Core.Access;

/// <summary>
/// Holds the current <see cref="AccessSnapshot"/> and makes the next one after every change, before that change is
/// acknowledged: a revoked grant stops working in the very next request. Rows that fail their MAC never take part; what
/// hangs on them is denied.
/// </summary>
public sealed class AccessDirectory
{
    private const int SecretPolicyCacheLimit = 10_000;

    private readonly IStore _store;
    private readonly SealService _seals;
    private readonly ImmutableArray<IPolicyLanguage> _languages;
    private readonly Action<string> _alarm;
    private readonly SemaphoreSlim _reload = new(1, 1);
    private readonly ConcurrentDictionary<SecretUid, (ReadOnlyMemory<byte> Digest, ImmutableArray<ParsedPolicy> Parsed)> _onSecrets = new();
    private volatile AccessSnapshot? _current;

    internal AccessDirectory(IStore store, SealService seals, ImmutableArray<IPolicyLanguage> languages, Action<string> alarm)
    {
        _store = store;
        _seals = seals;
        _languages = languages;
        _alarm = alarm;
    }

    /// <summary>The state that decisions use now. Throws <see cref="CofferErrorCode.Sealed"/> while the server is sealed.</summary>
    public AccessSnapshot Current => _current ?? throw Error.Sealed();

    /// <summary>Loads and verifies everything; the next <see cref="Current"/> is the new state.</summary>
    public async ValueTask ReloadAsync(CancellationToken cancellationToken)
    {
        await _reload.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            Keyring keys = _seals.Current;
            IReadOnlyList<Vault> vaults = await _store.Secrets.VaultsAsync(cancellationToken).ConfigureAwait(false);
            AccessRows rows = await _store.Access.LoadAsync(cancellationToken).ConfigureAwait(false);
            _current = new(SoundVaults(keys, vaults, rows), Verify(keys, rows), _languages, _current);
        }
        finally
        {
            _reload.Release();
        }
    }

    /// <summary>Forgets everything: the server was sealed.</summary>
    public void Clear()
    {
        _current = null;
        _onSecrets.Clear();
    }

    /// <summary>Parsed policies on one secret; a set that is not the one its head vouches for throws <see cref="CofferErrorCode.Integrity"/>.</summary>
    internal async ValueTask<ImmutableArray<ParsedPolicy>> OnSecretAsync(Secret? head, CancellationToken cancellationToken)
    {
        if (head is null || head.PolicyLanguages == 0)
        {
            return [];
        }

        if (_onSecrets.TryGetValue(head.Uid, out (ReadOnlyMemory<byte> Digest, ImmutableArray<ParsedPolicy> Parsed) cached) && cached.Digest.Span.SequenceEqual(head.PolicyDigest.Span))
        {
            return cached.Parsed;
        }

        IReadOnlyList<Policy> policies = await _store.Access.PoliciesAsync(Attachment.To(head.Uid), cancellationToken).ConfigureAwait(false);
        Keyring keys = _seals.Current;
        byte[] digest = RowMacs.PolicyDigest(policies);
        bool whole = digest.AsSpan().SequenceEqual(head.PolicyDigest.Span) || await IsNewerAsync(keys, head, digest, cancellationToken).ConfigureAwait(false);
        if (!whole || policies.Any(p => !RowMacs.Holds(keys, p)))
        {
            _alarm($"policies of secret {head.Uid}");
            throw Error.Integrity($"policies of secret {head.Uid}");
        }

        ImmutableArray<ParsedPolicy> parsed = [.. policies.Select(ParseStored)];
        if (_onSecrets.Count >= SecretPolicyCacheLimit)
        {
            _onSecrets.Clear();
        }

        _onSecrets[head.Uid] = (digest, parsed);
        return parsed;
    }

    /// <summary>Whether the head was read before a change of its policies that has been committed since: then the new set is judged.</summary>
    private async ValueTask<bool> IsNewerAsync(Keyring keys, Secret head, byte[] digest, CancellationToken cancellationToken)
    {
        Secret? now = await _store.Secrets.FindHeadAsync(head.Uid, cancellationToken).ConfigureAwait(false);
        if (now is null)
        {
            return digest.Length == 0;
        }

        if (now.Revision <= head.Revision || !digest.AsSpan().SequenceEqual(now.PolicyDigest.Span) || Current.Vaults.Values.FirstOrDefault(v => v.Id == now.VaultId) is not { } vault)
        {
            return false;
        }

        RowMacs.Verify(keys, now, vault.Number);
        return true;
    }

    /// <summary>Makes a policy ready; what its language cannot judge exactly, and a language there is none of, is refused with InvalidRequest.</summary>
    internal ParsedPolicy Parse(Policy policy) =>
        (_languages.FirstOrDefault(l => string.Equals(l.Name, policy.Language, StringComparison.Ordinal)) ?? throw Error.InvalidRequest("there is no such policy language", "language")).Parse(policy);

    /// <summary>The bit of a language in a secret's mask.</summary>
    internal int BitOf(string language) => _languages.FirstOrDefault(l => string.Equals(l.Name, language, StringComparison.Ordinal))?.Bit ?? 0;

    private IReadOnlyList<Vault> SoundVaults(Keyring keys, IReadOnlyList<Vault> vaults, AccessRows rows)
    {
        ILookup<Attachment, Policy> policies = rows.Policies.ToLookup(p => p.AttachedTo);
        return Sound(
            vaults,
            v => RowMacs.Holds(keys, v) && RowMacs.PolicyDigest(policies[Attachment.To(v.Number)]).AsSpan().SequenceEqual(v.PolicyDigest.Span),
            v => $"vault {v.Name}");
    }

    private ParsedPolicy ParseStored(Policy policy)
    {
        try
        {
            return _languages.FirstOrDefault(l => string.Equals(l.Name, policy.Language, StringComparison.Ordinal))?.Parse(policy) ?? new UnjudgeablePolicy(policy);
        }
        catch (CofferException)
        {
            return new UnjudgeablePolicy(policy);
        }
    }

    private AccessRows Verify(Keyring keys, AccessRows rows)
    {
        ILookup<Attachment, Policy> policies = rows.Policies.ToLookup(p => p.AttachedTo);
        ILookup<Guid, Group> groupsOf = rows.Groups.SelectMany(g => g.Members.Select(m => (Member: m, Group: g))).ToLookup(p => p.Member, p => p.Group);
        HashSet<Guid> forgedGroups = [];
        foreach (Group group in rows.Groups)
        {
            if (!RowMacs.Holds(keys, group) || !RowMacs.PolicyDigest(policies[Attachment.ToGroup(group.Id)]).AsSpan().SequenceEqual(group.PolicyDigest.Span))
            {
                forgedGroups.Add(group.Id);
                _alarm($"group {group.Name}");
            }
        }

        // A forged or incomplete set of policies or groups could hide a deny: whoever it hangs on is left out, and so denied.
        bool IsSound(Principal p) =>
            RowMacs.Holds(keys, p)
            && RowMacs.PolicyDigest(policies[Attachment.ToPrincipal(p.Id)], groupsOf[p.Id].Select(g => g.Id)).AsSpan().SequenceEqual(p.PolicyDigest.Span)
            && !groupsOf[p.Id].Any(g => forgedGroups.Contains(g.Id));

        return rows with
        {
            Principals = Sound(rows.Principals, IsSound, p => $"principal {p.Name}"),
            Groups = [.. rows.Groups.Where(g => !forgedGroups.Contains(g.Id))],
            Trusts = Sound(rows.Trusts, t => RowMacs.Holds(keys, t), t => $"trust {t.Name}"),
            Policies = [.. rows.Policies.Select(p => RowMacs.Holds(keys, p) ? p : Spoilt(p))],
            Roles = Sound(rows.Roles, r => RowMacs.Holds(keys, r), r => $"role {r.Name}"),
            Approvals = Sound(rows.Approvals, a => RowMacs.Holds(keys, a), a => $"request {a.Id}"),
            Aliases = Sound(rows.Aliases, a => RowMacs.Holds(keys, a), a => $"alias {a.Name}"),
        };
    }

    /// <summary>A policy that fails its MAC becomes one that no language can judge, and so denies.</summary>
    private Policy Spoilt(Policy policy)
    {
        _alarm($"policy {policy.Id:D}");
        return policy with { Source = "" };
    }

    private IReadOnlyList<T> Sound<T>(IReadOnlyList<T> rows, Func<T, bool> holds, Func<T, string> name)
    {
        if (rows.All(holds))
        {
            return rows;
        }

        List<T> sound = [];
        foreach (T row in rows)
        {
            if (holds(row))
            {
                sound.Add(row);
            }
            else
            {
                _alarm(name(row));
            }
        }

        return sound;
    }
}
