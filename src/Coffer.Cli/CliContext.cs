using Coffer.Cli.Output;
using Coffer.Client;
using Coffer.Core.Errors;
using Coffer.Core.Sealing;
using Coffer.Launch;
using Coffer.Server;

namespace Coffer.Cli;

/// <summary>What every command gets: the terminal, the clock, the way to the server; and the one place where failures become a problem, a hint and an exit code.</summary>
internal sealed class CliContext(Terminal terminal, TimeProvider clock)
{
    public Terminal Terminal { get; } = terminal;

    public TimeProvider Clock { get; } = clock;

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

    private static (int Exit, string Problem, string? Hint)? Explain(Exception failure) => failure switch
    {
        CliException own => (own.Exit, own.Message, own.Hint),
        CofferClientException answered => (ExitOf(answered.Code), answered.Message, HintOf(answered.Code, answered.RequestId)),
        CofferException core => (ExitOf(core.Code.ToString()), core.Message, null),
        ServerStartException start => (CofferExit.Unavailable, start.Message, start.Hint),
        SealRefusedException refused => (refused.Reason == SealRefusal.Unsafe ? CofferExit.Refused : CofferExit.Invalid, refused.Message, null),
        SealIntegrityException => (CofferExit.Invalid, "the file is damaged, or not a backup", null),
        HttpRequestException or System.Net.Sockets.SocketException => (CofferExit.Unavailable, "the server cannot be reached", "is it running? coffer status tells; COFFER_SOCKET or COFFER_ADDR say where it is"),
        UnauthorizedAccessException or IOException => (CofferExit.Failure, failure.Message.TrimEnd('.'), null),
        _ => null,
    };

    private static int ExitOf(string code) => code.Replace("_", "", StringComparison.Ordinal).ToLowerInvariant() switch
    {
        "notfound" or "versionnotfound" or "labelnotfound" => CofferExit.NotFound,
        "accessdenied" => CofferExit.AccessDenied,
        "unauthenticated" or "credentialexpired" => CofferExit.Unauthenticated,
        "alreadyexists" or "tokeninuse" or "versionconflict" or "labelconflict" or "deleted" or "preconditionfailed" or "disabled" or "destroyed" => CofferExit.Conflict,
        "invalidrequest" or "invalidname" or "invalidcombination" or "toolarge" or "invalidpagetoken" or "quotaexceeded" => CofferExit.Invalid,
        "sealed" or "unavailable" or "throttled" => CofferExit.Unavailable,
        _ => CofferExit.Failure,
    };

    private static string? HintOf(string code, string? requestId) => code.Replace("_", "", StringComparison.Ordinal).ToLowerInvariant() switch
    {
        "sealed" => "coffer unseal",
        "accessdenied" => requestId is null ? null : $"the trail says why: request {requestId}",
        "deleted" => "coffer recover brings it back",
        "unauthenticated" => "set COFFER_TOKEN, or use the local socket as the user who ran coffer init",
        _ => null,
    };
}
