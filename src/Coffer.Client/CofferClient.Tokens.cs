using Coffer.Contracts;

namespace Coffer.Client;

public sealed partial class CofferClient
{
    /// <summary>A short-lived bearer token. Dispose the answer.</summary>
    public Task<IssuedBearerToken> IssueTokenAsync(NewBearerToken token, CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Post, "/coffer/v1/tokens", ContractsJson.Default.IssuedBearerToken, cancellationToken, Body(token, ContractsJson.Default.NewBearerToken));

    /// <summary>Who may act as a principal.</summary>
    public Task<AssumerList> ListAssumersAsync(string principal, CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Get, AssumedByPath(principal), ContractsJson.Default.AssumerList, cancellationToken);

    /// <summary>Lets a principal, or each member of a group, act as another principal.</summary>
    public Task<Assumer> AllowAssumingAsync(string principal, Assumer by, CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Post, AssumedByPath(principal), ContractsJson.Default.Assumer, cancellationToken, Body(by, ContractsJson.Default.Assumer));

    /// <summary>Ends that; what was given before goes on to its end. Throws <see cref="ArgumentException"/> where <paramref name="by"/> names nobody.</summary>
    public Task ForbidAssumingAsync(string principal, Assumer by, CancellationToken cancellationToken = default) =>
        CallAsync(HttpMethod.Delete, $"{AssumedByPath(principal)}/{(by.Group is { } group ? $"groups/{Part(group)}" : $"principals/{Part(by.Principal ?? "")}")}", cancellationToken);

    private static string AssumedByPath(string principal) => $"{PrincipalsPath}/{Part(principal)}/assumed-by";
}
