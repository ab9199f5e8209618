using System.Collections.Frozen;
using System.Collections.Immutable;
using Coffer.Core.Secrets;

namespace Coffer.Core.Access;

/// <summary>What is shown in place of a stored secret. Prints as its kind only.</summary>
public abstract record TrustProof
{
    private TrustProof()
    {
    }

    /// <inheritdoc/>
    public sealed override string ToString() => GetType().Name + " ***";

    /// <summary>A signed web token, in its compact form.</summary>
    /// <param name="Token">The token as received.</param>
    public sealed record WebToken(string Token) : TrustProof;

    /// <summary>A request to a cloud's identity endpoint that the client signed and we are to send.</summary>
    /// <param name="Method">Its method.</param>
    /// <param name="Url">Where the client says it goes; only its path and query are of interest.</param>
    /// <param name="Headers">Its headers, names in lower case.</param>
    /// <param name="Body">Its body.</param>
    public sealed record SignedRequest(string Method, string Url, ImmutableSortedDictionary<string, string> Headers, ReadOnlyMemory<byte> Body) : TrustProof;

    /// <summary>The certificate that the client authenticated its TLS connection with.</summary>
    /// <param name="Der">The certificate.</param>
    public sealed record ClientCertificate(ReadOnlyMemory<byte> Der) : TrustProof;
}

/// <summary>What a verified proof says.</summary>
/// <param name="Values">Claims by name, nested names joined by <c>.</c>; a claim that is a list has several values.</param>
/// <param name="Expires">End of the proof, UTC microseconds, or null: nothing got with it outlives it.</param>
public sealed record ProvenClaims(FrozenDictionary<string, ImmutableArray<string>> Values, long? Expires);

/// <summary>
/// Verifies proofs of one or more kinds of trust. Lives outside the core, which knows no network and no token format.
/// Never throws for a wrong proof.
/// </summary>
public interface ITrustVerifier
{
    /// <summary>The kinds it verifies.</summary>
    ImmutableArray<TrustKind> Kinds { get; }

    /// <summary>Refuses settings that cannot be verified with, when they are written. Throws <c>InvalidRequest</c>.</summary>
    /// <param name="trust">The trust as it would be stored.</param>
    void Check(Trust trust);

    /// <summary>
    /// Whether a proof is genuine, of this trust's issuer, for one of its audiences, and within its time. Claims are matched
    /// by the core. Null claims and a reason (for the trail, never raw input) where it is not.
    /// </summary>
    /// <param name="trust">The trust that it is shown to.</param>
    /// <param name="secret">The verifier's own secret, or null. The caller disposes it.</param>
    /// <param name="proof">What was shown.</param>
    /// <param name="cancellationToken">Gives up.</param>
    ValueTask<(ProvenClaims? Claims, string Reason)> VerifyAsync(Trust trust, SecretValue? secret, TrustProof proof, CancellationToken cancellationToken);
}
