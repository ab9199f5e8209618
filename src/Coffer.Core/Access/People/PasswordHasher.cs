using System.Buffers.Binary;
using System.Security.Cryptography;
using Coffer.Core.Errors;
using Coffer.Core.Sealing;
using Coffer.Core.Secrets;

namespace Coffer.Core.Access.People;

/// <summary>
/// Passwords as they are kept: Argon2id, and over it a MAC under a key that is not in the store, so that a stolen store alone
/// gives nothing to guess against. Each hash takes the memory of its parameters: few run at a time, some wait, the rest are
/// turned away.
/// <code>
///   layout 1 · salt 16 · KiB of memory 4 · passes 4 · lanes 4 · HMAC-SHA256(Argon2id) 32      61 bytes, integers big-endian
/// </code>
/// </summary>
internal sealed class PasswordHasher(PassphraseKdf? kdf, Argon2Parameters cost)
{
    /// <summary>Hashes at a time.</summary>
    public const int Running = 2;

    /// <summary>Hashes that may wait for one of those.</summary>
    public const int Waiting = 32;

    private const byte Layout = 1;
    private const int SaltBytes = 16, HashBytes = 32, SaltAt = 1, CostAt = SaltAt + SaltBytes, HashAt = CostAt + 12, Length = HashAt + HashBytes;

    private static readonly byte[] NobodysSalt = RandomNumberGenerator.GetBytes(SaltBytes);

    private readonly SemaphoreSlim _gate = new(Running, Running);
    private int _inside;

    /// <summary>The verifier to keep. Throws Throttled.</summary>
    public async ValueTask<byte[]> MakeAsync(SecretValue password, Keyring keys, CancellationToken cancellationToken)
    {
        byte[] verifier = new byte[Length];
        verifier[0] = Layout;
        RandomNumberGenerator.Fill(verifier.AsSpan(SaltAt, SaltBytes));
        BinaryPrimitives.WriteInt32BigEndian(verifier.AsSpan(CostAt), cost.MemoryKib);
        BinaryPrimitives.WriteInt32BigEndian(verifier.AsSpan(CostAt + 4), cost.Passes);
        BinaryPrimitives.WriteInt32BigEndian(verifier.AsSpan(CostAt + 8), cost.Lanes);
        byte[] hash = await HashAsync(password, verifier.AsMemory(SaltAt, SaltBytes), cost, keys, cancellationToken).ConfigureAwait(false);
        hash.CopyTo(verifier.AsSpan(HashAt));
        return verifier;
    }

    /// <summary>Whether the password is the one; an empty verifier costs the same and is never right. Throws Throttled.</summary>
    public async ValueTask<bool> IsRightAsync(SecretValue password, ReadOnlyMemory<byte> verifier, Keyring keys, CancellationToken cancellationToken)
    {
        (ReadOnlyMemory<byte> Salt, Argon2Parameters Cost)? stored = Read(verifier.Span, verifier);
        byte[] hash = await HashAsync(password, stored?.Salt ?? NobodysSalt, stored?.Cost ?? cost, keys, cancellationToken).ConfigureAwait(false);
        ReadOnlySpan<byte> expected = stored is null ? new byte[HashBytes] : verifier.Span[HashAt..];
        return CryptographicOperations.FixedTimeEquals(hash, expected) & stored is not null;
    }

    private static (ReadOnlyMemory<byte> Salt, Argon2Parameters Cost)? Read(ReadOnlySpan<byte> verifier, ReadOnlyMemory<byte> memory)
    {
        if (verifier.Length != Length || verifier[0] != Layout)
        {
            return null;
        }

        Argon2Parameters stored = new(BinaryPrimitives.ReadInt32BigEndian(verifier[CostAt..]), BinaryPrimitives.ReadInt32BigEndian(verifier[(CostAt + 4)..]), BinaryPrimitives.ReadInt32BigEndian(verifier[(CostAt + 8)..]));
        return stored.IsAcceptable ? (memory.Slice(SaltAt, SaltBytes), stored) : null;
    }

    private async ValueTask<byte[]> HashAsync(SecretValue password, ReadOnlyMemory<byte> salt, Argon2Parameters parameters, Keyring keys, CancellationToken cancellationToken)
    {
        if (kdf is null)
        {
            throw Error.PreconditionFailed("this server keeps no passwords");
        }

        if (Interlocked.Increment(ref _inside) > Running + Waiting)
        {
            Interlocked.Decrement(ref _inside);
            throw Error.Throttled(TimeSpan.FromSeconds(1));
        }

        try
        {
            await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                return Hash(password.Span, salt.Span, parameters, keys);
            }
            finally
            {
                _gate.Release();
            }
        }
        finally
        {
            Interlocked.Decrement(ref _inside);
        }
    }

    private byte[] Hash(ReadOnlySpan<byte> password, ReadOnlySpan<byte> salt, Argon2Parameters parameters, Keyring keys)
    {
        Span<byte> stretched = stackalloc byte[HashBytes];
        byte[] key = keys.DeriveKey("passwords");
        try
        {
            kdf!(password, salt, parameters, stretched);
            return HMACSHA256.HashData(key, stretched);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(stretched);
            CryptographicOperations.ZeroMemory(key);
        }
    }
}
