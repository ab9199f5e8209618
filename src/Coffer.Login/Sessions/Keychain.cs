using System.ComponentModel;
using System.Diagnostics;
using System.Security.Cryptography;
using Coffer.Contracts;

namespace Coffer.Login.Sessions;

/// <summary>The desktop's Secret Service, by the tool <c>secret-tool</c>: the token goes in and out by pipes, never by an argument.</summary>
public sealed class Keychain
{
    private const string Tool = "secret-tool";

    // The service may ask the person to unlock it first.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly string _program;
    private readonly TimeProvider _clock;

    private Keychain(string program, TimeProvider clock) => (_program, _clock) = (program, clock);

    /// <summary>The keychain, or null where the tool is not installed.</summary>
    /// <param name="path">Folders to look in, as in <c>PATH</c>; only whole paths count.</param>
    /// <param name="clock">For the time limit.</param>
    public static Keychain? Find(string? path, TimeProvider clock)
    {
        foreach (string folder in (path ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries).Where(Path.IsPathFullyQualified))
        {
            string program = Path.Combine(folder, Tool);
            if (File.Exists(program) && (OperatingSystem.IsWindows() || (File.GetUnixFileMode(program) & (UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute)) != 0))
            {
                return new(program, clock);
            }
        }

        return null;
    }

    /// <summary>Keeps a server's token. Throws <see cref="LoginException"/> where the service takes none.</summary>
    public void Keep(string server, SecretText token)
    {
        if (!TryRun(["store", "--label", $"Coffer session at {server}", "application", "coffer", "server", server], token, out _))
        {
            throw new LoginException(LoginFault.Unavailable, "the keychain did not take the session", "log in without --keychain to keep it in a file of mode 0600");
        }
    }

    /// <summary>A server's token, or null where it has none or does not open.</summary>
    public SecretText? Look(string server)
    {
        bool found = TryRun(["lookup", "application", "coffer", "server", server], null, out byte[] answer);
        try
        {
            return found && answer.AsSpan().TrimEnd((byte)'\n') is { Length: > 0 } token ? new(token) : null;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(answer);
        }
    }

    /// <summary>Forgets a server's token.</summary>
    public void Forget(string server) => TryRun(["clear", "application", "coffer", "server", server], null, out _);

    private bool TryRun(string[] arguments, SecretText? input, out byte[] answer)
    {
        answer = [];
        ProcessStartInfo start = new(_program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        try
        {
            using Process process = Process.Start(start)!;
            using CancellationTokenSource late = new(Patience, _clock);
            using CancellationTokenRegistration end = late.Token.Register(() => process.Kill());
            Task<string> dropped = process.StandardError.ReadToEndAsync(CancellationToken.None);
            if (input is not null)
            {
                process.StandardInput.BaseStream.Write(input.Utf8);
            }

            process.StandardInput.Close();
            using MemoryStream output = new();
            process.StandardOutput.BaseStream.CopyTo(output);
            process.WaitForExit();
            dropped.GetAwaiter().GetResult();
            answer = output.ToArray();
            CryptographicOperations.ZeroMemory(output.GetBuffer());
            return process.ExitCode == 0;
        }
        catch (Exception failure) when (failure is Win32Exception or IOException or InvalidOperationException)
        {
            return false;
        }
    }
}
