using System.CommandLine;
using System.Diagnostics;
using System.Security.Cryptography;
using Coffer.Client;
using Coffer.Contracts;
using Coffer.Core.Secrets;
using Coffer.Launch;

namespace Coffer.Cli.Commands;

/// <summary>
/// <c>coffer edit</c>: the value in an editor, by way of a file that only this user can read, in memory where the system
/// has such a place, overwritten and removed afterwards.
/// </summary>
internal static class EditCommand
{
    public static Command Create(CliContext context)
    {
        Argument<string> path = SecretCommands.PathArgument();
        Option<string?> vault = SecretCommands.VaultOption();
        Command command = new("edit", "change a value in $VISUAL or $EDITOR; an unchanged one makes no version") { path, vault };
        command.SetAction((parsed, cancellation) => context.RunAsync(async terminal =>
        {
            SecretPath secret = SecretAddress.Parse(parsed.GetValue(path)!, parsed.GetValue(vault));
            using CofferClient client = context.Connect(parsed);
            using SecretContent content = await client.GetValueAsync(secret.Vault.Value, secret.Name.Value, null, null, cancellation).ConfigureAwait(false);
            if (content.Text is null)
            {
                throw new CliException(CofferExit.Invalid, $"{secret} is not text", "write it with: coffer set --file");
            }

            using SecretValue? edited = await EditAsync(content.Bytes, cancellation).ConfigureAwait(false);
            if (edited is null)
            {
                terminal.Remark("unchanged");
                return CofferExit.Ok;
            }

            (SecretText? text, SecretBytes? bytes) = SecretCommands.Form(edited);
            using NewValue body = new() { Text = text, Base64 = bytes, IfCurrent = content.Version.Number, RequestToken = Guid.NewGuid().ToString("D") };
            WriteResult written = await client.PutValueAsync(secret.Vault.Value, secret.Name.Value, body, cancellation).ConfigureAwait(false);
            terminal.Line($"{secret} version {written.Version?.Number}");
            return CofferExit.Ok;
        }));
        return command;
    }

    /// <summary>The edited bytes, or null where nothing changed. A line end that the editor added is not part of the value.</summary>
    private static async Task<SecretValue?> EditAsync(ReadOnlyMemory<byte> before, CancellationToken cancellationToken)
    {
        string editor = Environment.GetEnvironmentVariable("VISUAL") is { Length: > 0 } visual ? visual
            : Environment.GetEnvironmentVariable("EDITOR") is { Length: > 0 } plain ? plain : "vi";
        string folder = Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath();
        string file = Path.Combine(folder, $".coffer-edit-{Guid.NewGuid():N}");
        try
        {
            await using (FileStream stream = new(file, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite }))
            {
                await stream.WriteAsync(before, cancellationToken).ConfigureAwait(false);
            }

            // The editor may be a command with arguments ("code --wait"): the shell takes it apart, the file is never part of its text.
            using Process process = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", editor + " \"$1\"", "coffer-edit", file]) { UseShellExecute = false })
                ?? throw new CliException(CofferExit.Failure, "the editor did not start");
            await process.WaitForExitAsync(cancellationToken).ConfigureAwait(false);
            if (process.ExitCode != 0)
            {
                throw new CliException(CofferExit.Failure, $"the editor ended with {process.ExitCode}; nothing was written");
            }

            byte[] after = await File.ReadAllBytesAsync(file, cancellationToken).ConfigureAwait(false);
            try
            {
                int length = after.Length > 0 && after[^1] == '\n' && (before.IsEmpty || before.Span[^1] != '\n') ? after.Length - 1 : after.Length;
                return after.AsSpan(0, length).SequenceEqual(before.Span) ? null : SecretValue.Copy(after.AsSpan(0, length));
            }
            finally
            {
                CryptographicOperations.ZeroMemory(after);
            }
        }
        finally
        {
            Shred(file);
        }
    }

    private static void Shred(string file)
    {
        if (!File.Exists(file))
        {
            return;
        }

        using (FileStream stream = new(file, FileMode.Open, FileAccess.Write))
        {
            stream.Write(new byte[stream.Length]);
            stream.Flush(flushToDisk: true);
        }

        File.Delete(file);
    }
}
