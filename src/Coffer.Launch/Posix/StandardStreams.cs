using System.Runtime.InteropServices;
using System.Text;

namespace Coffer.Launch.Posix;

/// <summary>Stdin, stdout and stderr without <see cref="Console"/>, whose start-up (encodings, terminal database, signal handlers) costs more than a whole launch.</summary>
internal static unsafe class StandardStreams
{
    public static bool InputIsTerminal => LibC.IsTerminal(0) == 1;

    public static bool OutputIsTerminal => LibC.IsTerminal(1) == 1;

    public static void Out(string text) => Out(Encoding.UTF8.GetBytes(text));

    public static void Out(ReadOnlySpan<byte> bytes)
    {
        if (!Write(1, bytes))
        {
            throw new LaunchException(CofferExit.Failure, "cannot write to stdout", null);
        }
    }

    /// <summary>A line on stderr. That stderr is closed is no reason to fail.</summary>
    public static void Remark(string line) => Write(2, Encoding.UTF8.GetBytes(line + "\n"));

    /// <summary>Shows a prompt, without a line end.</summary>
    public static void Prompt(string text) => Write(2, Encoding.UTF8.GetBytes(text));

    public static bool Write(int descriptor, ReadOnlySpan<byte> bytes)
    {
        fixed (byte* start = bytes)
        {
            for (nint at = 0; at < bytes.Length;)
            {
                nint count = LibC.Write(descriptor, start + at, (nuint)(bytes.Length - at));
                if (count < 0 && Marshal.GetLastPInvokeError() != LibC.EINTR)
                {
                    return false;
                }

                at += Math.Max(count, 0);
            }
        }

        return true;
    }

    /// <summary>Reads stdin to its end or until the buffer is full; the count of bytes read.</summary>
    public static int ReadInput(Span<byte> buffer, bool oneLine)
    {
        int length = 0;
        fixed (byte* start = buffer)
        {
            while (length < buffer.Length)
            {
                nint count = LibC.Read(0, start + length, (nuint)(buffer.Length - length));
                if (count == 0 || (count < 0 && Marshal.GetLastPInvokeError() != LibC.EINTR))
                {
                    break;
                }

                length += (int)Math.Max(count, 0);
                if (oneLine && length > 0 && buffer[length - 1] == '\n')
                {
                    break;
                }
            }
        }

        return length;
    }
}
