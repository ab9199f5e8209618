using System.Collections.Frozen;
using System.Collections.Immutable;
using Coffer.Core.Access;
using Coffer.Core.Secrets;

namespace Coffer.Protocols.Aws.Tests;

/// <summary>Takes the tokens that a test named, by their texts: what makes a token genuine is Coffer.Trusts' to test.</summary>
public sealed class StandInIssuer : ITrustVerifier
{
    public Dictionary<string, ProvenClaims> Tokens { get; } = [];

    public ImmutableArray<TrustKind> Kinds => [TrustKind.WebToken];

    public void Add(string token, long? expires, params (string Name, string Value)[] claims) =>
        Tokens[token] = new(claims.ToFrozenDictionary(c => c.Name, c => ImmutableArray.Create(c.Value)), expires);

    public void Check(Trust trust)
    {
    }

    public ValueTask<(ProvenClaims? Claims, string Reason)> VerifyAsync(Trust trust, SecretValue? secret, TrustProof proof, CancellationToken cancellationToken) =>
        ValueTask.FromResult(proof is TrustProof.WebToken { Token: var text } && Tokens.TryGetValue(text, out ProvenClaims? claims) ? (claims, "") : ((ProvenClaims?)null, "not a token of mine"));
}
