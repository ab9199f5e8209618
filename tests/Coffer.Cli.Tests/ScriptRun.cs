using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Numerics;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Coffer.Login.Tests.Support;

namespace Coffer.Cli.Tests;

/// <summary>What a script runs in: a folder and home of its own, a server and a provider of identities where it asks for them, and a person who reads and types.</summary>
internal sealed partial class ScriptRun(string root) : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("coffer-cli-").FullName;
    private readonly ConcurrentDictionary<string, string> _seen = new(StringComparer.Ordinal);
    private readonly ConcurrentQueue<string> _recovery = new();
    private readonly SemaphoreSlim _shown = new(0);
    private Process? _server;
    private StubProvider? _issuer;
    private ScriptProofs? _proofs;
    private string? _address;
    private long _step;
    private readonly Dictionary<string, string> _tokens = new(StringComparer.Ordinal);
    private string? _token;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        await KillServerAsync();
        await EndBackgroundAsync();

        if (_issuer is not null)
        {
            await _issuer.DisposeAsync();
        }

        if (_proofs is not null)
        {
            await _proofs.DisposeAsync();
        }

        _shown.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    public Task WriteAsync(string name, string content)
    {
        string path = Path.Combine(_folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        return File.WriteAllTextAsync(path, content, Cancellation);
    }

    public async Task StartIssuerAsync()
    {
        _issuer = new(TimeProvider.System);
        foreach (string answer in (ReadOnlySpan<string>)["authorization_pending", "token"])
        {
            _issuer.DeviceAnswers.Enqueue(answer);
        }

        _issuer.DeviceAnswer = a => a["interval"] = 1;
        await WriteAsync("issuer.pem", _issuer.Server.RootPem);
        string browser = Path.Combine(_folder, "browser");
        await File.WriteAllTextAsync(browser, "#!/bin/sh\nexec curl --silent --location --cacert \"$HOME/issuer.pem\" \"$1\"\n", Cancellation);
        File.SetUnixFileMode(browser, UnixFileMode.UserRead | UnixFileMode.UserExecute);
    }

    public async Task WriteProofsAsync()
    {
        _proofs = new();
        foreach ((string name, string content) in _proofs.Files)
        {
            await WriteAsync(name, content);
        }
    }

    public async Task StartServerAsync(params string[] options)
    {
        (int made, _, string problem) = await RunAsync("coffer init --data \"$HOME/data\"");
        Assert.True(made == 0, problem);
        await ServeAsync(options);
    }

    /// <summary>Starts the server whose folder is there already, with further options.</summary>
    public async Task ServeAsync(params string[] options)
    {
        _server = Process.Start(Start("coffer", ["serve", "--data", Path.Combine(_folder, "data"), "--listen", "127.0.0.1:0", .. options]))!;
        List<string> lines = [];
        while (await _server.StandardError.ReadLineAsync(Cancellation) is { } line)
        {
            lines.Add(line);
            if (Serving().Match(line) is { Success: true } serving)
            {
                _address = serving.Groups[1].Value;
                // The rest is read and dropped, so that the server never waits for us.
                _ = _server.StandardError.ReadToEndAsync(CancellationToken.None);
                return;
            }
        }

        throw new InvalidOperationException("the server did not start: " + string.Join('\n', lines));
    }

    /// <summary>What follows is run with a token of that principal; null: as the one who made the server.</summary>
    public async Task ActAsAsync(string? principal)
    {
        _token = null;
        if (principal is not null && !_tokens.TryGetValue(principal, out _token))
        {
            (int exit, string key, string problem) = await RunAsync($"coffer key create {principal} --kind token --expires 8h --json");
            Assert.True(exit == 0, problem);
            using JsonDocument document = JsonDocument.Parse(key);
            _tokens[principal] = _token = document.RootElement.GetProperty("secret").GetString()!;
        }
    }

    /// <summary>Runs a command of the shell to its end, with lines that are typed when what they need was shown.</summary>
    public async Task<(int Exit, string Output, string Errors)> RunAsync(string command, IReadOnlyList<string>? typed = null)
    {
        using Process process = Process.Start(Start("/bin/sh", "-c", command))!;
        Task<string> output = ReadAsync(process.StandardOutput), errors = ReadAsync(process.StandardError);
        await TypeAsync(process, typed ?? []);
        await process.WaitForExitAsync(Cancellation);
        return (process.ExitCode, await output, await errors);
    }

    private async Task TypeAsync(Process process, IReadOnlyList<string> typed)
    {
        foreach (string line in typed)
        {
            string text = line;
            foreach (Match wanted in Placeholder().Matches(line))
            {
                text = text.Replace(wanted.Value, await ValueAsync(process, wanted.Groups[1].Value), StringComparison.Ordinal);
            }

            await process.StandardInput.WriteLineAsync(text.AsMemory(), Cancellation);
            await process.StandardInput.FlushAsync(Cancellation);
        }

        process.StandardInput.Close();
    }

    private async Task<string> ValueAsync(Process process, string name)
    {
        string source = name == "code" ? "seed" : name;
        string? recovery = null;
        while (name == "recovery" ? !_recovery.TryDequeue(out recovery) : !_seen.ContainsKey(source))
        {
            Assert.False(process.HasExited, $"[{name}] was never shown");
            await Task.WhenAny(_shown.WaitAsync(Cancellation), process.WaitForExitAsync(Cancellation));
        }

        return recovery ?? (name == "code" ? Code(_seen[source].Replace(" ", "", StringComparison.Ordinal)) : _seen[source]);
    }

    /// <summary>What the person's app shows: a code that was not used before, as if they had waited for it.</summary>
    private string Code(string seed)
    {
        _step = Math.Max(_step + 1, TimeProvider.System.GetUtcNow().ToUnixTimeSeconds() / 30);
        BigInteger bits = seed.Aggregate(BigInteger.Zero, (sum, c) => (sum << 5) | "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".IndexOf(c, StringComparison.Ordinal));
        byte[] key = bits.ToByteArray(isUnsigned: true, isBigEndian: true), counter = new byte[8];
        key = [.. new byte[(seed.Length * 5 / 8) - key.Length], .. key];
        BinaryPrimitives.WriteInt64BigEndian(counter, _step);
#pragma warning disable CA5350 // What the apps speak.
        byte[] hash = HMACSHA1.HashData(key, counter);
#pragma warning restore CA5350
        return ((BinaryPrimitives.ReadUInt32BigEndian(hash.AsSpan(hash[^1] & 15)) & 0x7FFF_FFFF) % 1_000_000).ToString("D6", CultureInfo.InvariantCulture);
    }

    private async Task<string> ReadAsync(StreamReader reader)
    {
        StringBuilder all = new();
        while (await reader.ReadLineAsync(Cancellation) is { } line)
        {
            all.Append(line).Append('\n');
            if (Request().Match(line) is { Success: true } request)
            {
                _seen["request"] = request.Value;
            }

            if (Shown().Match(line) is { Success: true } shown)
            {
                if (shown.Groups["name"].Success)
                {
                    _seen[shown.Groups["name"].Value] = shown.Groups["value"].Value;
                }
                else
                {
                    _recovery.Enqueue(shown.Groups["value"].Value);
                }

                _shown.Release();
            }
        }

        return all.ToString();
    }

    private ProcessStartInfo Start(string program, params string[] arguments)
    {
        string bin = Path.Combine(root, "artifacts", "coffer");
        Assert.True(File.Exists(Path.Combine(bin, "coffer")), "the executable is not built: ./coffer --build-only");
        ProcessStartInfo start = new(program == "coffer" ? Path.Combine(bin, "coffer") : program, arguments)
        {
            WorkingDirectory = _folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment.Clear();
        start.Environment["PATH"] = $"{bin}:/usr/local/bin:/usr/bin:/bin";
        start.Environment["HOME"] = _folder;
        start.Environment["LANG"] = "C.UTF-8";
        start.Environment["COFFER_SOCKET"] = Path.Combine(_folder, "data", "coffer.sock");
        start.Environment["REQUEST"] = _seen.GetValueOrDefault("request");
        if (_token is not null)
        {
            start.Environment["COFFER_TOKEN"] = _token;
        }

        // Only the framework-dependent build needs it.
        start.Environment["DOTNET_ROOT"] = Environment.GetEnvironmentVariable("DOTNET_ROOT") ?? "/usr/share/dotnet";
        start.Environment["SERVER"] = _address ?? "";
        if (_issuer is not null)
        {
            start.Environment["ISSUER"] = _issuer.Issuer;
            start.Environment["SSL_CERT_FILE"] = Path.Combine(_folder, "issuer.pem");
            start.Environment["BROWSER"] = Path.Combine(_folder, "browser");
        }

        foreach ((string name, string value) in _proofs?.Environment(_folder) ?? [])
        {
            start.Environment[name] = value;
        }

        return start;
    }

    [GeneratedRegex("serving on (https://[^ ,]+)")]
    private static partial Regex Serving();

    [GeneratedRegex(@"\[(invitation|seed|recovery|code)\]")]
    private static partial Regex Placeholder();

    [GeneratedRegex(@"\Ar-[a-z2-9]{8,16}(?=\s|\z)")]
    private static partial Regex Request();

    [GeneratedRegex(@"\A(?:(?<name>invitation|seed)  +(?<value>.+)|(?<value>[0-9a-z]{4}(?:-[0-9a-z]{4}){3}))\z", RegexOptions.ExplicitCapture | RegexOptions.IgnoreCase)]
    private static partial Regex Shown();
}
