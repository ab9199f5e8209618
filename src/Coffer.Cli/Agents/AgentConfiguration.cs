using System.Text.Json;
using System.Text.Json.Serialization;
using Coffer.Launch;
using Coffer.Workload;
using Coffer.Workload.Agent;

namespace Coffer.Cli.Agents;

/// <summary>An agent's file. <c>docs/agent.md</c> tells each member.</summary>
internal sealed record AgentConfiguration
{
    public AgentServer? Server { get; init; }

    public AgentProof? Identity { get; init; }

    public required IReadOnlyList<AgentEntry> Workloads { get; init; }

    /// <summary>Reads a file that decides who gets whose credentials: nobody but this user or root may own it, or be able to change it. Throws <see cref="CliException"/>.</summary>
    public static AgentConfiguration Read(string path)
    {
        try
        {
            AgentConfiguration read = JsonSerializer.Deserialize(OwnedFile.Read(path), AgentJson.Default.AgentConfiguration) ?? throw new JsonException();
            return read.Workloads.Count > 0 ? read.From(Path.GetDirectoryName(path)!) : throw new CliException(CofferExit.Invalid, $"{path} names no workload");
        }
        catch (JsonException malformed)
        {
            // Where, never what: a token may have been put where its file belongs.
            throw new CliException(CofferExit.Invalid, $"{path} is not an agent's configuration (line {malformed.LineNumber + 1 ?? 1}, {malformed.Path ?? "$"})", "docs/agent.md tells its members");
        }
        catch (WorkloadException refused)
        {
            throw new CliException(CofferExit.Refused, refused.Message, refused.Hint);
        }
        catch (FileNotFoundException)
        {
            throw new CliException(CofferExit.NotFound, $"{path} is not there");
        }
    }

    /// <summary>With paths that do not begin with a slash taken from a folder: the file's own.</summary>
    private AgentConfiguration From(string folder)
    {
        string? Full(string? path) => path is null ? null : Path.GetFullPath(path, folder);
        return this with
        {
            Server = Server is null ? null : Server with { Socket = Full(Server.Socket), CaFile = Full(Server.CaFile) },
            Identity = Identity is null ? null : Identity with { TokenFile = Full(Identity.TokenFile) },
            Workloads = [.. Workloads.Select(w => w with { Socket = Full(w.Socket), VaultTokenFile = Full(w.VaultTokenFile) })],
        };
    }
}

/// <summary>The server: a socket of this machine, or an address.</summary>
internal sealed record AgentServer
{
    public string? Socket { get; init; }

    public string? Address { get; init; }

    public string? CaFile { get; init; }
}

/// <summary>What proves the agent: one of token file, systemd credential, trust with the file of its token; or nothing, and the kernel does on the server's socket.</summary>
internal sealed record AgentProof
{
    public string? TokenFile { get; init; }

    public string? Credential { get; init; }

    public string? Trust { get; init; }
}

/// <summary>One workload.</summary>
internal sealed record AgentEntry
{
    public string? Principal { get; init; }

    public string? Vault { get; init; }

    public required string User { get; init; }

    public string? ControlGroup { get; init; }

    public string? Label { get; init; }

    public IReadOnlyList<string>? Doors { get; init; }

    public string? Listen { get; init; }

    public string? Socket { get; init; }

    public string? VaultTokenFile { get; init; }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow, ReadCommentHandling = JsonCommentHandling.Skip,
    AllowTrailingCommas = true, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true, AllowDuplicateProperties = false)]
[JsonSerializable(typeof(AgentConfiguration))]
internal sealed partial class AgentJson : JsonSerializerContext;
