using System.Buffers;
using System.Text;
using System.Text.Unicode;

namespace Coffer.Sources.DotEnv;

/// <summary>From bytes to text: UTF-8 with an optional byte order mark, and nothing else, as a guessed encoding is a guessed secret.</summary>
internal static class DotEnvText
{
    public const char ByteOrderMark = '\uFEFF';

    public static string Decode(ReadOnlySpan<byte> bytes, string file)
    {
        if (bytes.Length > DotEnvLimits.FileBytes)
        {
            throw new SourceException(SourceErrorKind.Invalid, "the file is larger than 16 MiB", "a .env file holds settings, not data", file, 0, 0);
        }

        if (bytes is [0xFF, 0xFE, ..] or [0xFE, 0xFF, ..] or [0, 0, 0xFE, 0xFF, ..])
        {
            throw new SourceException(SourceErrorKind.Invalid, "the file is UTF-16 or UTF-32", "save it as UTF-8", file, 0, 0);
        }

        int nul = bytes.IndexOf((byte)0);
        if (nul >= 0)
        {
            throw At(bytes, nul, file, "a NUL byte, which no environment variable can hold", "if the file is UTF-16, save it as UTF-8");
        }

        char[] buffer = ArrayPool<char>.Shared.Rent(bytes.Length);
        try
        {
            OperationStatus status = Utf8.ToUtf16(bytes, buffer, out int read, out int written, replaceInvalidSequences: false);
            return status == OperationStatus.Done
                ? new string(buffer, 0, written)
                : throw At(bytes, read, file, "a byte that is not UTF-8", "save the file as UTF-8");
        }
        finally
        {
            ArrayPool<char>.Shared.Return(buffer, clearArray: true);
        }
    }

    /// <summary>Line and column, both from 1, of a character offset.</summary>
    public static (int Line, int Column) Position(ReadOnlySpan<char> text, int offset)
    {
        offset = Math.Min(offset, text.Length);
        int line = 1, start = text is [ByteOrderMark, ..] ? 1 : 0;
        for (int i = start; i < offset; i++)
        {
            // The end of a CRLF pair is its LF.
            if (text[i] == '\n' || (text[i] == '\r' && (i + 1 == text.Length || text[i + 1] != '\n')))
            {
                line++;
                start = i + 1;
            }
        }

        int column = 1;
        for (int i = start; i < offset; i++)
        {
            column += char.IsLowSurrogate(text[i]) ? 0 : 1;
        }

        return (line, column);
    }

    private static SourceException At(ReadOnlySpan<byte> bytes, int offset, string file, string problem, string hint)
    {
        (int line, int column) = Position(Encoding.UTF8.GetString(bytes[..offset]), int.MaxValue);
        return new(SourceErrorKind.Invalid, problem, hint, file, line, column);
    }
}
