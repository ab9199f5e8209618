using System.Buffers.Text;
using System.Collections.Immutable;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;

namespace Coffer.Core.Access;

/// <summary>What a session has beside its principal: what narrows it, and what it carries into conditions.</summary>
public sealed record SessionTraits
{
    /// <summary>Sets of policies; every set must allow.</summary>
    public ImmutableArray<PolicySet> Limits { get; init; } = [];

    /// <summary>Networks it is bound to; empty = any.</summary>
    public ImmutableArray<IPNetwork> Cidrs { get; init; } = [];

    /// <summary>Tags over those of the principal, up to 50.</summary>
    public ImmutableSortedDictionary<string, string> Tags { get; init; } = Secret.NoTags;

    /// <summary>Keys of the tags that go along to another principal, where they cannot be replaced.</summary>
    public ImmutableArray<string> TransitiveTags { get; init; } = [];
}

/// <summary>A temporary access key, shown once. Nothing of it is stored: the session token seals what is needed to know it again.</summary>
/// <param name="AccessKeyId"><c>ASIA</c> and sixteen characters.</param>
/// <param name="SecretAccessKey">Forty characters. Dispose it.</param>
/// <param name="SessionToken">To be sent with every request.</param>
/// <param name="Expires">End, UTC microseconds.</param>
public sealed record TemporaryAccessKey(string AccessKeyId, SecretValue SecretAccessKey, string SessionToken, long Expires) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose() => SecretAccessKey.Dispose();

    /// <inheritdoc/>
    public override string ToString() => $"{AccessKeyId} ***";
}

public sealed partial class CredentialService
{
    /// <summary>Shortest and longest life of a session, in seconds.</summary>
    public const int MinSessionSeconds = 900, MaxSessionSeconds = 43_200;

    /// <summary>Longest session token, in characters.</summary>
    public const int MaxSessionTokenCharacters = ((MaxSessionToken + 64) * 4 / 3) + 4;

    /// <summary>In the trail: a session or bearer token for oneself or for another.</summary>
    internal const string IssueAction = "IssueSession";

    /// <summary>What a session that the server gave by itself goes back to: no credential or trust can be called so.</summary>
    private const string ServerRoot = "(server)";

    private const byte SessionLayout = 3;
    private const int MaxSessionToken = 8192, MaxParents = 8;
    private const string KeyAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

    /// <summary>
    /// Issues a temporary access key for <paramref name="principal"/>: for oneself, for one that names the caller, or as a server
    /// administrator. It inherits the networks of the credential it is got with; for oneself its limits too, and it ends no later. Errors: AccessDenied; NotFound;
    /// InvalidRequest.
    /// </summary>
    public async ValueTask<TemporaryAccessKey> IssueSessionAsync(
        Caller caller, Identity? own, PrincipalName? principal, VaultName? home, int seconds, string sessionName, CancellationToken cancellationToken, SessionTraits? asked = null)
    {
        cancellationToken.ThrowIfCancellationRequested();
        CheckSession(seconds);
        (Principal target, bool self) = await MayBecomeAsync(caller, principal, home).ConfigureAwait(false);
        long end = self ? own?.Expires ?? long.MaxValue : long.MaxValue;
        return AccessKey(target, own?.Root ?? caller.Credential, home ?? target.Home, seconds, end, sessionName, TraitsOf(caller, own, self, asked));
    }

    /// <summary>What a session has of the credential it is got with, and what was asked for it.</summary>
    private static SessionTraits TraitsOf(Caller caller, Identity? own, bool self, SessionTraits? asked)
    {
        IEnumerable<KeyValuePair<string, string>> inherited = caller.SessionTags.Where(t => self || own?.TransitiveTags.Contains(t.Key, StringComparer.OrdinalIgnoreCase) == true);
        return new()
        {
            Limits = [.. self ? caller.Limits : [], .. asked?.Limits ?? []],
            Cidrs = own?.Cidrs ?? [],
            Tags = (asked?.Tags ?? Secret.NoTags).SetItems(inherited),
            TransitiveTags = [.. (own?.TransitiveTags ?? []).Union(asked?.TransitiveTags ?? [], StringComparer.OrdinalIgnoreCase)],
        };
    }

    /// <summary>
    /// A temporary access key that the server gives to a program it runs by its operator's settings, where nobody asks: as that principal, for as
    /// long as it is enabled. Recorded. Errors: NotFound (principal, vault); PreconditionFailed (disabled); InvalidRequest.
    /// </summary>
    public async ValueTask<TemporaryAccessKey> IssueToProgramAsync(PrincipalName principal, VaultName home, int seconds, string sessionName, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        CheckSession(seconds);
        AccessSnapshot snapshot = _parts.Access.Current;
        Principal target = snapshot.PrincipalsByName.GetValueOrDefault(principal) ?? throw Error.NotFound("principal", principal.Value);
        if (!target.Enabled)
        {
            throw Error.PreconditionFailed("the principal is disabled");
        }

        if (!snapshot.Vaults.ContainsKey(home))
        {
            throw Error.NotFound("vault", home.Value);
        }

        await _parts.RecordAsync(_parts.Record(SystemCaller.For("IssueToProgram"), IssueAction, home, null, null, Audit.AuditDecision.Allow, "for a program the server runs") with { Name = principal.Value }).ConfigureAwait(false);
        return AccessKey(target, ServerRoot, home, seconds, long.MaxValue, sessionName, new());
    }

    internal static void CheckSession(int seconds)
    {
        if (seconds is < MinSessionSeconds or > MaxSessionSeconds)
        {
            throw Error.InvalidRequest($"a session lasts {MinSessionSeconds} to {MaxSessionSeconds} seconds", "seconds");
        }
    }

    internal TemporaryAccessKey AccessKey(
        Principal principal, string root, VaultName? home, int seconds, long end, string sessionName, SessionTraits traits)
    {
        long now = _parts.Clock.Now();
        long expires = Math.Min(now + (seconds * Microseconds.PerSecond), end);
        string keyId = "ASIA" + RandomNumberGenerator.GetString(KeyAlphabet, 16);
        SecretValue secret = DrawSecret();
        try
        {
            return new(keyId, secret, SealSession(keyId, new(principal.Id, root, now, expires, home, sessionName, traits, ""), secret), expires);
        }
        catch
        {
            secret.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Whether the caller may act as a principal: itself, one that names it (<see cref="AdminService.AllowAssumingAsync"/>), or
    /// any as a server administrator. Recorded; throws AccessDenied or NotFound.
    /// </summary>
    private async ValueTask<(Principal Target, bool Self)> MayBecomeAsync(Caller caller, PrincipalName? principal, VaultName? home)
    {
        AccessSnapshot snapshot = _parts.Access.Current;
        bool self = principal is null || principal == caller.Principal.Name;
        AccessRequest request = new() { Operation = self ? Operation.WhoAmI : Operation.Administer, Caller = caller, Now = _parts.Clock.Now() };
        AccessDecision? assumed = self || !snapshot.PrincipalsByName.TryGetValue(principal!.Value, out Principal? wanted) ? null : AccessEvaluator.DecideAssuming(snapshot, request, wanted);
        // What limits the caller's credential would not limit what is got with it: such a one becomes nobody else.
        AccessDecision decision = assumed is { Allowed: true } && caller.Limits.IsEmpty || assumed is { Allowed: false, Explicit: true } ? assumed.Value : AccessEvaluator.Decide(snapshot, request);
        if (!decision.Allowed && assumed is { Allowed: true })
        {
            decision = decision with { Reason = "a limited credential acts as nobody else: its limits would not go along" };
        }

        string subject = (principal ?? caller.Principal.Name).Value;
        await _parts.RecordAsync(_parts.Record(caller, IssueAction, home, null, null, decision.Allowed ? Audit.AuditDecision.Allow : Audit.AuditDecision.Deny, decision.Reason) with { Name = subject }).ConfigureAwait(false);
        if (!decision.Allowed)
        {
            throw Error.AccessDenied(IssueAction, subject, decision.Reason, decision.Explicit, decision.By);
        }

        Principal target = self ? caller.Principal : snapshot.PrincipalsByName.GetValueOrDefault(principal!.Value) ?? throw Error.NotFound("principal", subject);
        return home is { } vault && !snapshot.Vaults.ContainsKey(vault) ? throw Error.NotFound("vault", vault.Value) : (target, self);
    }

    /// <summary>Forty characters of base64 from thirty random bytes, as AWS secret access keys have.</summary>
    internal static SecretValue DrawSecret()
    {
        Span<byte> random = stackalloc byte[30];
        RandomNumberGenerator.Fill(random);
        SecretValue secret = SecretValue.Rent(40);
        Base64.EncodeToUtf8(random, secret.Buffer, out _, out _);
        CryptographicOperations.ZeroMemory(random);
        return secret;
    }

    /// <summary>A token's text: a prefix and 256 random bits.</summary>
    internal static SecretValue DrawToken(string prefix)
    {
        Span<byte> random = stackalloc byte[32];
        RandomNumberGenerator.Fill(random);
        SecretValue secret = SecretValue.Rent(prefix.Length + 43);
        Encoding.ASCII.GetBytes(prefix, secret.Buffer);
        Base64Url.EncodeToUtf8(random, secret.Buffer[prefix.Length..]);
        CryptographicOperations.ZeroMemory(random);
        return secret;
    }

    private sealed record Session(
        Guid Principal, string Parent, long Issued, long Expires, VaultName? Home, string Name, SessionTraits Traits, string Audience);

    /// <summary>Whether the trust or credential at the root of a session is still there, and what that one was got with.</summary>
    internal async ValueTask<bool> IsAliveAsync(AccessSnapshot snapshot, string root, CancellationToken cancellationToken, int depth = 0)
    {
        if (root == ServerRoot)
        {
            return true;
        }

        if (Guid.TryParseExact(root, "D", out Guid trust))
        {
            return snapshot.TrustIds.Contains(trust);
        }

        return depth < MaxParents && await FindAsync(root, cancellationToken).ConfigureAwait(false) is { } credential && !(credential.Expires <= _parts.Clock.Now())
            && (credential.Parent is not { } parent || await IsAliveAsync(snapshot, parent, cancellationToken, depth + 1).ConfigureAwait(false));
    }

    /// <summary>
    /// Whether the caller is a person who has logged in: with a session, or as a user of this machine; not with a key or token
    /// that may lie about, nor as somebody who acts as the person.
    /// </summary>
    internal async ValueTask<bool> HasLoggedInAsync(Caller caller, CancellationToken cancellationToken) =>
        _parts.Access.Current.Trusts.Any(t => t.PrincipalId == caller.Principal.Id && t.Name.Value == caller.Credential)
        || (await FindAsync(caller.Credential, cancellationToken).ConfigureAwait(false) is { } session && AdminService.IsSession(session) && session.PrincipalId == caller.Principal.Id);

    private async ValueTask<(KnownAccessKey? Key, ProofFailure Failure)> FindSessionAsync(string accessKeyId, string token, IPAddress? address, CancellationToken cancellationToken)
    {
        if (OpenSession(accessKeyId, token) is not { } opened)
        {
            return (null, ProofFailure.Unknown);
        }

        (Session session, byte[] sealedToken) = opened;
        AccessSnapshot snapshot = _parts.Access.Current;
        if (!snapshot.Principals.TryGetValue(session.Principal, out Principal? principal) || !principal.Enabled)
        {
            return (null, ProofFailure.Disabled);
        }

        if (!await IsAliveAsync(snapshot, session.Parent, cancellationToken).ConfigureAwait(false) || session.Audience.Length > 0)
        {
            return (null, ProofFailure.Unknown);
        }

        if (session.Expires <= _parts.Clock.Now())
        {
            return (null, ProofFailure.Expired);
        }

        if (!IsWithin(session.Traits.Cidrs, address))
        {
            return (null, ProofFailure.WrongAddress);
        }

        Identity identity = new()
        {
            Principal = principal,
            Credential = accessKeyId,
            Root = session.Parent,
            Home = session.Home,
            Session = session.Name,
            Expires = session.Expires,
            Limits = session.Traits.Limits,
            Cidrs = session.Traits.Cidrs,
            SessionTags = session.Traits.Tags,
            TransitiveTags = session.Traits.TransitiveTags,
            Issued = session.Issued,
        };
        return (new(identity, accessKeyId, () => SecretOf(accessKeyId, sealedToken)), default);
    }
}
