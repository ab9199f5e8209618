using System.CommandLine;
using Coffer.Client;
using Coffer.Contracts;
using Coffer.Core.Secrets;
using Coffer.Launch;

namespace Coffer.Cli.Commands;

/// <summary><c>get</c>, <c>set</c>, <c>edit</c>: one value at a time.</summary>
internal static class SecretCommands
{
    public static IEnumerable<Command> All(CliContext context) => [Get(context), Set(context), EditCommand.Create(context), .. SecretLifeCommands.All(context)];

    internal static Argument<string> PathArgument() => new("secret") { Description = "vault/name, or name alone with --vault or COFFER_VAULT", HelpName = "SECRET" };

    internal static Option<string?> VaultOption() => new("--vault") { Description = "the vault (default: COFFER_VAULT)", HelpName = "VAULT" };

    /// <summary>Text where the bytes are UTF-8, else base64: as the API takes it.</summary>
    internal static (SecretText? Text, SecretBytes? Base64) Form(SecretValue value) =>
        System.Text.Unicode.Utf8.IsValid(value.Span) ? (new SecretText(value.Span), null) : (null, new SecretBytes(value.Span));

    private static Command Get(CliContext context)
    {
        Argument<string> path = PathArgument();
        Option<string?> vault = VaultOption();
        Option<string?> version = new("--version-of") { Description = "number or id of the version (default: the current one)", HelpName = "VERSION" };
        Option<string?> label = new("--label") { Description = "the version that carries this label", HelpName = "LABEL" };
        Option<bool> show = new("--show") { Description = "print the value on a terminal; without it a terminal gets it into its clipboard" };
        Command command = new("get", "read a value: to a pipe or file as it is; on a terminal only with --show") { path, vault, version, label, show };
        command.SetAction((parsed, cancellation) => context.RunAsync(async terminal =>
        {
            SecretPath secret = SecretAddress.Parse(parsed.GetValue(path)!, parsed.GetValue(vault));
            using CofferClient client = context.Connect(parsed);
            using SecretContent content = await client.GetValueAsync(secret.Vault.Value, secret.Name.Value, parsed.GetValue(version), parsed.GetValue(label), cancellation).ConfigureAwait(false);
            if (context.Json(parsed))
            {
                if (terminal.OutputIsTerminal && !parsed.GetValue(show))
                {
                    throw new CliException(CofferExit.Refused, "a value is not shown on a terminal", "say --show, or pipe it");
                }

                context.WriteJson(content, ContractsJson.Default.SecretContent);
            }
            else if (terminal.OutputIsTerminal && !parsed.GetValue(show))
            {
                // OSC 52: the terminal itself puts it into the clipboard; nothing is drawn.
                terminal.Out.Write($"\u001b]52;c;{Convert.ToBase64String(content.Bytes.Span)}\a");
                terminal.Remark($"copied version {content.Version.Number} of {secret} to the terminal's clipboard, where the terminal allows it; --show prints it");
            }
            else
            {
                terminal.WriteValue(content.Bytes.Span);
            }

            return CofferExit.Ok;
        }));
        return command;
    }

    private static Command Set(CliContext context)
    {
        Argument<string> path = PathArgument();
        Option<string?> vault = VaultOption();
        Option<int?> ifCurrent = new("--if-current") { Description = "only if this version is current; 0 = only if there is none", HelpName = "NUMBER" };
        Option<string?> contentType = new("--content-type") { Description = "media type of the value", HelpName = "TYPE" };
        ValueInput input = new();
        Command command = new("set", "write a value as a new version, from a prompt without echo, stdin or a file") { path, vault, ifCurrent, contentType };
        input.AddTo(command);
        command.SetAction((parsed, cancellation) => context.RunAsync(async terminal =>
        {
            SecretPath secret = SecretAddress.Parse(parsed.GetValue(path)!, parsed.GetValue(vault));
            using SecretValue value = input.Read(parsed, terminal, $"value of {secret}: ");
            (SecretText? text, SecretBytes? bytes) = Form(value);
            using NewValue body = new() { Text = text, Base64 = bytes, IfCurrent = parsed.GetValue(ifCurrent), ContentType = parsed.GetValue(contentType), RequestToken = Guid.NewGuid().ToString("D") };
            using CofferClient client = context.Connect(parsed);
            WriteResult written = await client.PutValueAsync(secret.Vault.Value, secret.Name.Value, body, cancellation).ConfigureAwait(false);
            context.Answer(parsed, written, ContractsJson.Default.WriteResult, () => terminal.Line($"{secret} version {written.Version?.Number}"));
            return CofferExit.Ok;
        }));
        return command;
    }
}
