using Coffer.Core.Sealing;
using Konscious.Security.Cryptography;

namespace Coffer.Server;

/// <summary>Argon2id for <see cref="PassphraseSeal"/>, by a library, since the core has none.</summary>
public static class PassphraseHash
{
    /// <summary>The derivation that passphrase seals use.</summary>
    public static void Argon2Id(ReadOnlySpan<byte> passphrase, ReadOnlySpan<byte> salt, Argon2Parameters parameters, Span<byte> output)
    {
        byte[] secret = passphrase.ToArray();
        try
        {
            using Argon2id argon = new(secret)
            {
                Salt = salt.ToArray(),
                MemorySize = parameters.MemoryKib,
                Iterations = parameters.Passes,
                DegreeOfParallelism = parameters.Lanes,
            };
            byte[] key = argon.GetBytes(output.Length);
            key.CopyTo(output);
            System.Security.Cryptography.CryptographicOperations.ZeroMemory(key);
        }
        finally
        {
            System.Security.Cryptography.CryptographicOperations.ZeroMemory(secret);
        }
    }
}
