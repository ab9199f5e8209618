using System.Globalization;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;

namespace Coffer.Core.Audit.Indexing;

/// <summary>The folder of segments, inside the trail's. Whatever is in it can be made anew from the trail.</summary>
internal sealed class SegmentFolder(string trail)
{
    public const string Name = "index";

    private const string Suffix = ".idx", Unfinished = ".tmp";

    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private readonly string _path = Path.Combine(trail, Name);

    public static string NameOf(long number) => string.Create(CultureInfo.InvariantCulture, $"trail-{number:D6}{Suffix}");

    public string PathOf(long number) => Path.Combine(_path, NameOf(number));

    /// <summary>The segments that are there, with their bytes.</summary>
    public IReadOnlyDictionary<long, long> All()
    {
        SortedDictionary<long, long> all = [];
        DirectoryInfo folder = new(_path);
        if (folder is { Exists: true, LinkTarget: null })
        {
            foreach (FileInfo file in folder.EnumerateFiles("trail-*" + Suffix))
            {
                if (long.TryParse(file.Name.AsSpan(6, file.Name.Length - 6 - Suffix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out long number) && NameOf(number) == file.Name)
                {
                    all[number] = file.Length;
                }
            }
        }

        return all;
    }

    /// <summary>Null where there is none.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    public SafeFileHandle? OpenRead(long number)
    {
        try
        {
            return NativeFiles.OpenRead(PathOf(number));
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    /// <summary>Makes the folder, mode 0700; false where it cannot be written.</summary>
    public bool Prepare()
    {
        try
        {
            DirectoryInfo folder = new(_path);
            if (!folder.Exists)
            {
                folder = OperatingSystem.IsWindows() ? Directory.CreateDirectory(_path) : Directory.CreateDirectory(_path, Private);
            }

            return folder.LinkTarget is null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>Puts a segment in its place, whole: a crash leaves it, the one before, or none.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be written.</exception>
    public void Write(long number, IReadOnlyList<ReadOnlyMemory<byte>> parts)
    {
        string unfinished = $"{PathOf(number)}.{RandomNumberGenerator.GetHexString(16, lowercase: true)}{Unfinished}";
        try
        {
            using (SafeFileHandle file = NativeFiles.OpenWrite(unfinished))
            {
                RandomAccess.Write(file, parts, 0);
                NativeFiles.Sync(file);
            }

            File.Move(unfinished, PathOf(number), overwrite: true);
            NativeFiles.SyncDirectory(_path);
        }
        catch
        {
            Delete(unfinished);
            throw;
        }
    }

    /// <summary>Removes segments of files that are no longer there, and what a crash left unfinished.</summary>
    public void RemoveOthers(IReadOnlyCollection<long> numbers)
    {
        foreach (long number in All().Keys.Except(numbers))
        {
            Delete(PathOf(number));
        }

        if (Directory.Exists(_path))
        {
            foreach (string file in Directory.EnumerateFiles(_path, "trail-*" + Unfinished))
            {
                Delete(file);
            }
        }
    }

    private static void Delete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It is in nobody's way but the disk's.
        }
    }
}
