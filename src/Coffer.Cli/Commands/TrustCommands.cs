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
    private const int MostFile = 256 * 1024;

    // As the server knows them; completion and a typing error are answered without asking it.
    private static readonly string[] Presets = ["github", "gitlab", "kubernetes", "azure", "google", "aws"];

    public static Command Create(CliContext context) => new("trust", "other systems whose proofs are taken: CI jobs, Kubernetes, clouds, certificates")
    {
        Make(context), List(context), Show(context), Delete(context), Link(context), Unlink(context), TrustLoginCommand.Create(context),
    };

    public static Argument<string> Name() => new("trust") { Description = "1 to 64 of a-z, 0-9, '.', '_' and '-'", HelpName = "TRUST" };

    private static Command Make(CliContext context)
    {
        Argument<string> name = Name();
        Option<string?> preset = new("--preset") { Description = $"a system that everybody knows: {string.Join(", ", Presets[..^1])} or {Presets[^1]}", HelpName = "NAME" };
        preset.AcceptOnlyFromAmong(Presets);
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
                terminal.Line($"setting    {setting.Name}={(setting.Name is "jwks" or "roots" or "intermediates" or "login" ? "given" : setting.Value.GetRawText())}");
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

    public static string ReadText(string file, int most = MostFile)
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
}
