using System.Security.Cryptography;
using Coffer.Sources.Posix;

namespace Coffer.Sources.DotEnv;

/// <summary>Reads and edits <c>.env</c> files on disk.</summary>
public static class DotEnvFile
{
    private const uint OwnerOnly = 0b110_000_000;

    /// <summary>
    /// Reads and parses. Throws <see cref="SourceException"/> as <see cref="DotEnvDocument.Parse(ReadOnlySpan{byte}, string)"/> and
    /// <see cref="RegularFile.Read"/> do; a file that every user may change is refused, since it decides what a program gets.
    /// </summary>
    public static DotEnvDocument Read(string path)
    {
        byte[] bytes = RegularFile.Read(path, DotEnvLimits.FileBytes, refuseWritableByAnyone: true);
        try
        {
            return DotEnvDocument.Parse(bytes, path);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(bytes);
        }
    }

    /// <summary>
    /// Applies <paramref name="edit"/> to the file, or to an empty document if there is none, and replaces it atomically with mode 0600.
    /// Returns false, and writes nothing, when the edit changed nothing. Throws as <see cref="FileReplacement"/> does.
    /// </summary>
    public static bool Edit(string path, Func<DotEnvDocument, DotEnvDocument> edit)
    {
        using FileReplacement replacement = FileReplacement.Begin(path);
        byte[] before = replacement.Read(DotEnvLimits.FileBytes);
        byte[] after = [];
        try
        {
            after = edit(DotEnvDocument.Parse(before, path)).ToUtf8();
            if (replacement.Exists && after.AsSpan().SequenceEqual(before))
            {
                return false;
            }

            replacement.Commit(after, OwnerOnly);
            return true;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(before);
            CryptographicOperations.ZeroMemory(after);
        }
    }
}
