using System.Buffers.Binary;
using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using Coffer.Core.Errors;

namespace Coffer.Core.Access.People;

/// <summary>
/// Logins through an issuer that have begun. A beginning keeps nothing here, so that a flood of them fills nothing: the login's
/// text says all, under a key that this process has drawn. Only a login that was finished is remembered, until its end, so that
/// it is finished once; a restart ends those under way.
/// <code>
///   trust 16 · began 8 · device 1 · random 24 · HMAC-SHA256 over all of it 32      81 bytes, base64url
/// </code>
/// </summary>
internal sealed class BrowserLogins(TimeProvider clock)
{
    /// <summary>How long a login may take, in seconds.</summary>
    public const int Seconds = 600;

    private const int TrustBytes = 16, BeganAt = TrustBytes, DeviceAt = BeganAt + 8, RandomAt = DeviceAt + 1, MacAt = RandomAt + 24, Length = MacAt + 32;
    private const int MostFinished = 100_000;

    private readonly byte[] _key = RandomNumberGenerator.GetBytes(32);
    private readonly ConcurrentDictionary<string, long> _finished = new(StringComparer.Ordinal);

    /// <summary>Begins one.</summary>
    public BrowserLogin Begin(Guid trust, bool device)
    {
        byte[] bytes = new byte[Length];
        trust.TryWriteBytes(bytes, bigEndian: true, out _);
        long now = clock.Now();
        BinaryPrimitives.WriteInt64BigEndian(bytes.AsSpan(BeganAt), now);
        bytes[DeviceAt] = device ? (byte)1 : (byte)0;
        RandomNumberGenerator.Fill(bytes.AsSpan(RandomAt, MacAt - RandomAt));
        HMACSHA256.HashData(_key, bytes.AsSpan(0, MacAt), bytes.AsSpan(MacAt));
        return new(Base64Url.EncodeToString(bytes), Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(24)), NonceOf(bytes), now + (Seconds * Microseconds.PerSecond));
    }

    /// <summary>What a login says, or null where it is none of ours, past its end, or finished.</summary>
    public Begun? Find(string login)
    {
        byte[] bytes = new byte[Length];
        if (login.Length != Base64Url.GetEncodedLength(Length) || !Base64Url.TryDecodeFromChars(login, bytes, out int length) || length != Length
            || !CryptographicOperations.FixedTimeEquals(HMACSHA256.HashData(_key, bytes.AsSpan(0, MacAt)), bytes.AsSpan(MacAt)))
        {
            return null;
        }

        long began = BinaryPrimitives.ReadInt64BigEndian(bytes.AsSpan(BeganAt));
        return clock.Now() - began is >= 0 and < Seconds * Microseconds.PerSecond && !_finished.ContainsKey(NonceOf(bytes))
            ? new(new Guid(bytes.AsSpan(0, TrustBytes), bigEndian: true), began, bytes[DeviceAt] != 0, NonceOf(bytes))
            : null;
    }

    /// <summary>Finishes a login with the token that proved it: false where either was used before. Throws Throttled where too many were.</summary>
    public bool Finish(Begun login, string token)
    {
        if (_finished.Count >= MostFinished)
        {
            Prune();
            if (_finished.Count >= MostFinished)
            {
                throw Error.Throttled(TimeSpan.FromSeconds(Seconds));
            }
        }

        long end = clock.Now() + (Seconds * Microseconds.PerSecond);
        // A device's token names no login: it is remembered by itself. By what is signed: whoever has one signature of some kinds can make another.
        string signed = token[..Math.Max(0, token.LastIndexOf('.'))];
        string shown = "token/" + Convert.ToHexString(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(signed)));
        return _finished.TryAdd(login.Nonce, end) & _finished.TryAdd(shown, end);
    }

    /// <summary>Forgets what can no longer be shown.</summary>
    public void Prune()
    {
        long now = clock.Now();
        foreach (KeyValuePair<string, long> entry in _finished)
        {
            if (entry.Value <= now)
            {
                _finished.TryRemove(entry);
            }
        }
    }

    private static string NonceOf(byte[] bytes) => Base64Url.EncodeToString(bytes.AsSpan(RandomAt, MacAt - RandomAt));

    /// <summary>A login as it was begun.</summary>
    /// <param name="Trust">The trust's id.</param>
    /// <param name="Began">When, UTC microseconds.</param>
    /// <param name="Device">Whether by device code.</param>
    /// <param name="Nonce">What the token must say.</param>
    public sealed record Begun(Guid Trust, long Began, bool Device, string Nonce);
}
