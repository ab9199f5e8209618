namespace Coffer.Workload.Doors;

/// <summary>Bearer tokens by audience, each renewed at two thirds of its life. How many there may be is bounded: a program asks for a few.</summary>
internal sealed class TokenCache(TokenIssuer issue, TimeProvider clock, Renewal? renewal = null) : IDisposable
{
    private const int MostAudiences = 64;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Renewed<DoorToken>> _tokens = new(StringComparer.Ordinal);

    /// <summary>The token of an audience. Throws as <see cref="Renewed{T}.UseAsync"/>, and <see cref="WorkloadException"/> where there are too many audiences.</summary>
    public ValueTask<TResult> UseAsync<TResult>(string audience, Func<DoorToken, TResult> use, CancellationToken cancellationToken)
    {
        Renewed<DoorToken>? token;
        lock (_gate)
        {
            if (!_tokens.TryGetValue(audience, out token))
            {
                if (_tokens.Count == MostAudiences)
                {
                    throw new WorkloadException($"tokens for more than {MostAudiences} audiences were asked for", "start the program again, or let it ask for fewer");
                }

                _tokens[audience] = token = new(stop => issue(audience, stop), t => t.Expires, Renewed<DoorToken>.TwoThirds, clock, renewal);
            }
        }

        return token.UseAsync(use, cancellationToken);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_gate)
        {
            foreach (Renewed<DoorToken> token in _tokens.Values)
            {
                token.Dispose();
            }
        }
    }
}
