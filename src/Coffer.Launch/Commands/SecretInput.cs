using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Unicode;
using Coffer.Launch.Arguments;
using Coffer.Launch.Posix;
using Coffer.Sources;
using Coffer.Sources.DotEnv;
using Coffer.Sources.Posix;

namespace Coffer.Launch.Commands;

/// <summary>How a value gets in: a prompt without echo, stdin, a file; from the command line only with a warning.</summary>
internal static unsafe class SecretInput
{
    // Linux: four 32-bit flag words, of which the fourth holds ECHO; the rest is opaque.
    private const int TerminalBytes = 256, LocalFlags = 12, ECHO = 0x8, ECHONL = 0x40;

    public static string Read(ParsedArguments arguments, string key)
    {
        if (arguments.Has(LaunchCommandTable.Value) && arguments.Has(LaunchCommandTable.FileValue))
        {
            throw ParsedArguments.Usage(arguments.Command, "--value and --file-value exclude each other");
        }

        if (arguments.Value(LaunchCommandTable.Value) is { } given)
        {
            StandardStreams.Remark("coffer: warning: a value on the command line is visible to other processes and kept in the shell's history");
            return given;
        }

        if (arguments.Value(LaunchCommandTable.FileValue) is { } file)
        {
            return Decode(RegularFile.Read(file, DotEnvLimits.ValueLength), oneLineEnd: false);
        }

        byte[] buffer = new byte[DotEnvLimits.ValueLength + 2];
        int length = StandardStreams.InputIsTerminal ? ReadHidden(buffer, key) : StandardStreams.ReadInput(buffer, oneLine: false);
        if (length == buffer.Length)
        {
            throw new LaunchException(CofferExit.Invalid, "the value is larger than 1 MiB", null);
        }

        string value = Decode(buffer[..length], oneLineEnd: true);
        CryptographicOperations.ZeroMemory(buffer);
        return value;
    }

    private static string Decode(byte[] bytes, bool oneLineEnd)
    {
        ReadOnlySpan<byte> text = bytes;
        if (oneLineEnd && text is [.., (byte)'\n'])
        {
            text = text[..^1];
            text = text is [.., (byte)'\r'] ? text[..^1] : text;
        }

        string value = Utf8.IsValid(text) ? Encoding.UTF8.GetString(text) : throw new SourceException(SourceErrorKind.Invalid, "the value is not UTF-8 text", "a .env file holds text only");
        CryptographicOperations.ZeroMemory(bytes);
        return value;
    }

    private static int ReadHidden(Span<byte> buffer, string key)
    {
        byte* before = stackalloc byte[TerminalBytes];
        byte* hidden = stackalloc byte[TerminalBytes];
        if (LibC.GetTerminal(0, before) != 0)
        {
            throw new LaunchException(CofferExit.Failure, "cannot turn the terminal's echo off", "pipe the value to stdin");
        }

        new Span<byte>(before, TerminalBytes).CopyTo(new Span<byte>(hidden, TerminalBytes));
        *(uint*)(hidden + LocalFlags) = (*(uint*)(hidden + LocalFlags) & ~(uint)ECHO) | ECHONL;

        // Whoever interrupts the prompt gets a terminal that echoes back.
        byte[] restore = new Span<byte>(before, TerminalBytes).ToArray();
        PosixSignal[] deadly = [PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP, PosixSignal.SIGQUIT];
        PosixSignalRegistration[] registrations = [.. deadly.Select(signal => PosixSignalRegistration.Create(signal, _ =>
        {
            SetTerminal(restore);
            StandardStreams.Prompt("\n");
            Environment.Exit(CofferExit.Interrupted);
        }))];
        try
        {
            if (LibC.SetTerminal(0, LibC.TCSAFLUSH, hidden) != 0)
            {
                throw new LaunchException(CofferExit.Failure, "cannot turn the terminal's echo off", "pipe the value to stdin");
            }

            StandardStreams.Prompt($"value of {key}: ");
            return StandardStreams.ReadInput(buffer, oneLine: true);
        }
        finally
        {
            SetTerminal(restore);
            Array.ForEach(registrations, registration => registration.Dispose());
        }
    }

    private static void SetTerminal(byte[] settings)
    {
        fixed (byte* at = settings)
        {
            _ = LibC.SetTerminal(0, LibC.TCSAFLUSH, at);
        }
    }
}
