using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using Coffer.Core;
using Coffer.Core.Access;
using Coffer.Core.Secrets;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Coffer.Protocols.Aws;

/// <summary>
/// Signature Version 4 → identity. Every header that decides what a request means must be signed; the body's hash is
/// always computed and never taken from a header. Wrong proofs are counted by address, recorded, and answered in the order
/// and words that AWS has for them.
/// </summary>
internal sealed partial class AwsAuthentication(CofferCore core, RateGate rates) : IDisposable
{
    private const int HashBytes = SHA256.HashSizeInBytes;
    private const int MaxSecretBytes = 256;

    /// <summary>How far a client's clock may be off, either way.</summary>
    private static readonly TimeSpan Window = TimeSpan.FromMinutes(5);

    /// <summary>Longest life of a request signed in its query, whatever it claims: the proof can be replayed that long.</summary>
    private static readonly TimeSpan MaxPresigned = TimeSpan.FromMinutes(15);

    /// <summary>Signs for key ids that do not exist, so that they cost what others cost.</summary>
    private static readonly byte[] Nobody = RandomNumberGenerator.GetBytes(HashBytes);

    private readonly AwsSigningKeys _keys = new();

    /// <summary>
    /// Proves who sent the request and reads its body. Sets the exchange's identity and region. The caller disposes the
    /// body. Throws <see cref="AwsRefusal"/> for a wrong proof, and <c>Throttled</c>.
    /// </summary>
    public async ValueTask<RequestBody> ProveAsync(HttpContext context, AwsExchange exchange, long maxBodyBytes)
    {
        if (Read(context, exchange, core.Clock.GetUtcNow(), out AwsClaim claim) is { } malformed)
        {
            throw await RefusedAsync(context, exchange, null, malformed).ConfigureAwait(false);
        }

        exchange.Region = claim.Region;
        RequestBody body = await RequestBody.ReadAsync(context, maxBodyBytes).ConfigureAwait(false);
        try
        {
            (KnownAccessKey? key, ProofFailure failure) = IsKeyId(claim.AccessKeyId)
                ? await core.Credentials.FindAccessKeyAsync(claim.AccessKeyId, claim.SessionToken, context.PeerAddress(), context.RequestAborted).ConfigureAwait(false)
                : (null, ProofFailure.Unknown);
            bool matches = Matches(context, claim, key, body.Span);
            if (key is null)
            {
                throw await RefusedAsync(context, exchange, claim.AccessKeyId, failure == ProofFailure.Expired ? AwsErrors.ExpiredToken : AwsErrors.UnknownKey, failure.ToString()).ConfigureAwait(false);
            }

            if (!matches)
            {
                throw await RefusedAsync(context, exchange, claim.AccessKeyId, SignatureDiffers).ConfigureAwait(false);
            }

            rates.Admit(key.Identity);
            if (!await core.Credentials.AcceptAsync(key, context.RequestAborted).ConfigureAwait(false))
            {
                throw await RefusedAsync(context, exchange, claim.AccessKeyId, AwsErrors.UnknownKey, nameof(ProofFailure.Expired)).ConfigureAwait(false);
            }

            exchange.Identity = key.Identity;
            return body;
        }
        catch
        {
            body.Dispose();
            throw;
        }
    }

    /// <summary>Whether a request carries no proof of this wire at all.</summary>
    public static bool IsUnsigned(HttpRequest request) => request.Headers.Authorization.Count == 0 && !request.Query.ContainsKey("X-Amz-Algorithm");

    /// <summary>Forgets every derived key: the server is sealed.</summary>
    public void Forget() => _keys.Clear();

    public void Dispose() => _keys.Dispose();

    private async ValueTask<AwsRefusal> RefusedAsync(HttpContext context, AwsExchange exchange, string? keyId, AwsError error, string? reason = null)
    {
        rates.Failed(context.PeerAddress());
        await core.Credentials.RefusedAsync(
            AwsDialect.DialectName,
            exchange.WireOperation,
            keyId is not null && IsKeyId(keyId) ? keyId : null,
            reason is null ? error.Type : $"{error.Type}: {reason}",
            context.PeerAddress(),
            context.UserAgent(),
            context.RequestId()).ConfigureAwait(false);
        return new(error);
    }

    private static bool IsKeyId(string text)
    {
        if (text.Length is < 16 or > 128)
        {
            return false;
        }

        foreach (char c in text)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c != '_')
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Computes the signature, with nobody's key where there is no key, and compares.</summary>
    private bool Matches(HttpContext context, in AwsClaim claim, KnownAccessKey? key, ReadOnlySpan<byte> body)
    {
        Span<byte> signingKey = stackalloc byte[HashBytes];
        if (key is null)
        {
            Nobody.CopyTo(signingKey);
        }
        else
        {
            SigningKey(key, claim, signingKey);
        }

        bool matches = Matches(context, claim, signingKey, body);
        CryptographicOperations.ZeroMemory(signingKey);
        return matches & key is not null;
    }

    /// <summary>Whether the claim's signature is the one that this key makes of the request as received.</summary>
    internal static bool Matches(HttpContext context, in AwsClaim claim, ReadOnlySpan<byte> signingKey, ReadOnlySpan<byte> body)
    {
        Span<byte> digest = stackalloc byte[HashBytes];
        Span<byte> bodyHash = stackalloc byte[HashBytes * 2];
        SHA256.HashData(body, digest);
        Convert.TryToHexStringLower(digest, bodyHash, out _);
        bool bodyHolds = BodyHashHolds(context.Request.Headers[ContentHashHeader], bodyHash);

        using AwsBuffer canonical = new(1024);
        WriteCanonicalRequest(canonical, context, claim, bodyHash);
        SHA256.HashData(canonical.Span, digest);

        using AwsBuffer toSign = new(256);
        toSign.Write("AWS4-HMAC-SHA256\n"u8);
        toSign.Write(claim.Time);
        toSign.Write((byte)'\n');
        toSign.Write(claim.Scope.Span);
        toSign.Write((byte)'\n');
        Span<byte> hex = stackalloc byte[HashBytes * 2];
        Convert.TryToHexStringLower(digest, hex, out _);
        toSign.Write(hex);

        HMACSHA256.HashData(signingKey, toSign.Span, digest);
        Convert.TryToHexStringLower(digest, hex, out _);

        // The digits are compared as text: upper-case digits would be a second spelling of one signature.
        Span<byte> given = stackalloc byte[HashBytes * 2];
        given.Clear();
        bool wellFormed = claim.Signature.Length == given.Length && Ascii.FromUtf16(claim.Signature.Span, given, out _) == OperationStatus.Done;
        return CryptographicOperations.FixedTimeEquals(hex, given) & wellFormed & bodyHolds;
    }

    private static bool BodyHashHolds(StringValues sent, ReadOnlySpan<byte> actual)
    {
        if (sent.Count == 0)
        {
            return true;
        }

        Span<byte> ascii = stackalloc byte[HashBytes * 2];
        return sent.Count == 1 && sent[0] is { Length: HashBytes * 2 } text
            && Ascii.FromUtf16(text, ascii, out _) == OperationStatus.Done
            && CryptographicOperations.FixedTimeEquals(ascii, actual);
    }

    private void SigningKey(KnownAccessKey key, in AwsClaim claim, Span<byte> into)
    {
        AwsSigningScope scope = new(key.CacheKey, claim.Day, claim.Region, claim.Service);
        if (_keys.TryCopy(scope, into))
        {
            return;
        }

        using SecretValue secret = key.OpenSecret();
        Derive(secret.Span, claim, into);
        _keys.Keep(scope, into);
    }

    /// <summary>HMAC chain over date, region, service and terminator.</summary>
    internal static void Derive(ReadOnlySpan<byte> secret, in AwsClaim claim, Span<byte> into)
    {
        Span<byte> first = stackalloc byte[4 + MaxSecretBytes];
        Span<byte> text = stackalloc byte[128];
        "AWS4"u8.CopyTo(first);
        secret.CopyTo(first[4..]);
        HMACSHA256.HashData(first[..(4 + secret.Length)], Utf8(claim.Time.AsSpan(0, 8), text), into);
        HMACSHA256.HashData(into, Utf8(claim.Region, text), into);
        HMACSHA256.HashData(into, Utf8(claim.Service, text), into);
        HMACSHA256.HashData(into, "aws4_request"u8, into);
        CryptographicOperations.ZeroMemory(first);
    }

    private static ReadOnlySpan<byte> Utf8(ReadOnlySpan<char> text, Span<byte> into) => into[..Encoding.UTF8.GetBytes(text, into)];
}

/// <summary>What a derived key is for. Everything it depends on is in here, so a changed secret never finds an old key.</summary>
internal readonly record struct AwsSigningScope(string CacheKey, int Day, string Region, string Service);

/// <summary>
/// Derived signing keys, kept because four HMACs and an unsealing per request are most of a signature's cost. Bounded;
/// what goes is zeroed.
/// </summary>
internal sealed class AwsSigningKeys : IDisposable
{
    private const int Limit = 8_192;
    private const int KeyBytes = 32;

    private readonly Lock _gate = new();
    private readonly Dictionary<AwsSigningScope, byte[]> _keys = [];
    private int _newest;

    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _keys.Count;
            }
        }
    }

    /// <summary>Copies the key out under the lock, so that none is zeroed while it is used.</summary>
    public bool TryCopy(in AwsSigningScope scope, Span<byte> into)
    {
        lock (_gate)
        {
            if (!_keys.TryGetValue(scope, out byte[]? key))
            {
                return false;
            }

            key.CopyTo(into);
            return true;
        }
    }

    public void Keep(in AwsSigningScope scope, ReadOnlySpan<byte> key)
    {
        lock (_gate)
        {
            if (scope.Day > _newest)
            {
                _newest = scope.Day;
                DropOlderThan(_newest - 1);
            }

            if (_keys.Count >= Limit)
            {
                DropAll();
            }

            if (!_keys.ContainsKey(scope))
            {
                byte[] kept = GC.AllocateUninitializedArray<byte>(KeyBytes, pinned: true);
                key.CopyTo(kept);
                _keys.Add(scope, kept);
            }
        }
    }

    public void Clear()
    {
        lock (_gate)
        {
            DropAll();
        }
    }

    public void Dispose() => Clear();

    private void DropOlderThan(int day)
    {
        foreach ((AwsSigningScope scope, byte[] key) in _keys)
        {
            if (scope.Day < day)
            {
                CryptographicOperations.ZeroMemory(key);
                _keys.Remove(scope);
            }
        }
    }

    private void DropAll()
    {
        foreach (byte[] key in _keys.Values)
        {
            CryptographicOperations.ZeroMemory(key);
        }

        _keys.Clear();
    }
}
