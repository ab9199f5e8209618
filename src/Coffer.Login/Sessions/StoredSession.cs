using Coffer.Client;
using Coffer.Contracts;

namespace Coffer.Login.Sessions;

/// <summary>A person's session as it is kept on their machine. Dispose it.</summary>
public sealed record StoredSession : IDisposable
{
    /// <summary>The server that it is good for, and that its token is sent to: <see cref="ServerOf"/>.</summary>
    public required string Server { get; init; }

    /// <summary>Who has logged in.</summary>
    public required string Principal { get; init; }

    /// <summary>Public id of the session.</summary>
    public required string Id { get; init; }

    /// <summary>When it was got.</summary>
    public required DateTimeOffset Begun { get; init; }

    /// <summary>Its end.</summary>
    public required DateTimeOffset Expires { get; init; }

    /// <summary>Whole path of the CA file that the server was known by, or null for the system's roots.</summary>
    public string? CaFile { get; init; }

    /// <summary>Whether the token is in the keychain of the desktop and not in the file.</summary>
    public bool InKeychain { get; init; }

    /// <summary>The token.</summary>
    public required SecretText Token { get; init; }

    /// <summary>A server's one name: its origin, or <c>unix:</c> and the whole path of its socket. A token goes to no other.</summary>
    public static string ServerOf(CofferClientOptions options) =>
        options.SocketPath is { } path ? "unix:" + Path.GetFullPath(path) : options.Address?.GetLeftPart(UriPartial.Authority) ?? throw new ArgumentException("neither a socket nor an address was given");

    /// <inheritdoc/>
    public void Dispose() => Token.Dispose();

    /// <inheritdoc/>
    public override string ToString() => $"{Principal} at {Server}";
}
