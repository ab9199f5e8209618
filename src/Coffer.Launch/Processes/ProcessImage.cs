using System.Runtime.InteropServices;
using System.Text;
using Coffer.Launch.Posix;
using Coffer.Sources;

namespace Coffer.Launch.Processes;

/// <summary>Replaces this process by another program.</summary>
internal static unsafe class ProcessImage
{
    private const string Shell = "/bin/sh";

    /// <summary>
    /// Executes <paramref name="path"/>. Returns only by throwing, with exit code 126 or 127. Every descriptor that the runtime or this
    /// program opened closes by itself; those that the caller passed on stay open, as under a shell.
    /// </summary>
    public static LaunchException Replace(string path, IReadOnlyList<byte[]> arguments, IEnumerable<byte[]> environment)
    {
        // The one thing that the runtime leaves changed for a successor: it ignores SIGPIPE, and what is ignored stays so across an execute.
        nint before = LibC.Signal(LibC.SIGPIPE, 0);
        byte** list = Vector([.. arguments]), variables = Vector([.. environment]);
        byte* file = Text(Encoding.UTF8.GetBytes(path));
        _ = LibC.Execute(file, list, variables);
        int error = Marshal.GetLastPInvokeError();
        if (error == LibC.ENOEXEC)
        {
            // A script without #!: shells, and execvp, hand it to the shell.
            _ = LibC.Execute(Text(Encoding.UTF8.GetBytes(Shell)), Vector([Encoding.UTF8.GetBytes(Shell), Encoding.UTF8.GetBytes(path), .. arguments.Skip(1)]), variables);
            error = Marshal.GetLastPInvokeError();
        }

        _ = LibC.Signal(LibC.SIGPIPE, before);
        string shown = SourceException.Printable(path);
        return error switch
        {
            LibC.ENOENT or LibC.ENOTDIR when File.Exists(path) => ProgramPath.NotFound($"the interpreter of {shown}", "look at its first line, or at what it was linked for"),
            LibC.ENOENT or LibC.ENOTDIR => ProgramPath.NotFound(shown, "check the path"),
            LibC.E2BIG => ProgramPath.NotExecutable(shown, "cannot be executed: its arguments and environment are too large", "one variable holds at most 128 KiB on Linux; --fd hands a larger value over through a file descriptor"),
            _ => ProgramPath.NotExecutable(shown, $"cannot be executed: {Marshal.GetPInvokeErrorMessage(error).ToLowerInvariant()}", null),
        };
    }

    // Not freed: this process ends, one way or the other.
    private static byte** Vector(byte[][] entries)
    {
        byte** vector = (byte**)NativeMemory.Alloc((nuint)(entries.Length + 1), (nuint)sizeof(byte*));
        for (int i = 0; i < entries.Length; i++)
        {
            vector[i] = Text(entries[i]);
        }

        vector[entries.Length] = null;
        return vector;
    }

    private static byte* Text(ReadOnlySpan<byte> bytes)
    {
        byte* text = (byte*)NativeMemory.Alloc((nuint)bytes.Length + 1);
        bytes.CopyTo(new Span<byte>(text, bytes.Length));
        text[bytes.Length] = 0;
        return text;
    }
}
