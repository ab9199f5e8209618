using System.Security.Cryptography;
using Coffer.Core.Secrets;

namespace Coffer.Core.Sealing;

/// <summary>Cost of Argon2id.</summary>
/// <param name="MemoryKib">KiB of memory.</param>
/// <param name="Passes">Passes over it.</param>
/// <param name="Lanes">Lanes.</param>
public readonly record struct Argon2Parameters(int MemoryKib, int Passes, int Lanes)
{
    /// <summary>What new seals use: 64 MiB, 3 passes, 1 lane.</summary>
    public static Argon2Parameters Default { get; } = new(64 * 1024, 3, 1);
}

/// <summary>Argon2id, handed in from outside since the core has no packages.</summary>
/// <param name="passphrase">UTF-8 bytes.</param>
/// <param name="salt">16 bytes or more.</param>
/// <param name="parameters">Cost.</param>
/// <param name="output">Filled.</param>
public delegate void PassphraseKdf(ReadOnlySpan<byte> passphrase, ReadOnlySpan<byte> salt, Argon2Parameters parameters, Span<byte> output);

/// <summary>A passphrase stretched by Argon2id.</summary>
/// <param name="passphrase">UTF-8 bytes; 12 characters or more. Stays the caller's.</param>
/// <param name="kdf">Argon2id.</param>
public sealed class PassphraseSeal(SecretValue passphrase, PassphraseKdf kdf) : ISeal
{
    /// <summary>The type as stored.</summary>
    public const string TypeName = "passphrase";

    /// <summary>Shortest passphrase, in bytes.</summary>
    public const int MinLength = 12;

    private const int KeyBytes = 32;
    private const int MaxMemoryKib = 4 * 1024 * 1024;

    /// <inheritdoc/>
    public string Type => TypeName;

    /// <inheritdoc/>
    public (SealParameters Parameters, byte[] Key) Create()
    {
        if (passphrase.Length < MinLength)
        {
            throw new SealRefusedException(SealRefusal.Wrong, $"a passphrase has at least {MinLength} characters");
        }

        byte[] salt = RandomNumberGenerator.GetBytes(16);
        byte[] key = new byte[KeyBytes];
        Argon2Parameters cost = Argon2Parameters.Default;
        kdf(passphrase.Span, salt, cost, key);
        return (new() { Type = Type, KeyFingerprint = Fingerprints.Of(key), Salt = salt, MemoryKib = cost.MemoryKib, Passes = cost.Passes, Lanes = cost.Lanes }, key);
    }

    /// <inheritdoc/>
    public void Commit()
    {
    }

    /// <inheritdoc/>
    public byte[] Open(SealParameters parameters)
    {
        if (parameters.Type != Type)
        {
            throw new SealRefusedException(SealRefusal.OtherType, $"the server is sealed with a {parameters.Type}, not with a passphrase");
        }

        // The parameters lie in the store, which is not trusted: neither too cheap to guess against nor dear enough to stop us.
        if (parameters is not { Salt.Length: >= 16, MemoryKib: { } memory and <= MaxMemoryKib, Passes: { } passes and <= 100, Lanes: { } lanes and <= 16 }
            || memory < Argon2Parameters.Default.MemoryKib || passes < Argon2Parameters.Default.Passes || lanes < 1)
        {
            throw new SealRefusedException(SealRefusal.Weakened, "the stored cost of the passphrase is not one that Coffer writes");
        }

        byte[] key = new byte[KeyBytes];
        kdf(passphrase.Span, parameters.Salt, new(memory, passes, lanes), key);
        if (Fingerprints.Of(key) != parameters.KeyFingerprint)
        {
            CryptographicOperations.ZeroMemory(key);
            throw new SealRefusedException(SealRefusal.Wrong, "the passphrase is not right");
        }

        return key;
    }
}

/// <summary>A sealing key that lives in this process only: a throw-away server.</summary>
[HoldsSecret]
public sealed class MemorySeal : ISeal, IDisposable
{
    private readonly byte[] _key = GC.AllocateArray<byte>(32, pinned: true);

    /// <summary>Draws the key.</summary>
    public MemorySeal() => RandomNumberGenerator.Fill(_key);

    /// <inheritdoc/>
    public string Type => "memory";

    /// <inheritdoc/>
    public (SealParameters Parameters, byte[] Key) Create() => (new() { Type = Type, KeyFingerprint = Fingerprints.Of(_key) }, [.. _key]);

    /// <inheritdoc/>
    public void Commit()
    {
    }

    /// <inheritdoc/>
    public byte[] Open(SealParameters parameters) =>
        parameters.Type == Type && parameters.KeyFingerprint == Fingerprints.Of(_key)
            ? [.. _key]
            : throw new SealRefusedException(SealRefusal.Wrong, "the store was sealed by another process");

    /// <inheritdoc/>
    public void Dispose() => CryptographicOperations.ZeroMemory(_key);

    /// <inheritdoc/>
    public override string ToString() => SecretValue.Redacted;
}
