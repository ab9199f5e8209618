using System.Security.Cryptography;

namespace Coffer.Workload.Doors;

/// <summary>A short-lived bearer token. Whoever holds it disposes it, and it is zeros.</summary>
/// <param name="token">The token, ASCII; owned from here on.</param>
/// <param name="expires">Its end.</param>
public sealed class DoorToken(byte[] token, DateTimeOffset expires) : IDisposable
{
    /// <summary>The token.</summary>
    public ReadOnlySpan<byte> Value => token;

    /// <summary>Its end.</summary>
    public DateTimeOffset Expires { get; } = expires;

    /// <inheritdoc/>
    public void Dispose() => CryptographicOperations.ZeroMemory(token);

    /// <inheritdoc/>
    public override string ToString() => "***";
}

/// <summary>
/// Issues a bearer token for one audience: <c>azure:RESOURCE</c>, <c>google</c>, <c>google-id:AUDIENCE</c>, <c>vault</c>, or <c>coffer</c> for its own API. Throws
/// <see cref="WorkloadException"/> where the server refuses, anything else where it cannot be asked just now.
/// </summary>
public delegate ValueTask<DoorToken> TokenIssuer(string audience, CancellationToken cancellationToken);
