using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using Coffer.Core.Access;
using Coffer.Core.Rotations;
using Coffer.Core.Secrets;

namespace Coffer.Server.Rotations;

/// <summary>The operator's file of rotation functions: what a function's name means on this server. <c>docs/rotation.md</c> tells each member.</summary>
public sealed record FunctionSettings
{
    /// <summary>Longest time that a function may be given, in seconds.</summary>
    public const int MostSeconds = 900;

    /// <summary>Functions by name, or by name and alias (<c>name:alias</c>).</summary>
    public required ImmutableDictionary<string, FunctionEntry> Functions { get; init; }

    /// <summary>Address at which the functions that run here reach this server, or null for the server's own port on this machine.</summary>
    public Uri? Endpoint { get; init; }

    /// <summary>PEM file of the certificate authority behind <see cref="Endpoint"/>, or null: Coffer's own, or what the machine trusts.</summary>
    public string? CertificateAuthority { get; init; }

    /// <summary>How long a rotation that failed waits at first, in seconds, 1 to 86,400; twice as long each time. Null = 60.</summary>
    public int? RetrySeconds { get; init; }

    /// <summary>How long it waits at most, in seconds, up to 604,800. Null = 86,400.</summary>
    public int? LongestRetrySeconds { get; init; }

    internal RotationRetries Retries => new((RetrySeconds ?? 60) * Core.Microseconds.PerSecond, (LongestRetrySeconds ?? 86_400) * Core.Microseconds.PerSecond);

    /// <summary>Reads the file's bytes. Throws <see cref="ServerStartException"/>, which says where the fault is and never what stands there.</summary>
    /// <param name="utf8">The bytes.</param>
    /// <param name="path">The file, for messages; paths in it that do not begin with a slash are taken from its folder.</param>
    public static FunctionSettings Parse(ReadOnlySpan<byte> utf8, string path)
    {
        FunctionSettings read;
        try
        {
            read = JsonSerializer.Deserialize(utf8, FunctionJson.Default.FunctionSettings) ?? throw new JsonException();
        }
        catch (JsonException malformed)
        {
            throw new ServerStartException($"{path} is not a file of functions (line {malformed.LineNumber + 1 ?? 1}, {malformed.Path ?? "$"})", "docs/rotation.md tells its members", malformed);
        }

        string folder = Path.GetDirectoryName(path)!;
        string? Full(string? file) => file is null ? null : Path.GetFullPath(file, folder);
        read = read with
        {
            CertificateAuthority = Full(read.CertificateAuthority),
            Functions = read.Functions.ToImmutableDictionary(
                f => f.Key,
                f => f.Value with { Folder = folder, CertificateAuthority = Full(f.Value.CertificateAuthority), TokenFile = Full(f.Value.TokenFile) },
                StringComparer.Ordinal),
        };
        IReadOnlyList<string> faults = [.. read.Faults()];
        return faults.Count == 0 ? read : throw new ServerStartException($"{path}: {string.Join("; ", faults)}", "correct the file and start again; docs/rotation.md tells its members");
    }

    private IEnumerable<string> Faults()
    {
        if (Functions.Count == 0)
        {
            yield return "it names no function";
        }

        if (Endpoint is { } endpoint && (!endpoint.IsAbsoluteUri || endpoint.Scheme != Uri.UriSchemeHttps))
        {
            yield return "the endpoint is an https address";
        }

        if (RetrySeconds is < 1 or > 86_400 || (LongestRetrySeconds ?? 86_400) < (RetrySeconds ?? 60) || LongestRetrySeconds > 604_800)
        {
            yield return "a retry waits 1 to 86400 seconds at first, and at most a week";
        }

        if (CertificateAuthority is { } authority && !File.Exists(authority))
        {
            yield return "the certificate authority's file does not exist";
        }

        foreach (string fault in Functions.OrderBy(f => f.Key, StringComparer.Ordinal).SelectMany(f => f.Value.Faults().Select(fault => $"{f.Key}: {fault}")))
        {
            yield return fault;
        }
    }
}

/// <summary>One function: a program of this machine, or an address.</summary>
public sealed record FunctionEntry
{
    /// <summary>Absolute path of a program and its arguments, or null where there is an address. Started without a shell.</summary>
    public IReadOnlyList<string>? Run { get; init; }

    /// <summary>An <c>https</c> address to which the event is posted, or null where there is a program.</summary>
    public Uri? Url { get; init; }

    /// <summary>The vaults whose secrets it may rotate; at least one.</summary>
    public required IReadOnlyList<string> Vaults { get; init; }

    /// <summary>The principal as which a program works: it gets a temporary key. A function at an address has a key of its own.</summary>
    public string? Principal { get; init; }

    /// <summary>How long one step may take, in seconds, 1 to <see cref="FunctionSettings.MostSeconds"/>. Null = 60.</summary>
    public int? TimeoutSeconds { get; init; }

    /// <summary>Further variables for a program. Nothing secret: the file is no vault.</summary>
    public IReadOnlyDictionary<string, string>? Environment { get; init; }

    /// <summary>PEM file of the certificate authority of an address, or null for what the machine trusts.</summary>
    public string? CertificateAuthority { get; init; }

    /// <summary>File whose text is sent to an address as a bearer token, or null. Read at each call.</summary>
    public string? TokenFile { get; init; }

    /// <summary>Folder in which a program starts: that of the operator's file.</summary>
    [JsonIgnore]
    public string Folder { get; init; } = "/";

    internal int Seconds => TimeoutSeconds ?? 60;

    internal TimeSpan Timeout => TimeSpan.FromSeconds(Seconds);

    internal IEnumerable<string> Faults()
    {
        if ((Run is null) == (Url is null))
        {
            yield return "it has either run or url";
        }

        if (Vaults.Count == 0 || !Vaults.All(v => VaultName.TryParse(v, out _)))
        {
            yield return "vaults are names of vaults, at least one";
        }

        if (TimeoutSeconds is < 1 or > FunctionSettings.MostSeconds)
        {
            yield return $"a step may take 1 to {FunctionSettings.MostSeconds} seconds";
        }

        if (Run is not null && (Run.Count == 0 || !Path.IsPathFullyQualified(Run[0]) || !File.Exists(Run[0])))
        {
            yield return "run begins with the absolute path of a program that exists";
        }

        if (Run is not null && !PrincipalName.TryParse(Principal, out _))
        {
            yield return "a program works as a principal";
        }

        if (Run is not null && (CertificateAuthority is not null || TokenFile is not null))
        {
            yield return "certificateAuthority and tokenFile are for an address";
        }

        if (Url is not null && (!Url.IsAbsoluteUri || Url.Scheme != Uri.UriSchemeHttps || Url.UserInfo.Length > 0))
        {
            yield return "url is an https address without a user";
        }

        if (Url is not null && (Principal is not null || Environment is not null))
        {
            yield return "principal and environment are for a program";
        }

        if (CertificateAuthority is not null && !File.Exists(CertificateAuthority))
        {
            yield return "the certificate authority's file does not exist";
        }

        if (Environment?.Keys.Any(k => k.Length == 0 || !k.All(c => char.IsAsciiLetterOrDigit(c) || c == '_')) == true)
        {
            yield return "names of variables are letters, digits and _";
        }
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow)]
[JsonSerializable(typeof(FunctionSettings))]
internal sealed partial class FunctionJson : JsonSerializerContext;
