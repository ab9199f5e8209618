using System.CommandLine;
using System.Text.Json;
using Coffer.Cli.Agents;
using Coffer.Cli.Output;
using Coffer.Client;
using Coffer.Contracts;
using Coffer.Launch;

namespace Coffer.Cli.Commands;

/// <summary><c>coffer aws-credentials</c>: a temporary access key as the AWS SDKs' <c>credential_process</c> takes it, so that a profile stores none.</summary>
internal sealed class AwsCredentialsCommand
{
    /// <summary>An hour: SDKs ask anew five to fifteen minutes before the end.</summary>
    private const int Seconds = 3600;

    private readonly CliContext _context;
    private readonly Option<string?> _as = new("--as") { Description = "the workload to be; without it whoever is logged in", HelpName = "PRINCIPAL" };
    private readonly Option<string?> _vault = new("--vault") { Description = "the vault that calls without an ARN land in (default: the home)", HelpName = "VAULT" };
    private readonly Option<int> _seconds = new("--seconds") { Description = "how long the key is to last (900 to 43200)", HelpName = "N", DefaultValueFactory = _ => Seconds };
    private readonly Option<bool> _show = new("--show") { Description = "print it on a terminal too" };

    private AwsCredentialsCommand(CliContext context) => _context = context;

    public static Command Create(CliContext context)
    {
        AwsCredentialsCommand credentials = new(context);
        Command command = new("aws-credentials", "print a temporary AWS access key, as a profile's credential_process takes it")
        {
            credentials._as, credentials._vault, credentials._seconds, credentials._show,
        };
        command.SetAction((parsed, cancellation) => context.RunAsync(terminal => credentials.RunAsync(parsed, terminal, cancellation)));
        return command;
    }

    /// <summary>Writes a key the way <c>credential_process</c> wants it, straight to stdout: it becomes no string on the way.</summary>
    internal static void Write(SessionCredentials key)
    {
        using Stream stream = Console.OpenStandardOutput();
        using Utf8JsonWriter writer = new(stream);
        writer.WriteStartObject();
        writer.WriteNumber("Version"u8, 1);
        writer.WriteString("AccessKeyId"u8, key.AccessKeyId);
        writer.WriteString("SecretAccessKey"u8, key.SecretAccessKey.Utf8);
        writer.WriteString("SessionToken"u8, key.SessionToken.Utf8);
        writer.WriteString("Expiration"u8, UtcTime.Write(key.Expiration));
        writer.WriteEndObject();
        writer.Flush();
        stream.Write("\n"u8);
    }

    private async Task<int> RunAsync(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        if (terminal.OutputIsTerminal && !parsed.GetValue(_show))
        {
            throw new CliException(CofferExit.Usage, "a key is not printed on a terminal", "put `credential_process = coffer aws-credentials` into ~/.aws/config, or say --show");
        }

        CofferClientOptions server = _context.ServerOptions(parsed.GetValue(_context.SocketOption), parsed.GetValue(_context.AddressOption));
        ServerForwarder.Check(server);
        using CofferClient client = new(server);
        using SessionCredentials key = await client.IssueSessionAsync(
            new() { Principal = parsed.GetValue(_as), Vault = parsed.GetValue(_vault), Seconds = parsed.GetValue(_seconds), Name = "coffer-aws-credentials" }, cancellation).ConfigureAwait(false);
        Write(key);
        return CofferExit.Ok;
    }
}
