using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Serialization;
using Coffer.Core.Access;
using Coffer.Core.Secrets;

namespace Coffer.Protocols.Aws.Policies;

/// <summary>What only this wire knows about a principal, kept with it. A principal made elsewhere has the defaults: a workload is a role, anybody else a user.</summary>
internal sealed record AwsProfile
{
    /// <summary>The name with its capitals.</summary>
    [JsonPropertyName("name")]
    public string Name { get; init; } = "";

    /// <summary>Begins and ends with a slash.</summary>
    [JsonPropertyName("path")]
    public string Path { get; init; } = "/";

    /// <summary>Whether it is a role, to be assumed, or a user, who has keys.</summary>
    [JsonPropertyName("role")]
    public bool IsRole { get; init; }

    /// <summary>Longest session of the role in seconds; 0 = the server's own limit.</summary>
    [JsonPropertyName("max")]
    public int MaxSessionSeconds { get; init; }

    /// <summary>Tags.</summary>
    [JsonPropertyName("tags")]
    public ImmutableSortedDictionary<string, string> Tags { get; init; } = Secret.NoTags;

    public string ToJson() => JsonSerializer.Serialize(this, AwsJson.Default.AwsProfile);

    public static AwsProfile Of(Principal principal) =>
        principal.Annotations.TryGetValue(AwsDialect.DialectName, out string? json) && JsonSerializer.Deserialize(json, AwsJson.Default.AwsProfile) is { } kept
            ? kept with { Tags = kept.Tags.WithComparers(StringComparer.Ordinal) }
            : new() { Name = principal.Name.Value, IsRole = principal.Kind == PrincipalKind.Workload };
}

/// <summary>Roles and users by account and name, which AWS compares without case. Made once for each state of the principals.</summary>
internal sealed class AwsAccounts
{
    private static readonly ConditionalWeakTable<AccessSnapshot, AwsAccounts> Made = [];

    private readonly Dictionary<(string Account, bool IsRole, string Name), AwsIdentity> _identities = [];

    private AwsAccounts(AccessSnapshot access)
    {
        foreach (Principal principal in access.Principals.Values.OrderBy(p => p.Created).ThenBy(p => p.Id))
        {
            AwsIdentity identity = AwsIdentity.Of(access, principal);
            _identities.TryAdd((identity.Account, identity.IsRole, identity.Name.ToLowerInvariant()), identity);
        }
    }

    public static AwsAccounts Of(AccessSnapshot access) => Made.GetValue(access, static a => new(a));

    public AwsIdentity? Find(string account, bool isRole, string name) => _identities.GetValueOrDefault((account, isRole, name.ToLowerInvariant()));

    /// <summary>All roles or all users of an account, by name.</summary>
    public IEnumerable<AwsIdentity> In(string account, bool roles) =>
        _identities.Values.Where(i => i.Account == account && i.IsRole == roles).OrderBy(i => i.Name, StringComparer.Ordinal);

    /// <summary>Whether an ARN names a role, user or session that there is; an account by itself counts where a vault has its number.</summary>
    public bool Knows(string arn)
    {
        string[] parts = arn.Split(':');
        if (parts is not ["arn", "aws", var service, "", var account, var resource])
        {
            return false;
        }

        string[] path = resource.Split('/');
        return (service, path[0]) switch
        {
            ("sts", "assumed-role") => Find(account, true, path[1]) is not null,
            ("iam", "role" or "user") => Find(account, path[0] == "role", path[^1]) is { } found && found.Arn == arn,
            _ => false,
        };
    }
}
