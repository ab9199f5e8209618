namespace Coffer.Sources.References;

/// <summary>Where a secret is, instead of the secret: what a <c>.env</c> file that may be shared holds. Prints as it was written, since it is no secret.</summary>
public abstract record SecretReference
{
    private protected SecretReference()
    {
    }
}

/// <summary><c>coffer://vault/name[#json-field][@version]</c>; <c>coffer:///name</c> means the home vault.</summary>
/// <param name="Vault">A valid vault name, or null for the home vault.</param>
/// <param name="Name">A valid secret name.</param>
/// <param name="Field">The top-level member of a value that is a JSON object, or null for the whole value.</param>
/// <param name="Version">A version's number or its id of 32 lower-case hexadecimal digits, or null for the current version.</param>
public sealed record CofferReference(string? Vault, string Name, string? Field, string? Version) : SecretReference
{
    /// <inheritdoc/>
    public override string ToString() =>
        $"coffer://{Vault}/{Escape(Name)}{(Field is null ? "" : $"#{Escape(Field)}")}{(Version is null ? "" : $"@{Version}")}";

    // What could be taken for a version must not end a name.
    private static string Escape(string text)
    {
        string escaped = text.Replace("%", "%25", StringComparison.Ordinal).Replace("#", "%23", StringComparison.Ordinal);
        int at = escaped.LastIndexOf('@');
        return at >= 0 && SourceNames.IsVersion(escaped.AsSpan(at + 1)) ? $"{escaped[..at]}%40{escaped[(at + 1)..]}" : escaped;
    }
}

/// <summary><c>env://NAME</c>: a variable of the environment that the program was started in, not of any file.</summary>
/// <param name="Name">1–512 characters without <c>=</c> and control characters.</param>
public sealed record EnvReference(string Name) : SecretReference
{
    /// <inheritdoc/>
    public override string ToString() => $"env://{Name}";
}

/// <summary><c>dotenv://file#KEY</c>: a key of another <c>.env</c> file.</summary>
/// <param name="File">The path as written, relative to whoever resolves it.</param>
/// <param name="Key">A valid key.</param>
public sealed record DotEnvReference(string File, string Key) : SecretReference
{
    /// <inheritdoc/>
    public override string ToString() => $"dotenv://{File}#{Key}";
}
