using System.Globalization;
using Microsoft.Win32.SafeHandles;

namespace Coffer.Core.Audit;

/// <summary>One file of the trail, open at its end.</summary>
internal interface ITrailFile : IDisposable
{
    long Length { get; }

    /// <summary>Writes all of it behind what is there. When it throws, part of it may have been written.</summary>
    void Append(ReadOnlySpan<byte> bytes);

    /// <summary>What was written is on the disk when it returns.</summary>
    void Sync();

    void Truncate(long length);
}

/// <summary>The trail's folder. The seam at which tests let a disk fail.</summary>
internal interface ITrailFolder : IDisposable
{
    /// <summary>Numbers of the files that are there, ascending.</summary>
    IReadOnlyList<long> Numbers();

    /// <exception cref="IOException">There is no such file, or it cannot be read.</exception>
    Stream OpenRead(long number);

    /// <summary>Opens or makes a file; a new one's name is on the disk when it returns.</summary>
    ITrailFile OpenAppend(long number);

    byte[]? ReadHead();

    /// <summary>Writes the head in place, without waiting for the disk unless <paramref name="sync"/>.</summary>
    void WriteHead(ReadOnlySpan<byte> head, bool sync);
}

/// <summary>
/// <c>trail-000001.jsonl</c>, <c>trail-000002.jsonl</c> …, <c>trail.head</c>, <c>trail.lock</c>. No name comes from outside, no link is
/// followed, nothing is executable, nobody but the owner reads.
/// </summary>
internal sealed class TrailFolder : ITrailFolder
{
    public const string HeadName = "trail.head", LockName = "trail.lock";

    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private readonly string _path;
    private readonly SafeFileHandle? _lock;
    private SafeFileHandle? _head;

    private TrailFolder(string path, SafeFileHandle? held) => (_path, _lock) = (path, held);

    public static string NameOf(long number) => string.Create(CultureInfo.InvariantCulture, $"trail-{number:D6}.jsonl");

    /// <summary>To read only, beside a server that writes.</summary>
    public static TrailFolder ForReading(string path) => new(Path.GetFullPath(path), null);

    /// <exception cref="AuditUnavailableException">The folder is not ours alone, or another process has it.</exception>
    public static TrailFolder ForWriting(string path)
    {
        path = Path.GetFullPath(path);
        try
        {
            DirectoryInfo folder = new(path);
            if (!folder.Exists)
            {
                folder = OperatingSystem.IsWindows() ? Directory.CreateDirectory(path) : Directory.CreateDirectory(path, Private);
            }

            if (folder.LinkTarget is not null)
            {
                throw new AuditUnavailableException("the folder of the audit trail is a link; name the folder itself");
            }

            if (!OperatingSystem.IsWindows() && (folder.UnixFileMode & ~Private) != 0)
            {
                throw new AuditUnavailableException("others may enter the folder of the audit trail; set its mode to 0700");
            }

            SafeFileHandle held = NativeFiles.TryLock(Path.Combine(path, LockName)) ??
                throw new AuditUnavailableException("the audit trail is in use by another process");
            return new(path, held);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new AuditUnavailableException("the folder of the audit trail cannot be used", e);
        }
    }

    public IReadOnlyList<long> Numbers()
    {
        List<long> numbers = [];
        foreach (string file in Directory.EnumerateFiles(_path, "trail-*.jsonl"))
        {
            string name = Path.GetFileName(file);
            if (long.TryParse(name.AsSpan(6, name.Length - 12), NumberStyles.None, CultureInfo.InvariantCulture, out long number) && NameOf(number) == name)
            {
                numbers.Add(number);
            }
        }

        numbers.Sort();
        return numbers;
    }

    public Stream OpenRead(long number) =>
        new FileStream(NativeFiles.OpenRead(PathOf(number)), FileAccess.Read, bufferSize: 0);

    /// <summary>Bytes of a file; null where it is not there.</summary>
    public long? LengthOf(long number) => new FileInfo(PathOf(number)) is { Exists: true } file ? file.Length : null;

    public ITrailFile OpenAppend(long number)
    {
        string path = PathOf(number);
        bool isNew = !File.Exists(path);
        TrailFile file = new(NativeFiles.OpenAppend(path));
        if (isNew)
        {
            try
            {
                NativeFiles.SyncDirectory(_path);
            }
            catch
            {
                file.Dispose();
                throw;
            }
        }

        return file;
    }

    public byte[]? ReadHead()
    {
        try
        {
            using SafeFileHandle handle = NativeFiles.OpenRead(Path.Combine(_path, HeadName));
            byte[] head = new byte[TrailHead.Size];
            int length = RandomAccess.Read(handle, head, 0);
            return head[..length];
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    public void WriteHead(ReadOnlySpan<byte> head, bool sync)
    {
        _head ??= NativeFiles.OpenWrite(Path.Combine(_path, HeadName));
        RandomAccess.Write(_head, head, 0);
        if (sync)
        {
            NativeFiles.Sync(_head);
            NativeFiles.SyncDirectory(_path);
        }
    }

    public void Dispose()
    {
        _head?.Dispose();
        _lock?.Dispose();
    }

    private string PathOf(long number) => Path.Combine(_path, NameOf(number));

    private sealed class TrailFile(SafeFileHandle handle) : ITrailFile
    {
        public long Length => RandomAccess.GetLength(handle);

        // The kernel appends (O_APPEND); the offset counts only where it cannot.
        public void Append(ReadOnlySpan<byte> bytes) => RandomAccess.Write(handle, bytes, OperatingSystem.IsLinux() ? 0 : Length);

        public void Sync() => NativeFiles.Sync(handle);

        public void Truncate(long length) => RandomAccess.SetLength(handle, length);

        public void Dispose() => handle.Dispose();
    }
}
