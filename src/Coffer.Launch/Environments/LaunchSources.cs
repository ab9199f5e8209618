using Coffer.Launch.Git;
using Coffer.Sources;
using Coffer.Sources.CofferApi;
using Coffer.Sources.DotEnv;
using Coffer.Sources.References;

namespace Coffer.Launch.Environments;

/// <summary>Where a launch gets files and secrets from.</summary>
/// <param name="HomeVault">The vault of references that name none, or null.</param>
/// <param name="Load">Reads a <c>.env</c> file.</param>
/// <param name="Resolve">Asks for secrets.</param>
internal sealed record LaunchSources(string? HomeVault, Func<string, DotEnvDocument> Load, Func<IReadOnlyList<CofferReference>, IReadOnlyList<ResolvedSecret>> Resolve)
{
    public static DotEnvDocument LoadUntracked(string path)
    {
        // Read first: a file that is missing or no file is worth its own error.
        DotEnvDocument document = DotEnvFile.Read(path);
        TrackedFiles.Refuse(path);
        return document;
    }

    /// <summary>The server that the command line names, else the local one, or, without one, whatever the full program offers for <c>COFFER_ADDR</c>.</summary>
    public static IReadOnlyList<ResolvedSecret> ResolveAt(string? socket, string? address, Func<string, string?> variable, IReadOnlyList<CofferReference> references, SecretResolver? remote)
    {
        if ((socket ?? (address is null ? CofferSocket.Find(variable) : null)) is { } path)
        {
            return CofferApiClient.Resolve(path, references);
        }

        return address is not null || variable("COFFER_ADDR") is { Length: > 0 }
            ? remote is null ? throw new FullProgramNeededException() : remote(address, references)
            : throw new SourceException(SourceErrorKind.Unavailable, "no coffer server runs here, and a reference coffer:// needs one", "start one with coffer serve or coffer dev, or set COFFER_SOCKET or COFFER_ADDR");
    }
}

/// <summary>Gives the values of references in their order, as <see cref="CofferApiClient.Resolve"/> does; how the full program reaches a server on another machine.</summary>
/// <param name="address">The address of <c>--address</c>, or null for that of the environment.</param>
/// <param name="references">What is asked for.</param>
public delegate IReadOnlyList<ResolvedSecret> SecretResolver(string? address, IReadOnlyList<CofferReference> references);

/// <summary>Unwinds to where the full program takes over.</summary>
internal sealed class FullProgramNeededException : Exception;
