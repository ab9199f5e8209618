using System.Collections.Immutable;
using Coffer.Core.Access;
using Coffer.Trusts.Aws;
using Coffer.Trusts.Certificates;
using Coffer.Trusts.Kubernetes;
using Coffer.Trusts.Outbound;
using Coffer.Trusts.Tokens;

namespace Coffer.Trusts;

/// <summary>What verifies the proofs of every kind of trust but the local user's.</summary>
public static class TrustVerifiers
{
    /// <summary>A verifier for each kind; they live as long as the server and share one way out.</summary>
    /// <param name="clock">The clock: ages and ends of proofs, and how long keys are kept.</param>
    public static ImmutableArray<ITrustVerifier> All(TimeProvider clock)
    {
        OutboundHttp http = new(clock);
        return [new WebTokenVerifier(new(http, clock), clock), new TokenReviewVerifier(http), new CallerIdentityVerifier(http, clock), new CertificateVerifier(clock)];
    }
}
