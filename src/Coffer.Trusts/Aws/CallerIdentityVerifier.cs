using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using Coffer.Core.Access;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;
using Coffer.Trusts.Outbound;

namespace Coffer.Trusts.Aws;

/// <summary>
/// AWS identities: the client signs a GetCallerIdentity and we put it to the trust's endpoint, which says whose key signed it. The
/// trust's issuer is that endpoint; nothing that a client sends chooses where the call goes.
/// </summary>
internal sealed class CallerIdentityVerifier(OutboundHttp http, TimeProvider clock) : ITrustVerifier
{
    private readonly DateTimeOffset _started = clock.GetUtcNow();
    private readonly SeenSignatures _seen = new(clock, SignedIdentityRequest.MaxAge + SignedIdentityRequest.MaxAhead);

    public ImmutableArray<TrustKind> Kinds => [TrustKind.AwsIdentity];

    public void Check(Trust trust)
    {
        if (TrustEndpoint.Of(trust).Address.AbsolutePath != "/")
        {
            throw Error.InvalidRequest("the issuer is an endpoint without a path, such as https://sts.eu-central-1.amazonaws.com", "issuer");
        }

        if (!trust.Sealed.IsEmpty)
        {
            throw Error.InvalidRequest("a trust in AWS identities has no secret of its own", "secret");
        }

        // Every account of AWS gets an answer: the account is the least that tells one's own from all others.
        if (!(trust.Claims.TryGetValue("account", out string? account) && account.Length == 12 && account.All(char.IsAsciiDigit))
            && !(trust.Claims.TryGetValue("arn", out string? arn) && arn.Split(':', 6) is ["arn", { Length: > 0 }, _, _, { Length: 12 } owner, _] && owner.All(char.IsAsciiDigit))
            && !(trust.Claims.TryGetValue("userid", out string? user) && !user.AsSpan().ContainsAny('*', '?')))
        {
            throw Error.InvalidRequest("pin the account, an arn with the account in it (arn:aws:sts::123456789012:assumed-role/shop/*), or the userid", "claims");
        }
    }

    public async ValueTask<(ProvenClaims? Claims, string Reason)> VerifyAsync(Trust trust, SecretValue? secret, TrustProof proof, CancellationToken cancellationToken)
    {
        if (proof is not TrustProof.SignedRequest request)
        {
            return (null, "not a proof of this kind");
        }

        try
        {
            TrustEndpoint endpoint = TrustEndpoint.Of(trust);
            string authority = endpoint.Address.IsDefaultPort ? endpoint.Address.Host : string.Create(CultureInfo.InvariantCulture, $"{endpoint.Address.Host}:{endpoint.Address.Port}");
            if (SignedIdentityRequest.Parse(request, authority, trust.Audiences, clock.GetUtcNow(), out string reason) is not { } signed)
            {
                return (null, reason);
            }

            // What was taken before a restart is not remembered: older ones are not taken at all.
            if (signed.Time.AddSeconds(1) <= _started)
            {
                return (null, "the request was signed before this server started, and may have been shown then");
            }

            if (_seen.Contains(signed.Signature))
            {
                return (null, "the request was shown before");
            }

            // The query goes out as it was signed, escapes and all.
            Uri target = new("https://" + authority + "/" + (signed.Query.Length == 0 ? "" : "?" + signed.Query), new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });
            OutboundAnswer answer = await http.SendAsync(
                new()
                {
                    Target = target,
                    Method = signed.IsPost ? HttpMethod.Post : HttpMethod.Get,
                    Headers = signed.Headers,
                    Body = signed.IsPost ? "Action=GetCallerIdentity&Version=2011-06-15"u8.ToArray() : null,
                    PrivateNetworks = endpoint.PrivateNetworks,
                    Roots = endpoint.Roots,
                },
                cancellationToken).ConfigureAwait(false);
            if (answer.Status != HttpStatusCode.OK)
            {
                return (null, $"the endpoint answered {(int)answer.Status}");
            }

            if (CallerIdentity.Parse(answer.Body) is not { } claims)
            {
                return (null, "the endpoint's answer is not that of GetCallerIdentity");
            }

            // Only what was genuine is remembered, so that nobody can fill the memory with forgeries.
            return _seen.Add(signed.Signature) ? (new(claims, null), "") : (null, "the request was shown before");
        }
        catch (OutboundException failure)
        {
            return (null, "the endpoint was not asked: " + failure.Message);
        }
        catch (CofferException)
        {
            return (null, "the trust's settings cannot be used");
        }
    }
}

/// <summary>Signatures that were taken, for as long as they could be shown again.</summary>
internal sealed class SeenSignatures(TimeProvider clock, TimeSpan kept)
{
    private const int Most = 100_000;

    private readonly ConcurrentDictionary<string, long> _seen = new(StringComparer.Ordinal);

    public bool Contains(string signature) => _seen.ContainsKey(signature);

    /// <summary>Whether it is new. Where there is no room nothing is: refused is better than taken twice.</summary>
    public bool Add(string signature)
    {
        if (_seen.Count >= Most)
        {
            foreach ((string old, long at) in _seen)
            {
                if (clock.GetElapsedTime(at) > kept)
                {
                    _seen.TryRemove(old, out _);
                }
            }
        }

        return _seen.Count < Most && _seen.TryAdd(signature, clock.GetTimestamp());
    }
}
