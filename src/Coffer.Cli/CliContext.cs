using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Coffer.Cli.Output;
using Coffer.Client;
using Coffer.Core.Errors;
using Coffer.Core.Sealing;
using Coffer.Launch;
using Coffer.Login;
using Coffer.Login.Sessions;
using Coffer.Server;

namespace Coffer.Cli;

/// <summary>What every command gets: the terminal, the clock, the way to the server; and the one place where failures become a problem, a hint and an exit code.</summary>
internal sealed class CliContext(Terminal terminal, TimeProvider clock)
{
    private const string SocketPrefix = "unix:";

    public Terminal Terminal { get; } = terminal;

    public TimeProvider Clock { get; } = clock;

    /// <summary>Answers in JSON in place of text.</summary>
    public Option<bool> JsonOption { get; } = new("--json") { Description = "answer in JSON", Recursive = true };

    /// <summary>The local socket.</summary>
    public Option<string?> SocketOption { get; } = new("--socket") { Description = "the server's local socket (default: COFFER_SOCKET, else ~/.coffer/coffer.sock)", HelpName = "FILE", Recursive = true };

    /// <summary>The server's address.</summary>
    public Option<string?> AddressOption { get; } = new("--address") { Description = "the server's address (default: COFFER_ADDR), with COFFER_TOKEN and COFFER_CACERT; with no server named and no token, the one logged in to last", HelpName = "URL", Recursive = true };

    /// <summary>Whether the answer is to be JSON.</summary>
    public bool Json(ParseResult parsed) => parsed.GetValue(JsonOption);

    /// <summary>The way to the server.</summary>
    public CofferClient Connect(ParseResult parsed) =>
        new(ServerOptions(parsed.GetValue(SocketOption), parsed.GetValue(AddressOption)));

    /// <summary>The answer: JSON where asked for, else text.</summary>
    public void Answer<T>(ParseResult parsed, T answer, JsonTypeInfo<T> type, Action text)
    {
        if (Json(parsed))
        {
            WriteJson(answer, type);
        }
        else
        {
            text();
        }
    }

    /// <summary>One JSON document and a line end, straight to stdout: values are not made strings on the way.</summary>
    public void WriteJson<T>(T answer, JsonTypeInfo<T> type)
    {
        Terminal.Out.Flush();
        using Stream stream = Console.OpenStandardOutput();
        JsonSerializer.Serialize(stream, answer, type);
        stream.Write("\n"u8);
    }

    public async Task<int> RunAsync(Func<Terminal, Task<int>> command)
    {
        try
        {
            return await command(Terminal).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return CofferExit.Interrupted;
        }
        catch (Exception failure) when (Explain(failure) is { } known)
        {
            Terminal.Remark($"coffer: {known.Problem}");
            if (known.Hint is not null)
            {
                Terminal.Remark($"hint: {known.Hint}");
            }

            return known.Exit;
        }
    }

    /// <summary>Where the user's sessions are.</summary>
    public SessionFolder Sessions => field ??= SessionFolder.OfUser(Clock);

    /// <summary>
    /// The way to the server, with the session of whoever logged in there where no token is given otherwise. A token that is given goes to
    /// no server that was not named.
    /// </summary>
    public CofferClientOptions ServerOptions(string? socket, string? address)
    {
        CofferClientOptions options = Place(socket, address);
        if (options.Token is not null)
        {
            return options;
        }

        options = PlaceOrLast(socket, address);
        return Sessions.Find(StoredSession.ServerOf(options)) is { } session ? options with { Token = session.Token, CaFile = options.CaFile ?? session.CaFile } : options;
    }

    /// <summary>Which server, with the token of the environment: what was said on the command line, else the environment, else the socket of the server in the home folder.</summary>
    public static CofferClientOptions Place(string? socket, string? address)
    {
        CofferClientOptions options = Named(socket, address);
        return IsNamed(options) ? options : options with { SocketPath = OwnSocket };
    }

    /// <summary>
    /// As <see cref="Place"/>, without a token; where no server is named and none is in the home folder, the server that was logged in to
    /// last. For that session, and for a login in its place: no other proof goes to a server that nobody named.
    /// </summary>
    public CofferClientOptions PlaceOrLast(string? socket, string? address)
    {
        CofferClientOptions options = Named(socket, address) with { Token = null };
        if (IsNamed(options))
        {
            return options;
        }

        return File.Exists(OwnSocket) || Sessions.LastServer(Warn) is not { } last ? options with { SocketPath = OwnSocket } : PlaceOf(last) with { CaFile = options.CaFile };
    }

    /// <summary>The way to a server by its name in a session.</summary>
    public static CofferClientOptions PlaceOf(string server) =>
        server.StartsWith(SocketPrefix, StringComparison.Ordinal) ? new() { SocketPath = server[SocketPrefix.Length..] } : new() { Address = new(server) };

    private static string OwnSocket => Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".coffer", "coffer.sock");

    private static bool IsNamed(CofferClientOptions options) => options.SocketPath is not null || options.Address is not null;

    private static CofferClientOptions Named(string? socket, string? address)
    {
        CofferClientOptions options = CofferClientOptions.FromEnvironment();
        return socket is not null ? options with { SocketPath = socket }
            : address is null ? options
            : Uri.TryCreate(address, UriKind.Absolute, out Uri? uri) ? options with { SocketPath = null, Address = uri }
            : throw new CliException(CofferExit.Usage, "the address is not of the form https://host:port");
    }

    private void Warn(LoginException refused) => Terminal.Remark($"coffer: warning: {refused.Message}");

    private static (int Exit, string Problem, string? Hint)? Explain(Exception failure) => failure switch
    {
        CliException own => (own.Exit, own.Message, own.Hint),
        CofferClientException answered => (ExitOf(answered.Code), answered.Message, HintOf(answered.Code, answered.Problem.RequestId)),
        LoginException login => (ExitOf(login.Fault), login.Message, login.Hint),
        CofferException core => (ExitOf(core.Code.ToString()), core.Message, null),
        Workload.WorkloadException surroundings => (CofferExit.Invalid, surroundings.Message, surroundings.Hint),
        ServerStartException start => (CofferExit.Unavailable, start.Message, start.Hint),
        SealRefusedException refused => (refused.Reason == SealRefusal.Unsafe ? CofferExit.Refused : CofferExit.Invalid, refused.Message, null),
        SealIntegrityException => (CofferExit.Invalid, "the file is damaged, or not a backup", null),
        HttpRequestException or System.Net.Sockets.SocketException => (CofferExit.Unavailable, "the server cannot be reached", "is it running? coffer status tells; COFFER_SOCKET or COFFER_ADDR say where it is"),
        // What the client says of the options it was given; a parameter's name is in none of it, but in what is a fault of this program.
        ArgumentException { ParamName: null } wrong => (CofferExit.Usage, wrong.Message, null),
        UnauthorizedAccessException or IOException => (CofferExit.Failure, failure.Message.TrimEnd('.'), null),
        _ => null,
    };

    private static int ExitOf(LoginFault fault) => fault switch
    {
        LoginFault.Ended or LoginFault.Declined => CofferExit.Unauthenticated,
        LoginFault.Unavailable => CofferExit.Unavailable,
        _ => CofferExit.Refused,
    };

    private static int ExitOf(string code) => code.Replace("_", "", StringComparison.Ordinal).ToLowerInvariant() switch
    {
        "notfound" or "versionnotfound" or "labelnotfound" => CofferExit.NotFound,
        "accessdenied" => CofferExit.AccessDenied,
        "unauthenticated" or "credentialexpired" => CofferExit.Unauthenticated,
        "alreadyexists" or "tokeninuse" or "versionconflict" or "labelconflict" or "deleted" or "preconditionfailed" or "disabled" or "destroyed" => CofferExit.Conflict,
        "invalidrequest" or "invalidname" or "invalidcombination" or "toolarge" or "invalidpagetoken" or "quotaexceeded" => CofferExit.Invalid,
        "sealed" or "unavailable" or "throttled" or "unreachable" or "timedout" => CofferExit.Unavailable,
        _ => CofferExit.Failure,
    };

    private static string? HintOf(string code, string? requestId) => code.Replace("_", "", StringComparison.Ordinal).ToLowerInvariant() switch
    {
        "sealed" => "coffer unseal",
        "unreachable" => "is it running? COFFER_SOCKET or COFFER_ADDR say where it is; coffer serve starts one",
        "accessdenied" => requestId is null ? null : $"coffer why {requestId}",
        "deleted" => "coffer recover brings it back",
        "unauthenticated" or "credentialexpired" => "coffer login, set COFFER_TOKEN, or use the local socket as the user who ran coffer init",
        _ => null,
    };
}
