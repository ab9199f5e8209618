using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Coffer.Workload.Child;

/// <summary>
/// A trust store in Java's own format (JKS, version 2), certificates only: Java takes no PEM file. The password guards nothing,
/// since all of it is public; the format wants a digest over it.
/// </summary>
internal static class JavaTrustStore
{
    /// <summary>The password of every store made here.</summary>
    public const string Password = "changeit";

    private const uint Magic = 0xFEEDFEED;
    private const int TrustedCertificate = 2;

    /// <summary>The bytes of a store with these certificates.</summary>
    public static byte[] Write(X509Certificate2Collection certificates, DateTimeOffset now)
    {
        using MemoryStream store = new();
        Number(store, 4, Magic);
        Number(store, 4, 2);
        Number(store, 4, (ulong)certificates.Count);
        for (int i = 0; i < certificates.Count; i++)
        {
            byte[] encoded = certificates[i].RawData;
            Number(store, 4, TrustedCertificate);
            Text(store, $"root-{i}");
            Number(store, 8, (ulong)now.ToUnixTimeMilliseconds());
            Text(store, "X.509");
            Number(store, 4, (ulong)encoded.Length);
            store.Write(encoded);
        }

        byte[] content = store.ToArray();
#pragma warning disable CA5350 // The format's own checksum; nothing rests on it, the folder is the user's alone.
        byte[] digest = SHA1.HashData([.. Encoding.BigEndianUnicode.GetBytes(Password), .. "Mighty Aphrodite"u8, .. content]);
#pragma warning restore CA5350
        return [.. content, .. digest];
    }

    private static void Text(MemoryStream store, string text)
    {
        byte[] bytes = Encoding.ASCII.GetBytes(text);
        Number(store, 2, (ulong)bytes.Length);
        store.Write(bytes);
    }

    private static void Number(MemoryStream store, int width, ulong value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, value);
        store.Write(bytes[(8 - width)..]);
    }
}
