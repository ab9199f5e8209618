using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Coffer.Core.Audit;
using Coffer.Core.Errors;
using Coffer.Core.Sealing;
using Coffer.Core.Secrets;
using Coffer.Core.Stores;

namespace Coffer.Core.Access;

/// <summary>Why a proof of identity was not accepted. Answers do not distinguish more than the wire does.</summary>
public enum ProofFailure
{
    /// <summary>Unknown credential, or a session token that is not ours or not of this key.</summary>
    Unknown = 1,

    /// <summary>Past its end, or used up.</summary>
    Expired = 2,

    /// <summary>The principal is disabled or gone.</summary>
    Disabled = 3,

    /// <summary>Used from an address it is not bound to.</summary>
    WrongAddress = 4,
}

/// <summary>Who a proof of identity belongs to.</summary>
public sealed record Identity
{
    /// <summary>The principal.</summary>
    public required Principal Principal { get; init; }

    /// <summary>Public id of the credential or name of the trust.</summary>
    public required string Credential { get; init; }

    /// <summary>The stored credential or trust at the root of it: itself, or what a session was got with. When that goes, so does this.</summary>
    public required string Root { get; init; }

    /// <summary>The vault that calls land in where the wire names none.</summary>
    public VaultName? Home { get; init; }

    /// <summary>Session name, or null.</summary>
    public string? Session { get; init; }

    /// <summary>Tags given to the session.</summary>
    public ImmutableSortedDictionary<string, string> SessionTags { get; init; } = Secret.NoTags;

    /// <summary>Keys of those tags that go along when the session becomes another principal.</summary>
    public ImmutableArray<string> TransitiveTags { get; init; } = [];

    /// <summary>When the session was issued, UTC microseconds, or null.</summary>
    public long? Issued { get; init; }

    /// <summary>What the proof of a trust said; null where a stored credential or the kernel proved it.</summary>
    public ProvenClaims? Claims { get; init; }

    /// <summary>When the proof ends, UTC microseconds, or null.</summary>
    public long? Expires { get; init; }

    /// <summary>Limits of the credential.</summary>
    public ImmutableArray<PolicySet> Limits { get; init; } = [];

    /// <summary>Networks the credential is bound to.</summary>
    public ImmutableArray<IPNetwork> Cidrs { get; init; } = [];
}

/// <summary>An access key whose id is known; the signature is still to be checked with its secret.</summary>
public sealed class KnownAccessKey
{
    private readonly Func<SecretValue> _open;

    internal KnownAccessKey(Identity identity, string cacheKey, Func<SecretValue> open)
    {
        Identity = identity;
        CacheKey = cacheKey;
        _open = open;
    }

    /// <summary>Whose it is.</summary>
    public Identity Identity { get; }

    /// <summary>Changes whenever the secret does: keys derived from it may be kept under this text.</summary>
    public string CacheKey { get; }

    /// <summary>The secret in plaintext. Dispose it at once.</summary>
    public SecretValue OpenSecret() => _open();
}

/// <summary>
/// Turns proofs of identity into principals. Never throws for a wrong proof, since those are what a flood is made of;
/// every look-up costs the same whether the credential exists or not.
/// </summary>
public sealed partial class CredentialService
{
    /// <summary>First characters of a token of Coffer's own API.</summary>
    public const string TokenPrefix = "cft_";

    private const int CacheLimit = 10_000;

    private readonly CoreParts _parts;
    private readonly ConcurrentDictionary<string, Credential> _byId = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, string> _byVerifier = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, int> _used = new(StringComparer.Ordinal);
    private long _generation;

    internal CredentialService(CoreParts parts) => _parts = parts;

    /// <summary>A token of Coffer's own API: a stored one, or a bearer token for <see cref="CofferAudience"/>.</summary>
    public async ValueTask<(Identity? Identity, ProofFailure Failure)> ProveTokenAsync(string token, IPAddress? address, CancellationToken cancellationToken)
    {
        if (token.StartsWith(BearerPrefix, StringComparison.Ordinal))
        {
            return await ProveBearerAsync(token, CofferAudience, address, cancellationToken).ConfigureAwait(false);
        }

        byte[] verifier = _parts.Keys.Index(Encoding.UTF8.GetBytes(token));
        string cacheKey = Convert.ToHexString(verifier);
        Credential? credential = _byVerifier.TryGetValue(cacheKey, out string? id) && _byId.TryGetValue(id, out Credential? cached) ? cached : null;
        if (credential is null)
        {
            long generation = Volatile.Read(ref _generation);
            credential = Sound(await _parts.Store.Access.FindCredentialAsync((ReadOnlyMemory<byte>)verifier, cancellationToken).ConfigureAwait(false));
            if (credential is null)
            {
                return (null, ProofFailure.Unknown);
            }

            Keep(credential, generation);
            _byVerifier[cacheKey] = credential.PublicId;
        }

        return credential.Kind == CredentialKind.Token && CryptographicOperations.FixedTimeEquals(credential.Verifier.Span, verifier)
            ? await AcceptAsync(credential, address, cancellationToken).ConfigureAwait(false)
            : (null, ProofFailure.Unknown);
    }

    /// <summary>
    /// An access key by its id; a temporary one with the session token that seals what is needed to know it. Uses are
    /// taken and last use is noted only by <see cref="AcceptAsync(KnownAccessKey, CancellationToken)"/>.
    /// </summary>
    public async ValueTask<(KnownAccessKey? Key, ProofFailure Failure)> FindAccessKeyAsync(string accessKeyId, string? sessionToken, IPAddress? address, CancellationToken cancellationToken)
    {
        if (sessionToken is not null)
        {
            return await FindSessionAsync(accessKeyId, sessionToken, address, cancellationToken).ConfigureAwait(false);
        }

        Credential? credential = await FindAsync(accessKeyId, cancellationToken).ConfigureAwait(false);
        if (credential is not { Kind: CredentialKind.AccessKey })
        {
            return (null, ProofFailure.Unknown);
        }

        (Identity? identity, ProofFailure failure) = Check(credential, address);
        return identity is null
            ? (null, failure)
            : (new(identity, string.Create(CultureInfo.InvariantCulture, $"{credential.PublicId}/{credential.Revision}"), () => OpenSecret(credential)), default);
    }

    /// <summary>To be called once the signature was right: takes a use where they are counted, and notes the day.</summary>
    public async ValueTask<bool> AcceptAsync(KnownAccessKey key, CancellationToken cancellationToken) =>
        key.Identity.Session is not null || (_byId.TryGetValue(key.Identity.Credential, out Credential? credential)
            ? (await AcceptAsync(credential, null, cancellationToken, checkedAlready: true).ConfigureAwait(false)).Identity is not null
            : await FindAsync(key.Identity.Credential, cancellationToken).ConfigureAwait(false) is { } again && (await AcceptAsync(again, null, cancellationToken, checkedAlready: true).ConfigureAwait(false)).Identity is not null);

    /// <summary>A user of this machine on the local socket, as the kernel names it.</summary>
    public (Identity? Identity, ProofFailure Failure) ProveLocalUser(uint uid)
    {
        AccessSnapshot snapshot = _parts.Access.Current;
        string text = uid.ToString(CultureInfo.InvariantCulture);
        foreach (Trust trust in snapshot.Trusts)
        {
            if (trust.Kind == TrustKind.LocalUser && trust.Claims.TryGetValue("uid", out string? claimed) && claimed == text)
            {
                return trust.PrincipalId is { } id && snapshot.Principals.TryGetValue(id, out Principal? principal) && principal.Enabled
                    ? (new() { Principal = principal, Credential = trust.Name.Value, Root = RootOf(trust), Home = principal.Home }, default)
                    : (null, ProofFailure.Disabled);
            }
        }

        return (null, ProofFailure.Unknown);
    }

    /// <summary>Records that a proof was not accepted. <paramref name="credential"/> is a public id that passed its parser, or null.</summary>
    public ValueTask RefusedAsync(string dialect, string wireOperation, string? credential, string reason, IPAddress? address, string? userAgent, string requestId) =>
        _parts.RecordAsync(_parts.Record(new(dialect, wireOperation, requestId, address, userAgent), "Authenticate", null, credential, AuditDecision.Deny, reason));

    /// <summary>Notes the days of last uses in the store.</summary>
    internal async ValueTask FlushUsesAsync(CancellationToken cancellationToken)
    {
        KeyValuePair<string, int>[] used = [.. _used];
        if (used.Length > 0)
        {
            await _parts.Store.Access.MarkUsedAsync([.. used.Select(u => (u.Key, u.Value))], cancellationToken).ConfigureAwait(false);
            foreach (KeyValuePair<string, int> entry in used)
            {
                _byId.TryRemove(entry.Key, out _);
                _used.TryRemove(entry);
            }
        }
    }

    /// <summary>Drops cached credentials that a change touched, before it is acknowledged.</summary>
    internal void Forget(AccessChange change)
    {
        Interlocked.Increment(ref _generation);
        foreach (Credential credential in change.Credentials)
        {
            _byId.TryRemove(credential.PublicId, out _);
        }

        foreach (string id in change.RemovedCredentials)
        {
            _byId.TryRemove(id, out _);
        }

        if (change.RemovedPrincipals.Count > 0)
        {
            _byId.Clear();
        }
    }

    /// <summary>Drops everything: the server was sealed.</summary>
    internal void Clear()
    {
        Interlocked.Increment(ref _generation);
        _byId.Clear();
        _byVerifier.Clear();
    }

    /// <summary>How a session names the trust it was got with: by its id, which no credential has and no later trust gets.</summary>
    internal static string RootOf(Trust trust) => trust.Id.ToString("D");

    internal async ValueTask<Credential?> FindAsync(string publicId, CancellationToken cancellationToken)
    {
        if (_byId.TryGetValue(publicId, out Credential? cached))
        {
            return cached;
        }

        long generation = Volatile.Read(ref _generation);
        Credential? found = Sound(await _parts.Store.Access.FindCredentialAsync(publicId, cancellationToken).ConfigureAwait(false));
        if (found is not null)
        {
            Keep(found, generation);
        }

        return found;
    }

    private void Keep(Credential credential, long generation)
    {
        if (_byId.Count >= CacheLimit)
        {
            _byId.Clear();
            _byVerifier.Clear();
        }

        _byId[credential.PublicId] = credential;
        if (Volatile.Read(ref _generation) != generation)
        {
            _byId.TryRemove(credential.PublicId, out _);
        }
    }

    internal Credential? Sound(Credential? credential)
    {
        if (credential is null || RowMacs.Holds(_parts.Keys, credential))
        {
            return credential;
        }

        _parts.Alarm($"credential {credential.PublicId}");
        return null;
    }

    private (Identity? Identity, ProofFailure Failure) Check(Credential credential, IPAddress? address)
    {
        if (credential.PrincipalId is not { } id || !_parts.Access.Current.Principals.TryGetValue(id, out Principal? principal) || !principal.Enabled)
        {
            return (null, ProofFailure.Disabled);
        }

        if (credential.Expires <= _parts.Clock.Now() || credential.UsesLeft <= 0)
        {
            return (null, ProofFailure.Expired);
        }

        return IsWithin(credential.Cidrs, address)
            ? (new() { Principal = principal, Credential = credential.PublicId, Root = credential.PublicId, Home = principal.Home, Expires = credential.Expires, Limits = credential.Limits, Cidrs = credential.Cidrs }, default)
            : (null, ProofFailure.WrongAddress);
    }

    private async ValueTask<(Identity? Identity, ProofFailure Failure)> AcceptAsync(Credential credential, IPAddress? address, CancellationToken cancellationToken, bool checkedAlready = false)
    {
        if (credential.Parent is { } parent && !await IsAliveAsync(_parts.Access.Current, parent, cancellationToken).ConfigureAwait(false))
        {
            return (null, ProofFailure.Unknown);
        }

        (Identity? identity, ProofFailure failure) = checkedAlready ? Check(credential with { Cidrs = [] }, null) : Check(credential, address);
        if (identity is null)
        {
            return (null, failure);
        }

        if (credential.UsesLeft is not null && !await _parts.Store.Access.TakeUseAsync(credential.PublicId, cancellationToken).ConfigureAwait(false))
        {
            return (null, ProofFailure.Expired);
        }

        int today = Microseconds.DayOf(_parts.Clock.Now());
        if (credential.LastUsedDay != today)
        {
            _used[credential.PublicId] = today;
        }

        return (identity, default);
    }

    private static bool IsWithin(ImmutableArray<IPNetwork> cidrs, IPAddress? address)
    {
        if (cidrs.IsDefaultOrEmpty)
        {
            return true;
        }

        IPAddress? plain = address is { IsIPv4MappedToIPv6: true } ? address.MapToIPv4() : address;
        return plain is not null && cidrs.Any(c => c.Contains(plain));
    }

    internal SecretValue OpenSecret(Credential credential)
    {
        try
        {
            return _parts.Keys.Open(credential.Sealed.Span, SealContext.ForCredential(credential.PublicId));
        }
        catch (SealIntegrityException failure)
        {
            _parts.Alarm($"credential {credential.PublicId}");
            throw Error.Integrity($"credential {credential.PublicId}", failure);
        }
    }
}
