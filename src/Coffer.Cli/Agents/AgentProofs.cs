using System.Security.Cryptography;
using Coffer.Client;
using Coffer.Contracts;
using Coffer.Launch;
using Coffer.Workload;
using Coffer.Workload.Agent;

namespace Coffer.Cli.Agents;

/// <summary>The agent's own proof, made anew for each call, so that nothing long-lived stays in memory and a renewed file counts at once.</summary>
internal static class AgentProofs
{
    /// <summary>By what the configuration names. Throws <see cref="CliException"/> and <see cref="WorkloadException"/>.</summary>
    public static ServerProof Create(CofferClientOptions server, AgentProof? proof)
    {
        if (server.Token is not null)
        {
            server.Token.Dispose();
            throw new CliException(CofferExit.Refused, "an agent takes no token from its environment", "put it into a file of mode 0600 and say --token-file, or load it with systemd and say --credential");
        }

        switch (proof)
        {
            case null or { TokenFile: null, Credential: null, Trust: null }:
                return server.SocketPath is not null
                    ? _ => ValueTask.FromResult<SecretText?>(null)
                    : throw new CliException(CofferExit.Usage, "the agent has no proof of its own", "say --token-file, --credential, or --trust with --token-file; over the server's local socket none is needed");
            case { Trust: { } trust, TokenFile: { } projected, Credential: null }:
                CredentialFile web = CredentialFile.Projected(projected);
                return cancellation => ExchangeAsync(server, trust, web, cancellation);
            case { TokenFile: { } path, Credential: null, Trust: null }:
                return Of(CredentialFile.Private(path));
            case { Credential: { } name, TokenFile: null, Trust: null }:
                return Of(CredentialFile.FromSystemd(name));
            default:
                throw new CliException(CofferExit.Usage, "the agent's proof is one of: a token file, a systemd credential, a trust with a token file");
        }
    }

    private static ServerProof Of(CredentialFile file) => _ => ValueTask.FromResult<SecretText?>(Secret(file));

    /// <summary>The platform's token for a short-lived one of the agent's principal.</summary>
    private static async ValueTask<SecretText?> ExchangeAsync(CofferClientOptions server, string trust, CredentialFile file, CancellationToken cancellationToken)
    {
        using TrustLogin login = new() { Trust = trust, Token = Secret(file), Name = "coffer-agent" };
        using CofferClient client = new(server);
        using TrustSession session = await client.LoginByTrustAsync(login, cancellationToken).ConfigureAwait(false);
        return new(session.Token!.Utf8);
    }

    private static SecretText Secret(CredentialFile file)
    {
        byte[] text = file.Read();
        try
        {
            return new(text);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(text);
        }
    }
}
