using System.Security.Cryptography;
using System.Text.Json;
using Coffer.Core.Sealing;
using Coffer.Core.Secrets;

namespace Coffer.Core.Tests.Sealing;

/// <summary>Keyrings and vectors for the tests of this folder.</summary>
internal static class TestKeys
{
    public static Keyring Ring(params IEnumerable<(uint Id, byte[] Key)> keys)
    {
        using SecretValue scalar = AuditSigner.DrawScalar();
        return new([.. keys.Select(k => new DataKey(k.Id, k.Key))], AuditSigner.From(scalar));
    }

    public static Keyring Ring() => Ring((1u, RandomNumberGenerator.GetBytes(32)));

    public static SealContext Value(long vault = 123456789012, ulong uid = 1, int number = 1, ulong version = 1, byte kind = 1) =>
        SealContext.ForValue(vault, uid, number, version, kind);

    public static JsonElement Vectors(string name)
    {
        using Stream stream = typeof(TestKeys).Assembly.GetManifestResourceStream(name)
            ?? throw new InvalidOperationException($"{name} is not embedded in the test assembly");
        using JsonDocument document = JsonDocument.Parse(stream);
        return document.RootElement.Clone();
    }

    public static Keyring Ring(JsonElement vectors) => Ring(vectors.GetProperty("dataKeys").EnumerateArray().Select(k => (Id: k.GetProperty("id").GetUInt32(), Key: Hex(k, "key"))));

    public static byte[] Hex(JsonElement json, string name) => Convert.FromHexString(json.GetProperty(name).GetString()!);

    public static UInt128 Number128(string hex) => UInt128.Parse(hex, System.Globalization.NumberStyles.AllowHexSpecifier, null);
}
