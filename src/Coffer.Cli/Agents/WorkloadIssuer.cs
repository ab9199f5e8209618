using Coffer.Client;
using Coffer.Contracts;
using Coffer.Launch;
using Coffer.Workload;
using Coffer.Workload.Doors;

namespace Coffer.Cli.Agents;

/// <summary>A proof for one call to the server, disposed when that is over; null where the kernel proves the caller at the server's socket.</summary>
internal delegate ValueTask<SecretText?> ServerProof(CancellationToken cancellationToken);

/// <summary>
/// Issues for one workload, with the rights of whoever runs this: a person who starts a program, or a machine's agent. A refusal of the server
/// becomes a <see cref="WorkloadException"/>; a server that is away does not.
/// </summary>
internal sealed class WorkloadIssuer
{
    private const int TokenSeconds = 900, KeySeconds = 3600;

    private readonly CofferClientOptions _server;
    private readonly ServerProof _proof;
    private readonly string? _principal;
    private readonly string _session;
    private string? _vault;

    /// <param name="server">Where the server is.</param>
    /// <param name="proof">What proves who asks.</param>
    /// <param name="principal">The workload; null for who asks.</param>
    /// <param name="vault">The vault that its calls land in; null for its home.</param>
    /// <param name="session">Shown in the trail.</param>
    public WorkloadIssuer(CofferClientOptions server, ServerProof proof, string? principal, string? vault, string session)
    {
        _server = server;
        _proof = proof;
        _principal = principal;
        _vault = vault;
        _session = session;
    }

    /// <summary>Told of everything issued: the audience, what the trail calls it, and its end.</summary>
    public Action<string, string, DateTimeOffset> Issued { get; init; } = (_, _, _) => { };

    /// <summary>A bearer token.</summary>
    public ValueTask<DoorToken> IssueTokenAsync(string audience, CancellationToken cancellationToken) => RefusedAsync(() => TokenAsync(audience, cancellationToken));

    /// <summary>A temporary AWS access key.</summary>
    public ValueTask<AwsSessionCredentials> IssueKeyAsync(CancellationToken cancellationToken) => RefusedAsync(() => AskAsync(async client =>
    {
        using SessionCredentials issued = await client.IssueSessionAsync(new() { Principal = _principal, Vault = _vault, Seconds = KeySeconds, Name = _session }, cancellationToken).ConfigureAwait(false);
        Issued("aws", issued.AccessKeyId, issued.Expiration);
        return new AwsSessionCredentials(issued.AccessKeyId, issued.SecretAccessKey.Utf8.ToArray(), issued.SessionToken.Reveal(), issued.Expiration);
    }, cancellationToken));

    /// <summary>
    /// Who the workload is, as the server tells the workload itself: whoever may act as it needs no right to look it up. With <paramref name="withNumber"/> the
    /// vault's number too, which the workload must be allowed to see. A refusal is the client's exception here, with the server's code.
    /// </summary>
    public async ValueTask<WorkloadIdentity> IdentifyAsync(bool withNumber, CancellationToken cancellationToken)
    {
        using DoorToken token = await TokenAsync(CofferApiToken.Audience, cancellationToken).ConfigureAwait(false);
        using SecretText shown = new(token.Value);
        using CofferClient client = new(_server with { Token = shown });
        WhoAmI self;
        try
        {
            self = await client.WhoAmIAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (CofferClientException unknown) when (unknown.Status == 401)
        {
            // It was issued a moment ago: what is wrong is whom it is for.
            throw new CliException(CofferExit.Unauthenticated, $"{_principal ?? "the agent's principal"} is disabled", $"coffer principal enable {_principal ?? "NAME"}");
        }

        string vault = _vault ?? self.Home ?? throw new WorkloadException($"{self.Principal} has no home vault", "say --vault, or give it one: coffer principal create --home");
        _vault = vault;
        string number = withNumber ? (await client.GetVaultAsync(vault, cancellationToken).ConfigureAwait(false)).Number : "";
        return new WorkloadIdentity { Name = self.Principal, Id = self.Id, Vault = vault, VaultNumber = number };
    }

    /// <summary>Whether the server refused, and would again: no other failure is its last word.</summary>
    public static bool IsRefusal(CofferClientException failure) => failure.Status is >= 400 and < 500 and not 408 and not 429;

    private Task<DoorToken> TokenAsync(string audience, CancellationToken cancellationToken) => AskAsync(async client =>
    {
        using IssuedBearerToken issued = await client.IssueTokenAsync(
            new() { Principal = _principal, Vault = _vault, Audience = audience, Seconds = TokenSeconds, Name = _session }, cancellationToken).ConfigureAwait(false);
        Issued(audience, issued.Id, issued.Expiration);
        return new DoorToken(issued.Token.Utf8.ToArray(), issued.Expiration);
    }, cancellationToken);

    private async Task<T> AskAsync<T>(Func<CofferClient, Task<T>> ask, CancellationToken cancellationToken)
    {
        using SecretText? token = await _proof(cancellationToken).ConfigureAwait(false);
        using CofferClient client = new(_server with { Token = token });
        return await ask(client).ConfigureAwait(false);
    }

    private static async ValueTask<T> RefusedAsync<T>(Func<Task<T>> call)
    {
        try
        {
            return await call().ConfigureAwait(false);
        }
        catch (CofferClientException refused) when (IsRefusal(refused))
        {
            throw new WorkloadException(refused.Message, refused.RequestId is { } id ? $"coffer why {id}" : "the server's trail tells more");
        }
    }
}
