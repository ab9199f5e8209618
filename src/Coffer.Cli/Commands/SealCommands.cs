using System.CommandLine;
using System.Text;
using Coffer.Cli.Output;
using Coffer.Client;
using Coffer.Contracts;
using Coffer.Core.Sealing;
using Coffer.Core.Secrets;
using Coffer.Core.Stores;
using Coffer.Launch;
using Coffer.Server;

namespace Coffer.Cli.Commands;

/// <summary><c>status</c>, <c>seal</c>, <c>unseal</c>, <c>rekey</c>, <c>rotate-keys</c>, <c>backup</c>, <c>restore</c>.</summary>
internal static class SealCommands
{
    public static IEnumerable<Command> All(CliContext context) =>
        [Status(context), Seal(context), Unseal(context), Rekey(context), RotateKeys(context), Backup(context), Restore(context)];

    private static Command Status(CliContext context)
    {
        Command command = new("status", "whether the server runs and can open what it keeps");
        command.SetAction((parsed, cancellation) => context.RunAsync(async terminal =>
        {
            using CofferClient client = context.Connect(parsed);
            SystemStatus status = await client.GetStatusAsync(cancellation).ConfigureAwait(false);
            context.Answer(parsed, status, ContractsJson.Default.SystemStatus, () =>
            {
                terminal.Line($"state    {status.State}");
                terminal.Line($"seal     {status.Seal ?? "-"}");
                if (status.Threshold is { } needed)
                {
                    terminal.Line($"shares   {status.Given ?? 0} of {needed} given");
                }

                terminal.Line($"version  {status.Version}");
            });
            return status.State == "unsealed" ? CofferExit.Ok : CofferExit.Unavailable;
        }));
        return command;
    }

    private static Command Seal(CliContext context)
    {
        Command command = new("seal", "forget every key; nothing is served until coffer unseal");
        command.SetAction((parsed, cancellation) => context.RunAsync(async terminal =>
        {
            using CofferClient client = context.Connect(parsed);
            await client.SealAsync(cancellation).ConfigureAwait(false);
            terminal.Remark("sealed");
            return CofferExit.Ok;
        }));
        return command;
    }

    private static Command Unseal(CliContext context)
    {
        Option<bool> reset = new("--reset") { Description = "forget the shares given so far" };
        Command command = new("unseal", "give the passphrase, one share, or (key file) nothing") { reset };
        command.SetAction((parsed, cancellation) => context.RunAsync(async terminal =>
        {
            using CofferClient client = context.Connect(parsed);
            SystemStatus status = await client.GetStatusAsync(cancellation).ConfigureAwait(false);
            using UnsealRequest body = parsed.GetValue(reset) ? new() { Reset = true } : status.Seal switch
            {
                "passphrase" => new() { Passphrase = SecretText.From(terminal.ReadHidden("passphrase: ")) },
                "shamir" => new() { Share = SecretText.From(terminal.ReadHidden("share: ")) },
                _ => new(),
            };
            SystemStatus after = await client.UnsealAsync(body, cancellation).ConfigureAwait(false);
            context.Answer(parsed, after, ContractsJson.Default.SystemStatus, () => terminal.Remark(
                after.State == "unsealed" ? "unsealed" : $"{after.Given} of {after.Threshold} shares given"));
            return CofferExit.Ok;
        }));
        return command;
    }

    private static Command RotateKeys(CliContext context)
    {
        Command command = new("rotate-keys", "seal new values with a new data key; older ones still open");
        command.SetAction((parsed, cancellation) => context.RunAsync(async terminal =>
        {
            using CofferClient client = context.Connect(parsed);
            using SealProof proof = await ProofAsync(client, terminal, cancellation).ConfigureAwait(false);
            KeyRotation rotation = await client.RotateKeysAsync(proof, cancellation).ConfigureAwait(false);
            context.Answer(parsed, rotation, ContractsJson.Default.KeyRotation, () => terminal.Line($"data key {rotation.KeyId} seals from now on"));
            return CofferExit.Ok;
        }));
        return command;
    }

    private static Command Rekey(CliContext context)
    {
        Option<string> seal = new("--seal") { Description = "the new seal: keyfile, passphrase or shares", DefaultValueFactory = _ => "keyfile", HelpName = "KIND" };
        seal.AcceptOnlyFromAmong("keyfile", "passphrase", "shares");
        Option<int> shares = new("--shares") { Description = "number of shares, 2 to 16", DefaultValueFactory = _ => 5, HelpName = "N" };
        Option<int> threshold = new("--threshold") { Description = "shares needed to unseal", DefaultValueFactory = _ => 3, HelpName = "N" };
        Command command = new("rekey", "change the seal and the root key; data keys and values stay") { seal, shares, threshold };
        command.SetAction((parsed, cancellation) => context.RunAsync(async terminal =>
        {
            using CofferClient client = context.Connect(parsed);
            SealProof proof = await ProofAsync(client, terminal, cancellation).ConfigureAwait(false);
            using SecretValue? passphrase = parsed.GetValue(seal) == "passphrase" ? ServerCommands.ReadNewPassphrase(terminal) : null;
            using RekeyRequest body = new()
            {
                Proof = proof,
                Seal = parsed.GetValue(seal) switch { "passphrase" => "passphrase", "shares" => "shamir", _ => "key-file" },
                Passphrase = passphrase is null ? null : new SecretText(passphrase.Span),
                Shares = parsed.GetValue(seal) == "shares" ? parsed.GetValue(shares) : null,
                Threshold = parsed.GetValue(seal) == "shares" ? parsed.GetValue(threshold) : null,
            };
            using RekeyResult result = await client.RekeyAsync(body, cancellation).ConfigureAwait(false);
            foreach (SecretText share in result.Shares ?? [])
            {
                terminal.ValueLine("", share.Utf8);
            }

            terminal.Remark($"the seal is now: {result.Seal}");
            return CofferExit.Ok;
        }));
        return command;
    }

    private static Command Backup(CliContext context)
    {
        Argument<string> file = new("file") { Description = "where to; must not exist", HelpName = "FILE" };
        Command command = new("backup", "an encrypted copy of everything, while requests go on") { file };
        command.SetAction((parsed, cancellation) => context.RunAsync(async terminal =>
        {
            using CofferClient client = context.Connect(parsed);
            string path = Path.GetFullPath(parsed.GetValue(file)!);
            if (File.Exists(path))
            {
                throw new CliException(CofferExit.Conflict, $"{path} exists already");
            }

            string part = path + ".part";
            try
            {
                await using (FileStream target = new(part, new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite }))
                {
                    await client.BackupAsync(target, cancellation).ConfigureAwait(false);
                    target.Flush(flushToDisk: true);
                }

                File.Move(part, path);
            }
            finally
            {
                File.Delete(part);
            }

            terminal.Remark($"wrote {path}; prove it with: coffer restore --check {path}");
            return CofferExit.Ok;
        }));
        return command;
    }

    private static Command Restore(CliContext context)
    {
        Argument<string> file = new("file") { Description = "the backup", HelpName = "FILE" };
        Option<bool> check = new("--check") { Description = "only prove that every record opens; nothing stays" };
        ServerSettings settings = new();
        Command command = new("restore", "bring a backup back into an empty folder, once every record of it has opened") { file, check, settings.Data, settings.KeyFile };
        command.SetAction((parsed, cancellation) => context.RunAsync(async terminal =>
        {
            string data = settings.DataDirectory(parsed);
            bool only = parsed.GetValue(check);
            string target = only ? Path.Combine(Path.GetTempPath(), $"coffer-check-{Guid.NewGuid():N}") : Path.Combine(data, "store");
            ISeal seal = await AskSealAsync(parsed.GetValue(file)!, parsed.GetValue(settings.KeyFile) ?? Path.Combine(data, "seal.key"), terminal, cancellation).ConfigureAwait(false);
            CheckReport report = await ServerInstallation.RestoreAsync(parsed.GetValue(file)!, target, keep: !only, seal, context.Clock, cancellation).ConfigureAwait(false);
            terminal.Line($"{report.Vaults} vaults, {report.Secrets} secrets, {report.Versions} versions, {report.Values} values opened, {report.AccessRows} access records");
            foreach (string fault in report.Faults)
            {
                terminal.Remark($"coffer: damaged: {fault}");
            }

            if (report.Faults.Count == 0)
            {
                terminal.Remark(only ? "every record opens" : $"restored into {target}");
            }

            return report.Faults.Count == 0 ? CofferExit.Ok : CofferExit.Invalid;
        }));
        return command;
    }

    private static async Task<ISeal> AskSealAsync(string file, string keyFile, Terminal terminal, CancellationToken cancellationToken)
    {
        SealParameters parameters = await BackupFile.ParametersAsync(file, cancellationToken).ConfigureAwait(false);
        switch (parameters.Type)
        {
            case PassphraseSeal.TypeName:
                return new PassphraseSeal(SecretValue.Copy(Encoding.UTF8.GetBytes(terminal.ReadHidden("passphrase: "))), PassphraseHash.Argon2Id);
            case ShamirSeal.TypeName:
                ShamirSeal shares = new();
                for (int i = 1; i <= parameters.Threshold; i++)
                {
                    shares.Give(Encoding.ASCII.GetBytes(terminal.ReadHidden($"share {i} of {parameters.Threshold}: ")));
                }

                return shares;
            default:
                return new KeyFileSeal(keyFile);
        }
    }

    private static async Task<SealProof> ProofAsync(CofferClient client, Terminal terminal, CancellationToken cancellationToken)
    {
        SystemStatus status = await client.GetStatusAsync(cancellationToken).ConfigureAwait(false);
        return status.Seal switch
        {
            "passphrase" => new() { Passphrase = SecretText.From(terminal.ReadHidden("passphrase: ")) },
            "shamir" => new() { Shares = [.. Enumerable.Range(1, status.Threshold ?? 0).Select(i => SecretText.From(terminal.ReadHidden($"share {i} of {status.Threshold}: ")))] },
            _ => new(),
        };
    }
}
