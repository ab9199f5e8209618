using System.Runtime.Versioning;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;

namespace Coffer.Core.Sealing;

/// <summary>
/// The default seal: a file of 32 random bytes, mode 0600, owned by who runs the server. Whoever can read it and the
/// database can read every secret: keep the two apart in backups.
/// </summary>
/// <param name="path">The key file. A new one waits as <c>PATH.new</c> until the table that needs it is stored.</param>
public sealed class KeyFileSeal(string path) : ISeal
{
    /// <summary>The type as stored.</summary>
    public const string TypeName = "keyfile";

    private const int KeyBytes = 32;
    private const UnixFileMode Others = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute
        | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    private string Next => path + ".new";

    /// <inheritdoc/>
    public string Type => TypeName;

    /// <inheritdoc/>
    public (SealParameters Parameters, byte[] Key) Create()
    {
        byte[] key = RandomNumberGenerator.GetBytes(KeyBytes);
        File.Delete(Next);
        FileStreamOptions options = new() { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        using (FileStream file = new(Next, options))
        {
            file.Write(key);
            file.Flush(flushToDisk: true);
        }

        return (new() { Type = Type, KeyFingerprint = Fingerprints.Of(key) }, key);
    }

    /// <inheritdoc/>
    public void Commit()
    {
        if (File.Exists(Next))
        {
            File.Move(Next, path, overwrite: true);
        }
    }

    /// <inheritdoc/>
    public byte[] Open(SealParameters parameters)
    {
        if (parameters.Type != Type)
        {
            throw new SealRefusedException(SealRefusal.OtherType, $"the server is sealed with a {parameters.Type}, not with a key file");
        }

        // A change of key that was interrupted leaves both files: the table says which one it needs.
        foreach (string file in (ReadOnlySpan<string>)[path, Next])
        {
            if (Read(file) is { } key)
            {
                if (Fingerprints.Of(key) == parameters.KeyFingerprint)
                {
                    if (file == Next)
                    {
                        Commit();
                    }

                    return key;
                }

                CryptographicOperations.ZeroMemory(key);
            }
        }

        throw File.Exists(path)
            ? new SealRefusedException(SealRefusal.Wrong, $"the key file {path} is not the one this store was sealed with")
            : new SealRefusedException(SealRefusal.Missing, $"the key file {path} does not exist");
    }

    private static byte[]? Read(string file)
    {
        FileInfo info = new(file);
        if (!info.Exists)
        {
            return null;
        }

        if (info.LinkTarget is not null)
        {
            throw new SealRefusedException(SealRefusal.Unsafe, $"the key file {file} is a symbolic link");
        }

        using FileStream stream = new(file, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        if (!OperatingSystem.IsWindows())
        {
            RefuseUnsafe(file, stream.SafeFileHandle);
        }

        byte[] key = new byte[KeyBytes];
        if (stream.Length != KeyBytes || stream.ReadAtLeast(key, KeyBytes, throwOnEndOfStream: false) != KeyBytes)
        {
            throw new SealRefusedException(SealRefusal.Wrong, $"the key file {file} does not hold 32 bytes");
        }

        return key;
    }

    [UnsupportedOSPlatform("windows")]
    private static void RefuseUnsafe(string file, SafeFileHandle handle)
    {
        if ((File.GetUnixFileMode(handle) & Others) != 0)
        {
            throw new SealRefusedException(SealRefusal.Unsafe, $"the key file {file} is accessible to others; chmod 600 it, and rekey if others may have read it");
        }
    }
}

/// <summary>Short fingerprints of keys: enough to tell keys apart, useless for finding one.</summary>
internal static class Fingerprints
{
    public static string Of(ReadOnlySpan<byte> key)
    {
        Span<byte> hash = stackalloc byte[32];
        HMACSHA256.HashData(key, "coffer key fingerprint"u8, hash);
        return Convert.ToHexStringLower(hash[..8]);
    }
}
