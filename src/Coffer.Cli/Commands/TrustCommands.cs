using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Coffer.Cli.Output;
using Coffer.Client;
using Coffer.Contracts;
using Coffer.Launch;

namespace Coffer.Cli.Commands;

/// <summary><c>coffer trust …</c>: other systems whose proofs are taken in place of a stored secret.</summary>
internal static class TrustCommands
{
    private const int MostFile = 256 * 1024, MostToken = 64 * 1024;

    public static Command Create(CliContext context) => new("trust", "other systems whose proofs are taken: CI jobs, Kubernetes, clouds, certificates")
    {
        Make(context), List(context), Show(context), Delete(context), Link(context), Unlink(context), LogIn(context),
    };

    private static Argument<string> Name() => new("trust") { Description = "1 to 64 of a-z, 0-9, '.', '_' and '-'", HelpName = "TRUST" };

    private static Command Make(CliContext context)
    {
        Argument<string> name = Name();
        Option<string?> preset = new("--preset") { Description = "a system that everybody knows: github, gitlab, kubernetes, azure, google or aws", HelpName = "NAME" };
        preset.AcceptOnlyFromAmong("github", "gitlab", "kubernetes", "azure", "google", "aws");
        Option<string?> kind = new("--kind") { Description = "without a preset: web-token, kubernetes (the API server reviews tokens), aws or certificate", HelpName = "KIND" };
        kind.AcceptOnlyFromAmong("web-token", "kubernetes", "aws", "certificate");
        Option<string?> issuer = new("--issuer") { Description = "the issuer, compared exactly; where the server asks it, its https address", HelpName = "URL" };
        Option<string[]> audiences = new("--audience") { Description = "whom a proof must be for; any one of several", HelpName = "TEXT" };
        Option<string[]> claims = new("--claim") { Description = "a claim that must match, exactly or by a pattern with '*' and '?'", HelpName = "NAME=PATTERN" };
        Option<string?> principal = new("--principal") { Description = "the principal that a match proves", HelpName = "PRINCIPAL" };
        Option<string?> byClaim = new("--principal-claim") { Description = "the claim whose value names the principal: coffer trust link", HelpName = "NAME" };
        Option<string?> group = new("--new-group") { Description = "with --principal-claim: the group that new principals are made in", HelpName = "GROUP" };
        Option<int?> seconds = new("--max-seconds") { Description = "longest life of a session, 60 to 43200 (default: an hour)", HelpName = "N" };
        Option<string?> keys = new("--jwks") { Description = "the issuer's public keys, so that it is never asked", HelpName = "FILE" };
        Option<string?> roots = new("--ca") { Description = "PEM certificates that the issuer's server, or a client's certificate, must chain to", HelpName = "FILE" };
        Option<bool> inside = new("--allow-private-network") { Description = "the issuer may be on a private network" };
        Option<string?> settings = new("--settings") { Description = "further settings, a JSON object", HelpName = "FILE" };
        Option<string?> secret = new("--secret-file") { Description = "what the server shows the Kubernetes API server: a token that may review tokens", HelpName = "FILE" };
        Command command = new("create", "trust another system: whoever shows its proof is a principal") { name, preset, kind, issuer, audiences, claims, principal, byClaim, group, seconds, keys, roots, inside, settings, secret };
        command.SetAction((parsed, cancellation) => context.RunAsync(async _ =>
        {
            JsonObject more = parsed.GetValue(settings) is { } file ? ReadObject(file) : [];
            if (parsed.GetValue(keys) is { } keyFile)
            {
                more["jwks"] = ReadObject(keyFile);
            }

            if (parsed.GetValue(roots) is { } rootFile)
            {
                more["roots"] = ReadText(rootFile);
            }

            if (parsed.GetValue(inside))
            {
                more["allowPrivateNetwork"] = true;
            }

            using SecretText? shown = parsed.GetValue(secret) is { } secretFile ? SecretText.From(ReadText(secretFile).AsSpan().Trim()) : null;
            using NewTrust body = new()
            {
                Name = parsed.GetValue(name)!,
                Preset = parsed.GetValue(preset),
                Kind = parsed.GetValue(kind),
                Issuer = parsed.GetValue(issuer),
                Audiences = parsed.GetValue(audiences),
                Claims = Claims(parsed.GetValue(claims) ?? []),
                Principal = parsed.GetValue(principal),
                PrincipalClaim = parsed.GetValue(byClaim),
                NewGroup = parsed.GetValue(group),
                MaxSeconds = parsed.GetValue(seconds),
                Settings = more.Count == 0 ? null : JsonElement.Parse(more.ToJsonString()),
                Secret = shown,
            };
            using CofferClient client = context.Connect(parsed);
            Print(context, parsed, await client.CreateTrustAsync(body, cancellation).ConfigureAwait(false));
            return CofferExit.Ok;
        }));
        return command;
    }

    private static Command List(CliContext context)
    {
        Command command = new("list", "all trusts");
        command.SetAction((parsed, cancellation) => context.RunAsync(async terminal =>
        {
            using CofferClient client = context.Connect(parsed);
            TrustList list = await client.ListTrustsAsync(cancellation).ConfigureAwait(false);
            context.Answer(parsed, list, ContractsJson.Default.TrustList, () => terminal.Table(
                ["trust", "kind", "principal", "issuer", "claims"],
                [.. list.Trusts.Select(t => (IReadOnlyList<string>)[t.Name, t.Kind, Whose(t), t.Issuer, Text(t.Claims)])]));
            return CofferExit.Ok;
        }));
        return command;
    }

    private static Command Show(CliContext context)
    {
        Argument<string> name = Name();
        Command command = new("show", "one trust with its settings and links") { name };
        command.SetAction((parsed, cancellation) => context.RunAsync(async _ =>
        {
            using CofferClient client = context.Connect(parsed);
            Print(context, parsed, await client.GetTrustAsync(parsed.GetValue(name)!, cancellation).ConfigureAwait(false));
            return CofferExit.Ok;
        }));
        return command;
    }

    private static Command Delete(CliContext context)
    {
        Argument<string> name = Name();
        Command command = new("delete", "trust no longer; sessions got with it end in the very next request") { name };
        command.SetAction((parsed, cancellation) => context.RunAsync(async _ =>
        {
            using CofferClient client = context.Connect(parsed);
            await client.DeleteTrustAsync(parsed.GetValue(name)!, cancellation).ConfigureAwait(false);
            return CofferExit.Ok;
        }));
        return command;
    }

    private static Command Link(CliContext context)
    {
        Argument<string> name = Name(), value = new("value") { Description = "the claim's value, compared exactly", HelpName = "VALUE" }, principal = PrincipalCommands.Name();
        Command command = new("link", "say which principal a value of the trust's claim means") { name, value, principal };
        command.SetAction((parsed, cancellation) => context.RunAsync(async terminal =>
        {
            using CofferClient client = context.Connect(parsed);
            TrustLink link = await client.LinkTrustAsync(parsed.GetValue(name)!, new() { Value = parsed.GetValue(value)!, Principal = parsed.GetValue(principal)! }, cancellation).ConfigureAwait(false);
            context.Answer(parsed, link, ContractsJson.Default.TrustLink, () => terminal.Line($"{link.Value} is {link.Principal}"));
            return CofferExit.Ok;
        }));
        return command;
    }

    private static Command Unlink(CliContext context)
    {
        Argument<string> name = Name(), value = new("value") { Description = "the claim's value", HelpName = "VALUE" };
        Command command = new("unlink", "end that") { name, value };
        command.SetAction((parsed, cancellation) => context.RunAsync(async _ =>
        {
            using CofferClient client = context.Connect(parsed);
            await client.UnlinkTrustAsync(parsed.GetValue(name)!, parsed.GetValue(value)!, cancellation).ConfigureAwait(false);
            return CofferExit.Ok;
        }));
        return command;
    }

    private static Command LogIn(CliContext context)
    {
        Argument<string> name = Name();
        Option<string?> file = new("--token-file") { Description = "the proof: a web token in a file (default: stdin)", HelpName = "FILE" };
        Option<string?> request = new("--signed-request") { Description = "the proof: a signed AWS GetCallerIdentity as JSON (method, url, headers, body)", HelpName = "FILE" };
        Option<bool> aws = new("--aws") { Description = "get a temporary AWS access key, in the form that credential_process takes" };
        Option<string?> audience = new("--for") { Description = "where the token is to be good (default: coffer)", HelpName = "AUDIENCE" };
        Option<int?> seconds = new("--seconds") { Description = "how long it is to last (default: an hour, or what the trust allows)", HelpName = "N" };
        Command command = new("login", "log in by a trust and print a short-lived token; nothing is written to disk") { name, file, request, aws, audience, seconds };
        command.SetAction((parsed, cancellation) => context.RunAsync(async terminal =>
        {
            if (terminal.OutputIsTerminal)
            {
                throw new CliException(CofferExit.Usage, "a token is not printed on a terminal", "COFFER_TOKEN=$(coffer trust login …)");
            }

            string? asked = parsed.GetValue(request);
            using TrustLogin login = new()
            {
                Trust = parsed.GetValue(name)!,
                Token = asked is null ? ReadToken(parsed.GetValue(file), terminal) : null,
                SignedRequest = asked is null ? null : ReadRequest(asked),
                Kind = parsed.GetValue(aws) ? "aws" : null,
                Audience = parsed.GetValue(audience),
                Seconds = parsed.GetValue(seconds),
            };
            using CofferClient client = context.Connect(parsed);
            using TrustSession session = await client.LoginByTrustAsync(login, cancellation).ConfigureAwait(false);
            if (context.Json(parsed))
            {
                context.WriteJson(session, ContractsJson.Default.TrustSession);
            }
            else if (session.AccessKey is { } key)
            {
                WriteProcess(key);
            }
            else
            {
                terminal.WriteValue(session.Token!.Utf8);
                terminal.WriteValue("\n"u8);
            }

            terminal.Remark($"{session.Principal} until {SecretLifeCommands.Time(session.Expiration)}");
            return CofferExit.Ok;
        }));
        return command;
    }

    private static void Print(CliContext context, ParseResult parsed, TrustInfo trust) => context.Answer(parsed, trust, ContractsJson.Default.TrustInfo, () =>
    {
        Terminal terminal = context.Terminal;
        terminal.Line($"name       {trust.Name}");
        terminal.Line($"kind       {trust.Kind}");
        terminal.Line($"principal  {Whose(trust)}");
        terminal.Line($"issuer     {trust.Issuer}");
        terminal.Line($"audiences  {(trust.Audiences is { } audiences ? string.Join(", ", audiences) : "-")}");
        foreach ((string claim, string pattern) in trust.Claims)
        {
            terminal.Line($"claim      {claim}={pattern}");
        }

        if (trust.MaxSeconds is { } seconds)
        {
            terminal.Line($"session    up to {seconds} s");
        }

        foreach (TrustLink link in trust.Links ?? [])
        {
            terminal.Line($"link       {link.Value} is {link.Principal}");
        }

        if (trust.Settings is { } settings)
        {
            foreach (JsonProperty setting in settings.EnumerateObject())
            {
                terminal.Line($"{setting.Name}  {(setting.Value.ValueKind is JsonValueKind.Object || setting.Name is "roots" or "intermediates" ? "given" : setting.Value.GetRawText())}");
            }
        }
    });

    private static string Whose(TrustInfo trust) => trust.Principal ?? $"by {trust.PrincipalClaim}{(trust.NewGroup is { } group ? $", new ones in {group}" : "")}";

    private static string Text(IReadOnlyDictionary<string, string> claims) => claims.Count == 0 ? "-" : string.Join(" ", claims.Select(c => $"{c.Key}={c.Value}"));

    private static Dictionary<string, string>? Claims(string[] given)
    {
        Dictionary<string, string> claims = new(StringComparer.Ordinal);
        foreach (string text in given)
        {
            int equals = text.IndexOf('=', StringComparison.Ordinal);
            if (equals < 1 || !claims.TryAdd(text[..equals], text[(equals + 1)..]))
            {
                throw new CliException(CofferExit.Usage, "a claim is given once, as NAME=PATTERN", "for example --claim repository=acme/shop");
            }
        }

        return claims.Count == 0 ? null : claims;
    }

    private static string ReadText(string file, int most = MostFile)
    {
        FileInfo info = new(file);
        return info.Exists && info.Length > most ? throw new CliException(CofferExit.Invalid, $"the file is larger than {most} bytes") : File.ReadAllText(file);
    }

    private static JsonObject ReadObject(string file)
    {
        try
        {
            return JsonNode.Parse(ReadText(file), documentOptions: new() { AllowDuplicateProperties = false }) as JsonObject ?? throw new CliException(CofferExit.Invalid, "the file is not a JSON object");
        }
        catch (JsonException)
        {
            throw new CliException(CofferExit.Invalid, "the file is not a JSON object");
        }
    }

    private static SignedRequest ReadRequest(string file)
    {
        try
        {
            return JsonSerializer.Deserialize(ReadText(file), ContractsJson.Strict.SignedRequest) ?? throw new CliException(CofferExit.Invalid, "the file is not a signed request");
        }
        catch (JsonException)
        {
            throw new CliException(CofferExit.Invalid, "the file is not a signed request", "a JSON object of method, url, headers and body");
        }
    }

    private static SecretText ReadToken(string? file, Terminal terminal)
    {
        string text = file is not null ? ReadText(file, MostToken) : terminal.InputIsTerminal ? throw new CliException(CofferExit.Usage, "no token was given", "pipe it in, or name a file with --token-file") : ReadInput();
        return text.AsSpan().Trim() is { Length: > 0 } token ? SecretText.From(token) : throw new CliException(CofferExit.Invalid, "the token is empty");
    }

    private static string ReadInput()
    {
        char[] buffer = new char[MostToken + 1];
        int length = Console.In.ReadBlock(buffer);
        return length > MostToken ? throw new CliException(CofferExit.Invalid, $"the token is larger than {MostToken} characters") : new(buffer, 0, length);
    }

    /// <summary>What AWS's <c>credential_process</c> reads.</summary>
    private static void WriteProcess(SessionCredentials key)
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
}
