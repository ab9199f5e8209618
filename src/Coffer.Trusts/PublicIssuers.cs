using System.Collections.Immutable;
using Coffer.Core.Access;
using Coffer.Core.Errors;

namespace Coffer.Trusts;

/// <summary>
/// Issuers that give a token to anybody, for any audience. A trust in one must pin something that its owner alone controls: a claim
/// about the repository, the project, the account. Checked for every trust, not only for those made by a preset.
/// </summary>
internal static class PublicIssuers
{
    public const string GitHub = "https://token.actions.githubusercontent.com", GitLab = "https://gitlab.com", Google = "https://accounts.google.com";

    // job_workflow_ref is not among what pins GitHub's: any repository may call a public workflow, with its own input and on its own machines.
    public const string AzurePrefix = "https://login.microsoftonline.com/", AzureOldPrefix = "https://sts.windows.net/";

    /// <summary>Throws InvalidRequest where strangers would be let in, and says what to pin.</summary>
    public static void Check(Trust trust) => Check(trust.Issuer, trust.Claims, trust.PrincipalClaim is not null);

    /// <summary>The same for claims by the rule of an issuer.</summary>
    public static void Check(string issuer, ImmutableSortedDictionary<string, string> claims, bool byClaim)
    {
        string? wanted = issuer.TrimEnd('/') switch
        {
            GitHub => PinsOne(claims, [("repository", OwnedPath), ("repository_owner", Exact), ("repository_id", Exact), ("repository_owner_id", Exact), ("sub", GitHubSubject)])
                ? null
                : "anybody at GitHub gets such tokens: pin repository (OWNER/NAME, or OWNER/*), repository_owner, their ids, or sub (repo:OWNER/…)",
            GitLab => PinsOne(claims, [("project_path", OwnedPath), ("namespace_path", OwnedNamespace), ("project_id", Exact), ("namespace_id", Exact), ("sub", GitLabSubject)])
                ? null
                : "anybody at gitlab.com gets such tokens: pin project_path (GROUP/NAME, or GROUP/*), namespace_path, their ids, or sub (project_path:GROUP/…)",
            Google => PinsOne(claims, [("sub", Exact), ("hd", Exact)]) || (PinsOne(claims, [("email", Exact)]) && claims.GetValueOrDefault("email_verified") == "true")
                ? null
                : "anybody with a Google account gets such tokens: pin sub, hd, or email together with email_verified=true, without wildcards",
            _ when Tenant(issuer) is { } tenant => !Guid.TryParseExact(tenant, "D", out _)
                ? "name the tenant by its id: https://login.microsoftonline.com/TENANT-ID/v2.0"
                // Who signs in by name of their own is bounded by the tenant; one principal for the whole tenant is not.
                : byClaim || PinsOne(claims, [("oid", Exact), ("sub", Exact), ("appid", Exact), ("azp", Exact), ("roles", Exact), ("groups", Exact)])
                    ? null
                    : "everybody in the tenant gets such tokens: pin oid, sub, appid, azp, roles or groups, without wildcards",
            _ => null,
        };
        if (wanted is not null)
        {
            throw Error.InvalidRequest(wanted, "claims");
        }
    }

    /// <summary>The tenant in an issuer of Microsoft's, or null for another issuer.</summary>
    private static string? Tenant(string issuer)
    {
        string? prefix = new[] { AzurePrefix, AzureOldPrefix }.FirstOrDefault(p => issuer.StartsWith(p, StringComparison.OrdinalIgnoreCase));
        return prefix is null ? null : issuer[prefix.Length..].Split('/')[0];
    }

    private static bool PinsOne(ImmutableSortedDictionary<string, string> claims, ImmutableArray<(string Claim, Func<string, bool> Narrow)> wanted) =>
        wanted.Any(c => claims.TryGetValue(c.Claim, out string? pattern) && c.Narrow(pattern));

    private static bool Exact(string pattern) => pattern.Length > 0 && !pattern.AsSpan().ContainsAny('*', '?');

    /// <summary>What stands before the first wildcard.</summary>
    private static ReadOnlySpan<char> Literal(string pattern) => pattern.AsSpan().IndexOfAny('*', '?') is var end and >= 0 ? pattern.AsSpan(0, end) : pattern;

    /// <summary>An owner, whole: <c>acme/*</c> and not <c>acme*</c>, which <c>acme-attacker/x</c> matches too.</summary>
    private static bool OwnedPath(string pattern) => Literal(pattern).IndexOf('/') > 0;

    private static bool OwnedNamespace(string pattern) => Exact(pattern) || OwnedPath(pattern);

    private static bool GitHubSubject(string pattern) => Exact(pattern) || (Literal(pattern).StartsWith("repo:", StringComparison.Ordinal) && OwnedPath(pattern[5..]));

    private static bool GitLabSubject(string pattern) => Exact(pattern) || (Literal(pattern).StartsWith("project_path:", StringComparison.Ordinal) && OwnedPath(pattern[13..]));
}
