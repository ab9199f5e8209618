using System.ComponentModel.DataAnnotations;
using System.Net;
using Coffer.Protocols;
using Coffer.Server.Rotations;

namespace Coffer.Server;

/// <summary>Settings of one server. Start-up configuration only: no request can change any of it.</summary>
public sealed record ServerOptions
{
    /// <summary>The server's own folder (mode 0700): database, trail, certificates.</summary>
    public required string DataDirectory { get; init; }

    /// <summary>Address of the TLS port, or null for none.</summary>
    public IPAddress? Address { get; init; } = IPAddress.Loopback;

    /// <summary>The TLS port that serves every wire; 0 draws a free one.</summary>
    [Range(0, 65535)]
    public int Port { get; init; } = 8200;

    /// <summary>Path of the local socket, or null for <c>DATA/coffer.sock</c>.</summary>
    public string? SocketPath { get; init; }

    /// <summary>Host names and addresses in the server's own certificate, beside localhost and this machine's name.</summary>
    public IReadOnlyList<string> HostNames { get; init; } = [];

    /// <summary>PEM file of a certificate (with its chain) to use in place of Coffer's own, or null.</summary>
    public string? CertificateFile { get; init; }

    /// <summary>PEM file of its key (mode 0600), or null.</summary>
    public string? CertificateKeyFile { get; init; }

    /// <summary>Key file of the seal, or null for <c>DATA/seal.key</c>.</summary>
    public string? KeyFile { get; init; }

    /// <summary>Lets a sealed server be unsealed over the network too; else only over the local socket, by this user or root.</summary>
    public bool RemoteUnseal { get; init; }

    /// <summary>Asks clients of the TLS port for a certificate, which they may then log in with. Off by default: browsers would ask their users for one.</summary>
    public bool ClientCertificates { get; init; }

    /// <summary>How long a person's session lasts after a login, in seconds, 300 to 86,400. Use does not make it longer.</summary>
    public int LoginSeconds { get; init; } = Core.CofferCoreOptions.DefaultLoginSeconds;

    /// <summary>The functions that rotate secrets, or null: nothing rotates.</summary>
    public FunctionSettings? Functions { get; init; }

    /// <summary>How many requests are let in.</summary>
    public RateOptions Rates { get; init; } = new();

    /// <summary>Open connections at a time, over all wires; 1 or more.</summary>
    [Range(1, 1_000_000)]
    public int MaxConnections { get; init; } = 10_000;

    /// <summary>How long a request in progress may still take when the server stops, in seconds.</summary>
    [Range(1, 600)]
    public int ShutdownSeconds { get; init; } = 30;

    /// <summary>Sends metrics and traces to the OTLP endpoint named by the standard OTEL_ variables. Off by default.</summary>
    public bool Telemetry { get; init; }

    /// <summary>Goes on behind a broken audit trail.</summary>
    public bool AcceptBrokenTrail { get; init; }

    /// <summary>Sealed rows kept in memory.</summary>
    [Range(0, 10_000_000)]
    public int CachedSecrets { get; init; } = 16_384;

    /// <summary>Every fault of these settings, so that all are reported at once; empty when there is none.</summary>
    public IReadOnlyList<string> Faults()
    {
        List<string> faults = [];
        void Check(bool good, string fault)
        {
            if (!good)
            {
                faults.Add(fault);
            }
        }

        Check(Path.IsPathFullyQualified(DataDirectory), "the data directory must be an absolute path");
        Check(Port is >= 0 and <= 65535, "the port is 0 to 65535");
        Check(MaxConnections is >= 1 and <= 1_000_000, "the number of connections is 1 to 1000000");
        Check(ShutdownSeconds is >= 1 and <= 600, "the shutdown time is 1 to 600 seconds");
        Check(LoginSeconds is >= 300 and <= 86_400, "a session lasts 5 minutes to 24 hours");
        Check((CertificateFile is null) == (CertificateKeyFile is null), "a certificate file and its key file are given together");
        Check(CertificateFile is null || File.Exists(CertificateFile), "the certificate file does not exist");
        Check(CertificateKeyFile is null || File.Exists(CertificateKeyFile), "the certificate key file does not exist");
        Check(Address is not null || Functions is null || Functions.Endpoint is not null || Functions.Functions.Values.All(f => f.Run is null), "functions that run here need the TLS port, or an endpoint of their own");
        // sun_path holds 108 bytes, the closing zero included.
        Check(System.Text.Encoding.UTF8.GetByteCount(SocketFile) <= 107, "the path of the local socket is longer than 107 bytes");
        return faults;
    }

    internal string SocketFile => SocketPath ?? Path.Combine(DataDirectory, "coffer.sock");

    internal string SealKeyFile => KeyFile ?? Path.Combine(DataDirectory, "seal.key");

    internal string AuditDirectory => Path.Combine(DataDirectory, "audit");

    internal string DatabaseDirectory => Path.Combine(DataDirectory, "store");

    internal string CertificateDirectory => Path.Combine(DataDirectory, "tls");
}
