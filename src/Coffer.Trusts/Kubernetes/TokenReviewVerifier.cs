using System.Buffers;
using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Net;
using System.Text.Json;
using Coffer.Core.Access;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;
using Coffer.Trusts.Outbound;
using Coffer.Trusts.Tokens;

namespace Coffer.Trusts.Kubernetes;

/// <summary>
/// Service account tokens, shown to the API server that made them (TokenReview). It knows what a signature does not say: that the
/// pod and the account still exist. The trust's secret is the token that may ask; its issuer is the API server.
/// </summary>
internal sealed class TokenReviewVerifier(OutboundHttp http) : ITrustVerifier
{
    private const string Prefix = "system:serviceaccount:";

    public ImmutableArray<TrustKind> Kinds => [TrustKind.Kubernetes];

    public void Check(Trust trust)
    {
        TrustEndpoint.Of(trust);
        if (trust.Sealed.IsEmpty)
        {
            throw Error.InvalidRequest("give the token of a service account that may create token reviews (system:auth-delegator)", "secret");
        }

        if (!trust.Claims.TryGetValue("namespace", out string? pattern) || pattern.AsSpan().ContainsAny('*', '?'))
        {
            throw Error.InvalidRequest("pin the namespace, without wildcards: whoever may run pods in another one gets such tokens too", "claims");
        }
    }

    public async ValueTask<(ProvenClaims? Claims, string Reason)> VerifyAsync(Trust trust, SecretValue? secret, TrustProof proof, CancellationToken cancellationToken)
    {
        if (proof is not TrustProof.WebToken { Token: { } token } || secret is null)
        {
            return (null, "not a proof of this kind");
        }

        // What is no token of that form is nothing to ask anybody about.
        using CompactToken? parsed = CompactToken.Parse(token, out string reason);
        if (parsed is null)
        {
            return (null, reason);
        }

        try
        {
            TrustEndpoint endpoint = TrustEndpoint.Of(trust);
            OutboundAnswer answer = await http.SendAsync(
                new()
                {
                    Target = new(endpoint.Address.AbsoluteUri.TrimEnd('/') + "/apis/authentication.k8s.io/v1/tokenreviews"),
                    Method = HttpMethod.Post,
                    Headers = [("Accept", "application/json"), ("Content-Type", "application/json")],
                    Body = Review(token, trust.Audiences),
                    Bearer = secret,
                    PrivateNetworks = endpoint.PrivateNetworks,
                    Roots = endpoint.Roots,
                },
                cancellationToken).ConfigureAwait(false);
            if (answer.Status is not (HttpStatusCode.OK or HttpStatusCode.Created))
            {
                return (null, $"the API server answered {(int)answer.Status}");
            }

            using JsonDocument? document = StrictJson.ParseObject(answer.Body);
            return document is null ? (null, "the API server's answer is malformed") : Read(trust, document.RootElement, EndOf(parsed));
        }
        catch (OutboundException failure)
        {
            return (null, "the API server was not asked: " + failure.Message);
        }
        catch (CofferException)
        {
            return (null, "the trust's settings cannot be used");
        }
    }

    private static ReadOnlyMemory<byte> Review(string token, ImmutableArray<string> audiences)
    {
        ArrayBufferWriter<byte> body = new();
        using Utf8JsonWriter writer = new(body);
        writer.WriteStartObject();
        writer.WriteString("apiVersion"u8, "authentication.k8s.io/v1"u8);
        writer.WriteString("kind"u8, "TokenReview"u8);
        writer.WriteStartObject("spec"u8);
        writer.WriteString("token"u8, token);
        writer.WriteStartArray("audiences"u8);
        foreach (string audience in audiences)
        {
            writer.WriteStringValue(audience);
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
        writer.WriteEndObject();
        writer.Flush();
        return body.WrittenMemory;
    }

    private static (ProvenClaims? Claims, string Reason) Read(Trust trust, JsonElement answer, long? end)
    {
        if (!answer.TryGetProperty("status", out JsonElement status) || status.ValueKind != JsonValueKind.Object
            || !status.TryGetProperty("authenticated", out JsonElement authenticated) || authenticated.ValueKind != JsonValueKind.True)
        {
            return (null, "the API server does not know the token");
        }

        // A server that does not know audiences says nothing of them: then the token may be meant for anybody.
        if (!status.TryGetProperty("audiences", out JsonElement audiences) || audiences.ValueKind != JsonValueKind.Array
            || !audiences.EnumerateArray().Any(a => a.ValueKind == JsonValueKind.String && trust.Audiences.Contains(a.GetString()!, StringComparer.Ordinal)))
        {
            return (null, "the token is for another audience");
        }

        if (!status.TryGetProperty("user", out JsonElement user) || user.ValueKind != JsonValueKind.Object
            || StrictJson.Text(user, "username") is not { } name || !name.StartsWith(Prefix, StringComparison.Ordinal) || name[Prefix.Length..].Split(':') is not [{ Length: > 0 } space, { Length: > 0 } account])
        {
            return (null, "the token is not of a service account");
        }

        Dictionary<string, ImmutableArray<string>> values = new(StringComparer.Ordinal) { ["username"] = [name], ["namespace"] = [space], ["serviceaccount"] = [account] };
        Add(values, "uid", StrictJson.Text(user, "uid"));
        if (user.TryGetProperty("extra", out JsonElement extra) && extra.ValueKind == JsonValueKind.Object)
        {
            foreach ((string claim, string key) in new[] { ("pod", "pod-name"), ("pod_uid", "pod-uid"), ("node", "node-name") })
            {
                Add(values, claim, extra.TryGetProperty("authentication.kubernetes.io/" + key, out JsonElement list) && list.ValueKind == JsonValueKind.Array && list.GetArrayLength() == 1 && list[0].ValueKind == JsonValueKind.String
                    ? list[0].GetString()
                    : null);
            }
        }

        return (new(values.ToFrozenDictionary(StringComparer.Ordinal), end), "");
    }

    private static void Add(Dictionary<string, ImmutableArray<string>> values, string claim, string? value)
    {
        if (value is { Length: > 0 })
        {
            values.Add(claim, [value]);
        }
    }

    /// <summary>The end that the token, genuine by then, names.</summary>
    private static long? EndOf(CompactToken token) =>
        token.Claims.TryGetProperty("exp", out JsonElement end) && end.ValueKind == JsonValueKind.Number && end.TryGetInt64(out long seconds) && seconds is > 0 and < 253_402_300_800 ? seconds * 1_000_000 : null;
}
