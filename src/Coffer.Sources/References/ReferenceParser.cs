using System.Text;

namespace Coffer.Sources.References;

/// <summary>Reads references once, at the edge. Errors never show the text: a password may start like a reference.</summary>
public static class ReferenceParser
{
    private const string CofferForm = "write coffer://vault/name, coffer://vault/name#field or coffer://vault/name@version";

    /// <summary>
    /// The reference that the whole of <paramref name="text"/> is, or null if it is an ordinary value. Throws
    /// <see cref="SourceException"/> of kind <see cref="SourceErrorKind.Invalid"/> when it starts with a reference's scheme but is none, or
    /// names a service that this release cannot read.
    /// </summary>
    public static SecretReference? Recognize(string text)
    {
        int colon = text.AsSpan(0, Math.Min(text.Length, 9)).IndexOf(':');
        if (colon < 0 || !text.AsSpan(colon).StartsWith("://", StringComparison.Ordinal))
        {
            return null;
        }

        string rest = text[(colon + 3)..];
        return text[..colon] switch
        {
            "coffer" => ParseCoffer(rest),
            "env" => SourceNames.IsVariable(rest) ? new EnvReference(rest) : throw Invalid("a reference env:// without a variable's name", "write env://NAME"),
            "dotenv" => ParseDotEnv(rest),
            "aws" or "azure" or "gcp" or "vault" => throw Invalid(
                $"references {text[..colon]}:// are not available in this release", "coffer://, env:// and dotenv:// are; coffer://vault/name reads the same secret from a coffer vault"),
            _ => null,
        };
    }

    /// <summary>Whether <see cref="Recognize"/> would do anything but return null: a test on bytes, cheap enough for every variable of an environment.</summary>
    public static bool MayBeReference(ReadOnlySpan<byte> text) =>
        text.StartsWith("coffer://"u8) || text.StartsWith("env://"u8) || text.StartsWith("dotenv://"u8)
            || text.StartsWith("aws://"u8) || text.StartsWith("azure://"u8) || text.StartsWith("gcp://"u8) || text.StartsWith("vault://"u8);

    private static CofferReference ParseCoffer(string text)
    {
        int slash = text.IndexOf('/', StringComparison.Ordinal);
        if (slash < 0)
        {
            throw Invalid("a reference coffer:// without a secret's name", CofferForm);
        }

        string vault = text[..slash], name = text[(slash + 1)..];
        string? version = null, field = null;
        int at = name.LastIndexOf('@');
        if (at >= 0 && SourceNames.IsVersion(name.AsSpan(at + 1)))
        {
            version = name[(at + 1)..].ToLowerInvariant();
            name = name[..at];
        }

        int hash = name.IndexOf('#', StringComparison.Ordinal);
        if (hash >= 0)
        {
            field = Unescape(name[(hash + 1)..]);
            name = name[..hash];
            if (field.Length is 0 or > 512)
            {
                throw Invalid("a reference coffer:// with # but no field's name", CofferForm);
            }
        }

        name = Unescape(name);
        return vault.Length > 0 && !SourceNames.IsVault(vault)
            ? throw Invalid("a reference coffer:// to a vault that cannot exist", "a vault's name has 3 to 24 of a-z, 0-9 and -, starting with a letter, without -- or a trailing -")
            : SourceNames.IsSecret(name)
                ? new(vault.Length == 0 ? null : vault, name, field, version)
                : throw Invalid("a reference coffer:// to a secret that cannot exist", "a secret's name has 1 to 512 of A-Z, a-z, 0-9, /_+=.@-!:,~ and inner spaces, without . or .. segments");
    }

    private static DotEnvReference ParseDotEnv(string text)
    {
        int hash = text.LastIndexOf('#');
        return hash > 0 && DotEnv.DotEnvDocument.IsKey(text[(hash + 1)..]) && !text.Contains('\0', StringComparison.Ordinal)
            ? new(text[..hash], text[(hash + 1)..])
            : throw Invalid("a reference dotenv:// without a file and a key", "write dotenv://path/to/.env#KEY");
    }

    // %XX, for a name that ends like a version or a field with # in it. Names hold no %, so nothing is ambiguous.
    private static string Unescape(string text)
    {
        if (!text.Contains('%', StringComparison.Ordinal))
        {
            return text;
        }

        byte[] utf8 = Encoding.UTF8.GetBytes(text);
        int length = 0;
        for (int i = 0; i < utf8.Length; i++)
        {
            if (utf8[i] == '%')
            {
                if (i + 2 >= utf8.Length || !char.IsAsciiHexDigit((char)utf8[i + 1]) || !char.IsAsciiHexDigit((char)utf8[i + 2]))
                {
                    throw Invalid("a reference coffer:// with % but no two hexadecimal digits after it", "write %25 for %");
                }

                utf8[length++] = Convert.FromHexString([(char)utf8[i + 1], (char)utf8[i + 2]])[0];
                i += 2;
            }
            else
            {
                utf8[length++] = utf8[i];
            }
        }

        return System.Text.Unicode.Utf8.IsValid(utf8.AsSpan(0, length))
            ? Encoding.UTF8.GetString(utf8, 0, length)
            : throw Invalid("a reference coffer:// that is not UTF-8", CofferForm);
    }

    private static SourceException Invalid(string problem, string hint) => new(SourceErrorKind.Invalid, problem, hint);
}
