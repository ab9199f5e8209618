using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Coffer.Contracts;

namespace Coffer.Client;

/// <summary>Which server, and what to show it: a Unix socket, or an address with the CA to trust and a token.</summary>
public sealed record CofferClientOptions
{
    /// <summary>Path of the server's or agent's Unix socket: the kernel says who we are. Wins over <see cref="Address"/>.</summary>
    public string? SocketPath { get; init; }

    /// <summary>The server: <c>https://host:8200</c>. Plain <c>http</c> never carries a token except to this machine.</summary>
    public Uri? Address { get; init; }

    /// <summary>PEM file with the only CA certificates to trust, or null for the system's.</summary>
    public string? CaFile { get; init; }

    /// <summary>Certificate with its private key to authenticate TLS connections with, or null: for a login by certificate. Not disposed.</summary>
    public X509Certificate2? ClientCertificate { get; init; }

    /// <summary>Token (<c>cft_…</c>), or null on the socket. The client keeps it; it prints as <c>***</c>.</summary>
    public SecretText? Token { get; init; }

    /// <summary>How long one call may take; streams of audit records and backups have no limit.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Reads <c>COFFER_SOCKET</c>, <c>COFFER_ADDR</c>, <c>COFFER_CACERT</c> and <c>COFFER_TOKEN</c>. Nothing is checked
    /// but the address, which throws <see cref="ArgumentException"/> where it is not one.
    /// </summary>
    /// <param name="read">Where to read from; null = the environment.</param>
    public static CofferClientOptions FromEnvironment(Func<string, string?>? read = null)
    {
        read ??= Environment.GetEnvironmentVariable;
        return new()
        {
            SocketPath = Set(read("COFFER_SOCKET")),
            Address = Set(read("COFFER_ADDR")) is { } address ? ParseAddress(address) : null,
            CaFile = Set(read("COFFER_CACERT")),
            Token = Set(read("COFFER_TOKEN")) is { } token ? SecretText.From(token.AsSpan().Trim()) : null,
        };
    }

    /// <summary>
    /// The certificates that vouch for the server at its address: those of the CA file; null where none is named, and the system's do. Throws
    /// <see cref="ArgumentException"/> where the file holds none, <see cref="IOException"/> where it cannot be read. The caller disposes them.
    /// </summary>
    public X509Certificate2Collection? ReadRoots()
    {
        if (CaFile is null)
        {
            return null;
        }

        X509Certificate2Collection roots = [];
        try
        {
            roots.ImportFromPemFile(CaFile);
        }
        catch (CryptographicException)
        {
            throw new ArgumentException("the CA file holds what is no certificate");
        }

        return roots.Count > 0 ? roots : throw new ArgumentException("the CA file holds no certificate");
    }

    internal Uri Check()
    {
        if (SocketPath is not null)
        {
            return new("http://localhost/");
        }

        Uri address = Address ?? throw new ArgumentException("neither a socket nor an address was given: set COFFER_SOCKET, or COFFER_ADDR and COFFER_TOKEN");
        if (address is not { IsAbsoluteUri: true, AbsolutePath: "/", Query: "", Fragment: "", UserInfo: "" } || (address.Scheme != Uri.UriSchemeHttps && address.Scheme != Uri.UriSchemeHttp))
        {
            throw new ArgumentException("the address is not of the form https://host:port");
        }

        return Token is null || IsPrivate ? address : throw new ArgumentException("a token is not sent over plain http to another machine; use https");
    }

    /// <summary>Whether nobody on the way sees what is sent: over a socket, to this machine, or by TLS.</summary>
    internal bool IsPrivate => SocketPath is not null || Address is { IsLoopback: true } || Address?.Scheme == Uri.UriSchemeHttps;

    private static Uri ParseAddress(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out Uri? address) ? address : throw new ArgumentException("COFFER_ADDR is not an address of the form https://host:port");

    private static string? Set(string? text) => string.IsNullOrWhiteSpace(text) ? null : text;
}
