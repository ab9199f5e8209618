using System.Buffers;
using System.Text;

namespace Coffer.Sources.DotEnv;

/// <summary>Writes a value so that the parser reads exactly it, and so that as many other programs as possible do.</summary>
internal static class DotEnvQuoting
{
    // Text that no dialect, and no shell, gives a meaning to.
    private static readonly SearchValues<char> Plain =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./:@%+,=-");

    /// <summary>Keeps <paramref name="preferred"/> where the value allows it. Line feeds become <paramref name="newLine"/>, which reads back as a line feed.</summary>
    public static string Write(string value, DotEnvQuote preferred, string newLine)
    {
        DotEnvQuote quote = preferred switch
        {
            DotEnvQuote.None when !value.AsSpan().ContainsAnyExcept(Plain) => DotEnvQuote.None,
            DotEnvQuote.Double => DotEnvQuote.Double,
            _ => value.AsSpan().ContainsAny('\'', '\r') ? DotEnvQuote.Double : DotEnvQuote.Single,
        };
        return quote switch
        {
            DotEnvQuote.None => value,
            DotEnvQuote.Single => $"'{value.Replace("\n", newLine, StringComparison.Ordinal)}'",
            _ => Double(value, newLine),
        };
    }

    private static string Double(string value, string newLine)
    {
        StringBuilder text = new(value.Length + 8);
        text.Append('"');
        foreach (char c in value)
        {
            _ = c switch
            {
                '"' or '\\' or '$' or '`' => text.Append('\\').Append(c),
                '\r' => text.Append("\\r"),
                '\n' => text.Append(newLine),
                _ => text.Append(c),
            };
        }

        return text.Append('"').ToString();
    }
}
