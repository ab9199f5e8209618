using System.CommandLine;
using System.Net;
using Coffer.Core;
using Coffer.Launch;
using Coffer.Protocols;
using Coffer.Server;
using Coffer.Server.Rotations;
using Coffer.Workload;
using Coffer.Workload.Agent;

namespace Coffer.Cli.Commands;

/// <summary>Options that <c>init</c>, <c>serve</c>, <c>restore</c> and <c>audit verify</c> share.</summary>
internal sealed class ServerSettings
{
    public Option<string?> Data { get; } = new("--data") { Description = "the server's folder (default: COFFER_DATA, else ~/.coffer)", HelpName = "DIR" };

    public Option<string> Listen { get; } = new("--listen") { Description = "address and port of the TLS listener", HelpName = "ADDRESS:PORT", DefaultValueFactory = _ => "127.0.0.1:8200" };

    public Option<string[]> HostNames { get; } = new("--host-name") { Description = "a further name or address in the server's certificate", HelpName = "NAME" };

    public Option<string?> KeyFile { get; } = new("--key-file") { Description = "key file of the seal (default: seal.key in the data folder)", HelpName = "FILE" };

    public Option<string?> Certificate { get; } = new("--tls-certificate") { Description = "PEM certificate to use in place of Coffer's own", HelpName = "FILE" };

    public Option<string?> CertificateKey { get; } = new("--tls-key") { Description = "PEM key of that certificate (mode 0600)", HelpName = "FILE" };

    public Option<string?> Socket { get; } = new("--local-socket") { Description = "path of the local socket (default: coffer.sock in the data folder)", HelpName = "FILE" };

    public Option<int> Rate { get; } = new("--rate") { Description = "requests per second and principal; 0 = no limit", HelpName = "N", DefaultValueFactory = _ => new RateOptions().PerPrincipal };

    public Option<string?> Session { get; } = new("--session") { Description = "how long a person's login lasts: 5m to 24h (default: 8h)", HelpName = "TIME" };

    public Option<bool> ClientCertificates { get; } = new("--client-certificates") { Description = "ask clients for a certificate, which they may log in with" };

    public Option<string?> Functions { get; } = new("--functions") { Description = "file of the functions that rotate secrets (docs/rotation.md)", HelpName = "FILE" };

    public Option<bool> Telemetry { get; } = new("--telemetry") { Description = "send metrics and traces to the endpoint named by the OTEL_ variables" };

    public Option<bool> AcceptBroken { get; } = new("--accept-broken-trail") { Description = "go on behind an audit trail that is not whole, recording the break" };

    public void AddTo(Command command)
    {
        command.Options.Add(Data);
        command.Options.Add(Listen);
        command.Options.Add(HostNames);
        command.Options.Add(KeyFile);
        command.Options.Add(Certificate);
        command.Options.Add(CertificateKey);
        command.Options.Add(Socket);
        command.Options.Add(Rate);
        command.Options.Add(Session);
        command.Options.Add(ClientCertificates);
        command.Options.Add(Functions);
        command.Options.Add(Telemetry);
        command.Options.Add(AcceptBroken);
    }

    public ServerOptions Read(ParseResult parsed)
    {
        string listen = parsed.GetValue(Listen)!;
        if (!IPEndPoint.TryParse(listen, out IPEndPoint? endpoint))
        {
            throw new CliException(CofferExit.Usage, $"{listen} is not an address and port", "for example 127.0.0.1:8200, or 0.0.0.0:8200 for every interface");
        }

        return new()
        {
            DataDirectory = DataDirectory(parsed),
            Address = endpoint.Address,
            Port = endpoint.Port,
            HostNames = parsed.GetValue(HostNames) ?? [],
            KeyFile = Full(parsed.GetValue(KeyFile)),
            CertificateFile = Full(parsed.GetValue(Certificate)),
            CertificateKeyFile = Full(parsed.GetValue(CertificateKey)),
            SocketPath = Full(parsed.GetValue(Socket)),
            Rates = new() { PerPrincipal = parsed.GetValue(Rate) },
            LoginSeconds = Moment.IntSeconds(parsed.GetValue(Session)) ?? CofferCoreOptions.DefaultLoginSeconds,
            ClientCertificates = parsed.GetValue(ClientCertificates),
            Functions = ReadFunctions(parsed.GetValue(Functions)),
            Telemetry = parsed.GetValue(Telemetry),
            AcceptBrokenTrail = parsed.GetValue(AcceptBroken),
        };
    }

    public string DataDirectory(ParseResult parsed) =>
        Full(parsed.GetValue(Data) ?? Environment.GetEnvironmentVariable("COFFER_DATA"))
        ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".coffer");

    /// <summary>The file decides which programs run with whose rights: nobody but this user or root may be able to change it.</summary>
    internal static FunctionSettings? ReadFunctions(string? path)
    {
        if (Full(path) is not { } file)
        {
            return null;
        }

        try
        {
            return FunctionSettings.Parse(OwnedFile.Read(file), file);
        }
        catch (WorkloadException refused)
        {
            throw new CliException(CofferExit.Refused, refused.Message, refused.Hint);
        }
        catch (FileNotFoundException)
        {
            throw new CliException(CofferExit.NotFound, $"{file} is not there");
        }
    }

    private static string? Full(string? path) => string.IsNullOrEmpty(path) ? null : Path.GetFullPath(path);
}
