using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Coffer.Core.Access;
using Coffer.Core.Errors;

namespace Coffer.Trusts;

/// <summary>
/// Trusts in systems that everybody knows: each fills in what is always the same, and refuses what would let strangers in. What was given
/// goes before what is filled in.
/// </summary>
public static class TrustPresets
{
    /// <summary>The kind of a trust to which a preset is still to give one.</summary>
    public const TrustKind NoKind = default;

    private static readonly FrozenDictionary<string, Func<NewTrust, NewTrust>> Presets = new Dictionary<string, Func<NewTrust, NewTrust>>
    {
        ["github"] = GitHub,
        ["gitlab"] = GitLab,
        ["kubernetes"] = Kubernetes,
        ["azure"] = Azure,
        ["google"] = Google,
        ["aws"] = Aws,
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>The names, sorted.</summary>
    public static ImmutableArray<string> Names { get; } = [.. Presets.Keys.Order(StringComparer.Ordinal)];

    /// <summary>Fills a preset in. Throws InvalidRequest where there is none of that name, or it would be too wide.</summary>
    /// <param name="preset">One of <see cref="Names"/>.</param>
    /// <param name="given">The trust as far as it was said; its kind may be <see cref="NoKind"/> and its issuer ''.</param>
    public static NewTrust Apply(string preset, NewTrust given) =>
        Presets.TryGetValue(preset, out Func<NewTrust, NewTrust>? fill) ? fill(given) : throw Error.InvalidRequest($"a preset is one of {string.Join(", ", Names)}", "preset");

    private static NewTrust GitHub(NewTrust given)
    {
        // A workflow of pull_request_target runs in the name of the base branch, with what a stranger's pull request brings; to be let in, it is named.
        bool named = given.Claims.ContainsKey("event_name") || (given.Claims.TryGetValue("sub", out string? subject) && subject.Contains(":pull_request", StringComparison.Ordinal));
        // GitHub's tokens live five minutes and its jobs hours: the trust's own limit counts.
        NewTrust filled = WebToken(given, PublicIssuers.GitHub, ("algorithms", new JsonArray("RS256")), ("maxTokenAge", 600), ("sessionOutlivesToken", true));
        filled = named ? filled : filled with { Settings = Merged(filled.Settings, [("refused", new JsonObject { ["event_name"] = "pull_request*" })]) };
        return Narrow(Pinned(PublicIssuers.GitHub, filled), ["ref", "environment", "job_workflow_ref", "event_name"], "repo:", ["ref:refs/heads/", "ref:refs/tags/", "environment:", "job_workflow_ref:"],
            "every branch that anybody may push to would be this principal: pin ref (refs/heads/main), environment, job_workflow_ref, event_name, or sub to its end; ref=* says that all of them are meant");
    }

    private static NewTrust GitLab(NewTrust given)
    {
        NewTrust filled = WebToken(given, PublicIssuers.GitLab, ("algorithms", new JsonArray("RS256")));
        return Narrow(Pinned(PublicIssuers.GitLab, filled), ["ref_protected", "ref", "environment", "environment_protected", "ci_config_ref_uri"], "project_path:", ["ref_type:branch:ref:", "ref_type:tag:ref:"],
            "every branch that anybody may push to would be this principal: pin ref_protected=true, ref, environment, or sub to its end; ref=* says that all of them are meant");
    }

    /// <summary>Whoever may push a branch may run a job on it: which of them are meant has to be said.</summary>
    private static NewTrust Narrow(NewTrust trust, ReadOnlySpan<string> claims, string subjects, ReadOnlySpan<string> behind, string why)
    {
        foreach (string claim in claims)
        {
            if (trust.Claims.ContainsKey(claim))
            {
                return trust;
            }
        }

        return trust.Claims.TryGetValue("sub", out string? subject) && IsNarrow(subject, subjects, behind) ? trust : throw Error.InvalidRequest(why, "claims");
    }

    /// <summary>repo:acme/shop:ref:refs/heads/main: what stands behind the project is said whole, or begins with more than the name of what it is.</summary>
    private static bool IsNarrow(string subject, string subjects, ReadOnlySpan<string> behind)
    {
        if (!subject.StartsWith(subjects, StringComparison.Ordinal) || subject.IndexOf(':', subjects.Length) is not (> 0 and int end))
        {
            return false;
        }

        ReadOnlySpan<char> rest = subject.AsSpan(end + 1);
        int open = rest.IndexOfAny('*', '?');
        if (open < 0)
        {
            return rest.Length > 0;
        }

        foreach (string opening in behind)
        {
            if (open > opening.Length && rest.StartsWith(opening, StringComparison.Ordinal))
            {
                return true;
            }
        }

        return false;
    }

    private static NewTrust Google(NewTrust given)
    {
        NewTrust filled = WebToken(given, PublicIssuers.Google, ("algorithms", new JsonArray("RS256")));
        // An address that its owner has not shown to be theirs is no address.
        return Pinned(PublicIssuers.Google, filled.Claims.ContainsKey("email") ? filled with { Claims = filled.Claims.SetItem("email_verified", "true") } : filled);
    }

    private static NewTrust Azure(NewTrust given)
    {
        string issuer = given.Issuer.Length > 0 ? given.Issuer
            : given.Claims.TryGetValue("tid", out string? tenant) && Guid.TryParseExact(tenant, "D", out _) ? $"{PublicIssuers.AzurePrefix}{tenant}/v2.0"
            : throw Error.InvalidRequest("name the tenant by the claim tid=TENANT-ID, or the issuer", "claims");
        // Tokens of managed identities are cached for a day.
        NewTrust filled = WebToken(given, issuer, ("algorithms", new JsonArray("RS256")), ("maxTokenAge", 86_400));
        return Pinned(filled.Issuer, filled);
    }

    private static NewTrust Kubernetes(NewTrust given)
    {
        if (given.Issuer.Length == 0)
        {
            throw Error.InvalidRequest("name the issuer: the iss of the cluster's tokens, or the API server's address where it reviews them", "issuer");
        }

        if (given.Kind == TrustKind.Kubernetes)
        {
            return given;
        }

        // A projected token is renewed after four fifths of its life, which may be a day.
        NewTrust filled = WebToken(given, given.Issuer, ("algorithms", new JsonArray("RS256", "ES256")), ("maxTokenAge", 86_400));
        ImmutableSortedDictionary<string, string> claims = filled.Claims;
        foreach ((string name, string path) in new[] { ("namespace", "kubernetes.io.namespace"), ("serviceaccount", "kubernetes.io.serviceaccount.name"), ("pod", "kubernetes.io.pod.name") })
        {
            if (claims.TryGetValue(name, out string? pattern))
            {
                claims = claims.Remove(name).SetItem(path, pattern);
            }
        }

        bool pinned = (claims.TryGetValue("kubernetes.io.namespace", out string? space) && !space.AsSpan().ContainsAny('*', '?'))
            || (claims.TryGetValue("sub", out string? subject) && subject.Split(':') is ["system", "serviceaccount", { Length: > 0 } own, _] && !own.AsSpan().ContainsAny('*', '?'));
        return pinned ? filled with { Claims = claims } : throw Error.InvalidRequest("pin the namespace, without wildcards: whoever may run pods in another one gets such tokens too", "claims");
    }

    private static NewTrust Aws(NewTrust given) => given with
    {
        Kind = KindOf(given, TrustKind.AwsIdentity),
        Issuer = given.Issuer.Length > 0 ? given.Issuer : "https://sts.amazonaws.com",
    };

    private static NewTrust WebToken(NewTrust given, string issuer, params ReadOnlySpan<(string Name, JsonNode Value)> settings) => given with
    {
        Kind = KindOf(given, TrustKind.WebToken),
        Issuer = given.Issuer.Length > 0 ? given.Issuer : issuer,
        Settings = Merged(given.Settings, settings),
    };

    private static TrustKind KindOf(NewTrust given, TrustKind kind) =>
        given.Kind == NoKind || given.Kind == kind ? kind : throw Error.InvalidCombination("the preset is of another kind", "kind");

    private static string Merged(string given, ReadOnlySpan<(string Name, JsonNode Value)> settings)
    {
        try
        {
            JsonObject merged = (given.Length == 0 ? new JsonObject() : JsonNode.Parse(given, documentOptions: new() { AllowDuplicateProperties = false })) as JsonObject ?? throw Error.InvalidRequest("the settings are a JSON object", "settings");
            foreach ((string name, JsonNode value) in settings)
            {
                merged.TryAdd(name, value);
            }

            return merged.ToJsonString();
        }
        catch (System.Text.Json.JsonException)
        {
            throw Error.InvalidRequest("the settings are a JSON object", "settings");
        }
    }

    /// <summary>The rule of a public issuer also for one's own installation of the same system: its tokens say the same things.</summary>
    private static NewTrust Pinned(string like, NewTrust trust)
    {
        PublicIssuers.Check(like, trust.Claims, trust.PrincipalClaim is not null);
        return trust;
    }
}
