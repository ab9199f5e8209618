using System.CommandLine;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Coffer.Cli.Output;
using Coffer.Client;
using Coffer.Contracts;
using Coffer.Launch;

namespace Coffer.Cli.Commands;

/// <summary><c>coffer trust login</c>: from what a job, pod, machine or certificate can prove to a short-lived token, with nothing stored.</summary>
internal sealed class TrustLoginCommand
{
    private const int MostToken = 64 * 1024;
    private const string GitHubUrl = "ACTIONS_ID_TOKEN_REQUEST_URL", GitHubToken = "ACTIONS_ID_TOKEN_REQUEST_TOKEN";

    private readonly CliContext _context;
    private readonly Argument<string> _name = TrustCommands.Name();
    private readonly Option<bool> _github = new("--github") { Description = "the proof: a token of this GitHub Actions job, which its runner is asked for" };
    private readonly Option<string?> _variable = new("--token-env") { Description = "the proof: a web token in an environment variable, such as one of GitLab's id_tokens", HelpName = "NAME" };
    private readonly Option<string?> _file = new("--token-file") { Description = "the proof: a web token in a file, such as a pod's projected one (default: stdin)", HelpName = "FILE" };
    private readonly Option<bool> _aws = new("--aws") { Description = "the proof: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN; the key itself is not sent" };
    private readonly Option<string?> _request = new("--signed-request") { Description = "the proof: a signed AWS GetCallerIdentity as JSON (method, url, headers, body)", HelpName = "FILE" };
    private readonly Option<string?> _certificate = new("--certificate") { Description = "the proof: a PEM certificate for the TLS connection", HelpName = "FILE" };
    private readonly Option<string?> _key = new("--key") { Description = "with --certificate: its private key, PEM", HelpName = "FILE" };
    private readonly Option<string?> _audience = new("--audience") { Description = "with --github and --aws: whom the proof is for, an audience of the trust", HelpName = "TEXT" };
    private readonly Option<string> _endpoint = new("--endpoint") { Description = "with --aws: the trust's issuer", HelpName = "URL", DefaultValueFactory = _ => "https://sts.amazonaws.com" };
    private readonly Option<bool> _accessKey = new("--access-key") { Description = "get a temporary AWS access key, in the form that credential_process takes" };
    private readonly Option<string?> _for = new("--for") { Description = "where the token is to be good (default: coffer)", HelpName = "AUDIENCE" };
    private readonly Option<int?> _seconds = new("--seconds") { Description = "how long it is to last (default: an hour, or what the trust allows)", HelpName = "N" };

    private TrustLoginCommand(CliContext context) => _context = context;

    public static Command Create(CliContext context)
    {
        TrustLoginCommand login = new(context);
        Command command = new("login", "log in by a trust and print a short-lived token; nothing is written to disk")
        {
            login._name, login._github, login._variable, login._file, login._aws, login._request, login._certificate, login._key, login._audience, login._endpoint, login._accessKey, login._for, login._seconds,
        };
        command.SetAction((parsed, cancellation) => context.RunAsync(terminal => login.RunAsync(parsed, terminal, cancellation)));
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        if (terminal.OutputIsTerminal)
        {
            throw new CliException(CofferExit.Usage, "a token is not printed on a terminal", "export COFFER_TOKEN=\"$(coffer trust login …)\"");
        }

        Option[] proofs = [_github, _variable, _file, _aws, _request, _certificate];
        if (proofs.Count(o => parsed.GetResult(o) is { Implicit: false }) > 1 || parsed.GetValue(_certificate) is null != parsed.GetValue(_key) is null)
        {
            throw new CliException(CofferExit.Usage, "a login shows one proof", "one of --github, --token-env, --token-file, --aws, --signed-request, or --certificate with --key");
        }

        using X509Certificate2? certificate = parsed.GetValue(_certificate) is { } file ? ReadCertificate(file, parsed.GetValue(_key)!) : null;
        using CofferClient client = new(LoginCommands.Nobody(_context, parsed) with { ClientCertificate = certificate });
        client.CheckPrivate();
        using TrustSession session = await ProveAsync(client, parsed, certificate is not null, terminal, cancellation).ConfigureAwait(false);
        if (_context.Json(parsed))
        {
            _context.WriteJson(session, ContractsJson.Default.TrustSession);
        }
        else if (session.AccessKey is { } key)
        {
            AwsCredentialsCommand.Write(key);
        }
        else
        {
            terminal.ValueLine("", session.Token!.Utf8);
        }

        terminal.Remark($"{session.Principal} until {SecretLifeCommands.Time(session.Expiration)}");
        return CofferExit.Ok;
    }

    private async Task<TrustSession> ProveAsync(CofferClient client, ParseResult parsed, bool certificate, Terminal terminal, CancellationToken cancellation)
    {
        try
        {
            return certificate
                ? await client.LoginByCertificateAsync(new() { Trust = parsed.GetValue(_name)!, Kind = Kind(parsed), Audience = parsed.GetValue(_for), Seconds = parsed.GetValue(_seconds) }, cancellation).ConfigureAwait(false)
                : await ByProofAsync(client, parsed, terminal, cancellation).ConfigureAwait(false);
        }
        catch (CofferClientException refused) when (refused.Code == "unauthenticated")
        {
            throw new CliException(CofferExit.Unauthenticated, "the proof was not accepted", "an administrator sees why: coffer audit query --action Login --decision deny");
        }
    }

    private async Task<TrustSession> ByProofAsync(CofferClient client, ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        SignedRequest? signed = parsed.GetValue(_aws) ? Sign(parsed) : parsed.GetValue(_request) is { } file ? ReadRequest(file) : null;
        using TrustLogin login = new()
        {
            Trust = parsed.GetValue(_name)!,
            Token = signed is null ? await TokenAsync(parsed, terminal, cancellation).ConfigureAwait(false) : null,
            SignedRequest = signed,
            Kind = Kind(parsed),
            Audience = parsed.GetValue(_for),
            Seconds = parsed.GetValue(_seconds),
        };
        return await client.LoginByTrustAsync(login, cancellation).ConfigureAwait(false);
    }

    private string? Kind(ParseResult parsed) => parsed.GetValue(_accessKey) ? "aws" : null;

    private string Audience(ParseResult parsed) =>
        parsed.GetValue(_audience) ?? throw new CliException(CofferExit.Usage, "the proof is for nobody", "name an audience of the trust: --audience TEXT");

    private async Task<SecretText> TokenAsync(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        if (parsed.GetValue(_github))
        {
            return await AskRunnerAsync(Audience(parsed), cancellation).ConfigureAwait(false);
        }

        string text = parsed.GetValue(_variable) is { } variable ? Environment.GetEnvironmentVariable(variable) ?? throw new CliException(CofferExit.Usage, $"the environment has no {variable}")
            : parsed.GetValue(_file) is { } file ? TrustCommands.ReadText(file, MostToken)
            : terminal.InputIsTerminal ? throw new CliException(CofferExit.Usage, "no proof was given", "pipe a token in, or say what is to prove who this is: --github, --token-env, --token-file, --aws, --certificate")
            : ReadInput();
        return text.AsSpan().Trim() is { Length: > 0 } token ? SecretText.From(token) : throw new CliException(CofferExit.Invalid, "the token is empty");
    }

    /// <summary>GitHub gives a job a token for an audience of its choice, where the job has the permission.</summary>
    private static async Task<SecretText> AskRunnerAsync(string audience, CancellationToken cancellation)
    {
        if (Environment.GetEnvironmentVariable(GitHubUrl) is not { Length: > 0 } address || Environment.GetEnvironmentVariable(GitHubToken) is not { Length: > 0 } bearer)
        {
            throw new CliException(CofferExit.Usage, "this job may not ask GitHub for a token", "give the job `permissions: id-token: write`");
        }

        if (!Uri.TryCreate($"{address}{(address.Contains('?', StringComparison.Ordinal) ? '&' : '?')}audience={Uri.EscapeDataString(audience)}", UriKind.Absolute, out Uri? target) || target.Scheme != Uri.UriSchemeHttps)
        {
            throw new CliException(CofferExit.Invalid, $"{GitHubUrl} is no https address");
        }

        using SocketsHttpHandler handler = new() { AllowAutoRedirect = false, UseCookies = false };
        using HttpClient http = new(handler) { Timeout = TimeSpan.FromSeconds(10), MaxResponseContentBufferSize = MostToken };
        using HttpRequestMessage request = new(HttpMethod.Get, target);
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", bearer);
        try
        {
            using HttpResponseMessage response = await http.SendAsync(request, cancellation).ConfigureAwait(false);
            if (response.StatusCode != HttpStatusCode.OK)
            {
                throw new CliException(CofferExit.Unavailable, $"GitHub gave no token for this job: status {(int)response.StatusCode}");
            }

            using JsonDocument answer = JsonDocument.Parse(await response.Content.ReadAsByteArrayAsync(cancellation).ConfigureAwait(false));
            return answer.RootElement.ValueKind == JsonValueKind.Object && answer.RootElement.TryGetProperty("value", out JsonElement value) && value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } token
                ? SecretText.From(token)
                : throw new CliException(CofferExit.Unavailable, "GitHub's answer holds no token");
        }
        catch (Exception malformed) when (malformed is JsonException or InvalidOperationException)
        {
            // The second is what the reader says of half a surrogate pair.
            throw new CliException(CofferExit.Unavailable, "GitHub's answer holds no token");
        }
        catch (Exception failure) when (failure is HttpRequestException or TaskCanceledException && !cancellation.IsCancellationRequested)
        {
            throw new CliException(CofferExit.Unavailable, "GitHub cannot be reached from this job");
        }
    }

    private SignedRequest Sign(ParseResult parsed)
    {
        static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
        if (Variable("AWS_ACCESS_KEY_ID") is not { } id || Variable("AWS_SECRET_ACCESS_KEY") is not { } secretText)
        {
            throw new CliException(CofferExit.Usage, "the environment holds no AWS access key", "eval \"$(aws configure export-credentials --format env)\"");
        }

        string endpoint = parsed.GetValue(_endpoint)!;
        if (!Uri.TryCreate(endpoint, UriKind.Absolute, out Uri? address))
        {
            throw new CliException(CofferExit.Usage, "the endpoint is no https address");
        }

        using SecretText secret = SecretText.From(secretText);
        using SecretText? token = Variable("AWS_SESSION_TOKEN") is { } session ? SecretText.From(session) : null;
        string region = address.Host.Split('.') is ["sts", var own, "amazonaws", "com", ..] ? own : address.Host == "sts.amazonaws.com" ? "us-east-1" : Variable("AWS_REGION") ?? Variable("AWS_DEFAULT_REGION") ?? "us-east-1";
        try
        {
            return AwsIdentityProof.Sign(id, secret, token, address, region, Audience(parsed), _context.Clock);
        }
        catch (ArgumentException refused)
        {
            throw new CliException(CofferExit.Usage, refused.Message);
        }
    }

    private static SignedRequest ReadRequest(string file)
    {
        try
        {
            return JsonSerializer.Deserialize(TrustCommands.ReadText(file), ContractsJson.Strict.SignedRequest) ?? throw new CliException(CofferExit.Invalid, "the file is not a signed request");
        }
        catch (JsonException)
        {
            throw new CliException(CofferExit.Invalid, "the file is not a signed request", "a JSON object of method, url, headers and body");
        }
    }

    private static X509Certificate2 ReadCertificate(string certificate, string key)
    {
        try
        {
            return X509Certificate2.CreateFromPem(TrustCommands.ReadText(certificate), TrustCommands.ReadText(key));
        }
        catch (Exception failure) when (failure is CryptographicException or ArgumentException)
        {
            throw new CliException(CofferExit.Invalid, "certificate and key are not a PEM pair that belongs together");
        }
    }

    private static string ReadInput()
    {
        char[] buffer = new char[MostToken + 1];
        int length = Console.In.ReadBlock(buffer);
        return length > MostToken ? throw new CliException(CofferExit.Invalid, $"the token is larger than {MostToken} characters") : new(buffer, 0, length);
    }
}
