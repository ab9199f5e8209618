using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.Json.Serialization;
using Coffer.Core.Secrets;

namespace Coffer.Core.Sealing;

/// <summary>Cost of Argon2id.</summary>
/// <param name="MemoryKib">KiB of memory.</param>
/// <param name="Passes">Passes over it.</param>
/// <param name="Lanes">Lanes.</param>
public readonly record struct Argon2Parameters(int MemoryKib, int Passes, int Lanes)
{
    private const int MostMemoryKib = 4 * 1024 * 1024, MostPasses = 64, MostLanes = 16;

    /// <summary>What new seals use, and the least that is accepted: 64 MiB, 3 passes, 1 lane.</summary>
    public static Argon2Parameters Default { get; } = new(64 * 1024, 3, 1);

    /// <summary>At least the default, at most 4 GiB, 64 passes, 16 lanes: neither cheap to guess against nor dear enough to stop a start.</summary>
    internal bool IsAcceptable =>
        MemoryKib >= Default.MemoryKib && MemoryKib <= MostMemoryKib && Passes >= Default.Passes && Passes <= MostPasses && Lanes is >= 1 and <= MostLanes;
}

/// <summary>Argon2id, handed in from outside since the core has no packages.</summary>
/// <param name="passphrase">UTF-8 bytes.</param>
/// <param name="salt">16 bytes or more.</param>
/// <param name="parameters">Cost.</param>
/// <param name="output">Filled.</param>
public delegate void PassphraseKdf(ReadOnlySpan<byte> passphrase, ReadOnlySpan<byte> salt, Argon2Parameters parameters, Span<byte> output);

/// <summary>A passphrase that somebody gives at every start, stretched by Argon2id. Taken byte for byte, as typed.</summary>
/// <param name="passphrase">UTF-8 bytes; 12 or more for a new seal. Stays the caller's.</param>
/// <param name="kdf">Argon2id.</param>
/// <param name="cost">For new seals; null for <see cref="Argon2Parameters.Default"/>.</param>
[HoldsSecret]
[DebuggerDisplay(SecretValue.Redacted)]
[JsonConverter(typeof(RedactedJsonConverter))]
public sealed class PassphraseSeal(SecretValue passphrase, PassphraseKdf kdf, Argon2Parameters? cost = null) : ISeal
{
    /// <summary>The type as stored.</summary>
    public const string TypeName = "passphrase";

    /// <summary>Shortest new passphrase, in bytes.</summary>
    public const int MinLength = 12;

    private const int SaltBytes = 16, MostSaltBytes = 64;

    [DebuggerBrowsable(DebuggerBrowsableState.Never)]
    private readonly SecretValue _passphrase = passphrase;

    /// <inheritdoc/>
    public string Type => TypeName;

    /// <inheritdoc/>
    public (SealParameters Parameters, SecretValue Key) Create(SealParameters? inForce)
    {
        if (_passphrase.Length < MinLength)
        {
            throw new SealRefusedException(SealRefusal.WeakPassphrase, $"a passphrase has at least {MinLength} characters");
        }

        byte[] salt = RandomNumberGenerator.GetBytes(SaltBytes);
        Argon2Parameters chosen = cost ?? Argon2Parameters.Default;
        SecretValue key = Derive(salt, chosen);
        return (new() { Type = Type, KeyFingerprint = KeyWrap.Fingerprint(key), Salt = salt, MemoryKib = chosen.MemoryKib, Passes = chosen.Passes, Lanes = chosen.Lanes }, key);
    }

    /// <inheritdoc/>
    public SecretValue Open(SealParameters parameters)
    {
        if (parameters.Type != Type)
        {
            throw new SealRefusedException(SealRefusal.OtherType, $"the server is sealed with a {parameters.Type}, not with a passphrase");
        }

        SecretValue key = Derive(parameters.Salt ?? [], new(parameters.MemoryKib ?? 0, parameters.Passes ?? 0, parameters.Lanes ?? 0));
        if (parameters.KeyFingerprint == KeyWrap.Fingerprint(key))
        {
            return key;
        }

        key.Dispose();
        throw new SealRefusedException(SealRefusal.Wrong, "the passphrase is not right");
    }

    /// <summary>Always <c>***</c>.</summary>
    public override string ToString() => SecretValue.Redacted;

    // The parameters lie in the store, and whoever can write it could make the next unseal hash the passphrase cheaply.
    private SecretValue Derive(byte[] salt, Argon2Parameters parameters)
    {
        if (!parameters.IsAcceptable || salt.Length is < SaltBytes or > MostSaltBytes)
        {
            throw new SealRefusedException(
                SealRefusal.Weakened, $"the cost of the passphrase ({parameters.MemoryKib} KiB, {parameters.Passes} passes, {parameters.Lanes} lanes) is outside what is accepted");
        }

        SecretValue key = SecretValue.Rent(KeyWrap.KeyBytes);
        try
        {
            kdf(_passphrase.Span, salt, parameters, key.Buffer);
            return key;
        }
        catch
        {
            key.Dispose();
            throw;
        }
    }
}
