using System.Collections.Concurrent;
using System.Collections.Frozen;
using System.Collections.Immutable;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;
using Coffer.Core.Stores;

namespace Coffer.Core.Access;

/// <summary>
/// One consistent, immutable state of vaults, principals, groups, trusts and parsed policies. A decision uses one
/// snapshot from beginning to end, so it never sees half a change.
/// </summary>
public sealed class AccessSnapshot
{
    private const int ApplicableCacheLimit = 65_536;

    private readonly FrozenDictionary<(string Language, Attachment At), ImmutableArray<ParsedPolicy>> _policies;
    private readonly ConcurrentDictionary<(string Language, Guid Principal, long Vault, string? Credential), ParsedPolicy[]> _applicable = new();
    private readonly ConcurrentDictionary<PolicySet, ParsedPolicy[]> _limits = new();
    private readonly FrozenSet<string> _credentialsWithPolicies;

    /// <summary>Builds a snapshot from verified rows.</summary>
    public AccessSnapshot(IReadOnlyList<Vault> vaults, AccessRows rows, ImmutableArray<IPolicyLanguage> languages, AccessSnapshot? older = null)
    {
        Languages = languages;
        Epoch = rows.Epoch;
        Vaults = vaults.ToFrozenDictionary(v => v.Name);
        VaultsByNumber = vaults.ToFrozenDictionary(v => v.Number);
        Principals = rows.Principals.ToFrozenDictionary(p => p.Id);
        PrincipalsByName = rows.Principals.ToFrozenDictionary(p => p.Name);
        Groups = rows.Groups.ToFrozenDictionary(g => g.Id);
        GroupsByName = rows.Groups.ToFrozenDictionary(g => g.Name);
        GroupsOf = rows.Groups.SelectMany(g => g.Members.Select(m => (Member: m, Group: g)))
            .GroupBy(p => p.Member).ToFrozenDictionary(p => p.Key, p => p.Select(x => x.Group).ToImmutableArray());
        Trusts = [.. rows.Trusts];
        TrustIds = rows.Trusts.Select(t => t.Id).ToFrozenSet();
        Policies = rows.Policies.ToFrozenDictionary(p => p.Id);
        Roles = [.. rows.Roles];
        Approvals = [.. rows.Approvals];
        ApprovalsOf = rows.Approvals.GroupBy(a => a.RequesterId).ToFrozenDictionary(g => g.Key, g => g.ToImmutableArray());
        Aliases = rows.Aliases.ToFrozenDictionary(a => (a.Mount, a.Name));
        Dictionary<string, IPolicyLanguage> byName = languages.ToDictionary(l => l.Name, StringComparer.Ordinal);
        _policies = rows.Policies
            .Select(p => Parse(byName, p, older))
            .GroupBy(p => (p.Policy.Language, p.Policy.AttachedTo))
            .ToFrozenDictionary(g => g.Key, g => g.ToImmutableArray());
        _credentialsWithPolicies = rows.Policies.Where(p => p.AttachedTo.Kind == AttachmentKind.Credential).Select(p => p.AttachedTo.Id).ToFrozenSet(StringComparer.Ordinal);
        Parsed = _policies.Values.SelectMany(p => p).ToFrozenDictionary(p => p.Policy.Id);
    }

    /// <summary>The languages, Coffer's own first.</summary>
    public ImmutableArray<IPolicyLanguage> Languages { get; }

    /// <summary>The store's epoch of these rows.</summary>
    public long Epoch { get; }

    /// <summary>Vaults by name.</summary>
    public FrozenDictionary<VaultName, Vault> Vaults { get; }

    /// <summary>Vaults by number.</summary>
    public FrozenDictionary<VaultNumber, Vault> VaultsByNumber { get; }

    /// <summary>Principals by id.</summary>
    public FrozenDictionary<Guid, Principal> Principals { get; }

    /// <summary>Principals by name.</summary>
    public FrozenDictionary<PrincipalName, Principal> PrincipalsByName { get; }

    /// <summary>Groups by id.</summary>
    public FrozenDictionary<Guid, Group> Groups { get; }

    /// <summary>Groups by name.</summary>
    public FrozenDictionary<PrincipalName, Group> GroupsByName { get; }

    /// <summary>Groups of each principal that is in any.</summary>
    public FrozenDictionary<Guid, ImmutableArray<Group>> GroupsOf { get; }

    /// <summary>All trusts.</summary>
    public ImmutableArray<Trust> Trusts { get; }

    /// <summary>Their ids.</summary>
    internal FrozenSet<Guid> TrustIds { get; }

    /// <summary>All policies but those on single secrets, by id.</summary>
    public FrozenDictionary<Guid, Policy> Policies { get; }

    /// <summary>The same, parsed.</summary>
    public FrozenDictionary<Guid, ParsedPolicy> Parsed { get; }

    /// <summary>Custom roles.</summary>
    public ImmutableArray<Role> Roles { get; }

    /// <summary>Requests for approval, open and decided.</summary>
    public ImmutableArray<ApprovalRequest> Approvals { get; }

    /// <summary>The same by requester.</summary>
    public FrozenDictionary<Guid, ImmutableArray<ApprovalRequest>> ApprovalsOf { get; }

    /// <summary>Other names of principals, by login mount or trust and the name there.</summary>
    public FrozenDictionary<(string Mount, string Name), PrincipalAlias> Aliases { get; }

    /// <summary>A vault by one of its aliases in a dialect, or null.</summary>
    public Vault? FindVaultByAlias(string dialect, string alias)
    {
        foreach (Vault vault in Vaults.Values)
        {
            if (vault.Aliases.TryGetValue(dialect, out string? own) && string.Equals(own, alias, StringComparison.Ordinal))
            {
                return vault;
            }
        }

        return null;
    }

    /// <summary>Policies of one language that apply: on the server, the vault, the principal, its groups, the credential and the secret.</summary>
    public ReadOnlySpan<ParsedPolicy> Applicable(IPolicyLanguage language, AccessRequest request, ImmutableArray<ParsedPolicy> onSecret)
    {
        string? credential = _credentialsWithPolicies.Contains(request.Caller.Credential) ? request.Caller.Credential : null;
        (string Name, Guid Id, long, string?) key = (language.Name, request.Caller.Principal.Id, request.Vault?.Number.Value ?? 0, credential);
        if (!_applicable.TryGetValue(key, out ParsedPolicy[]? policies))
        {
            policies = Collect(language.Name, request.Caller.Principal.Id, request.Vault, credential);
            if (_applicable.Count >= ApplicableCacheLimit)
            {
                _applicable.Clear();
            }

            _applicable[key] = policies;
        }

        // Apart, so that the usual call, on a secret without policies, makes no closure.
        return onSecret.IsDefaultOrEmpty ? policies : Joined(policies, onSecret, language.Name);
    }

    private static ParsedPolicy[] Joined(ParsedPolicy[] policies, ImmutableArray<ParsedPolicy> onSecret, string language) =>
        onSecret.Any(p => p.Policy.Language == language) ? [.. policies, .. onSecret.Where(p => p.Policy.Language == language)] : policies;

    /// <summary>Policies of one language on one object that is no secret.</summary>
    public ImmutableArray<ParsedPolicy> On(string language, Attachment at) => _policies.GetValueOrDefault((language, at), []);

    /// <summary>Whether one limit of a credential allows: its language judges all of the set together, and nothing else.</summary>
    internal bool LimitAllows(PolicySet limit, AccessRequest request)
    {
        IPolicyLanguage? language = Languages.FirstOrDefault(l => string.Equals(l.Name, limit.Language, StringComparison.Ordinal));
        if (language is null)
        {
            return false;
        }

        if (!_limits.TryGetValue(limit, out ParsedPolicy[]? policies))
        {
            policies = [.. limit.Sources.Select(source => ParseLimit(language, source, request.Caller.Credential))];
            if (_limits.Count >= ApplicableCacheLimit)
            {
                _limits.Clear();
            }

            _limits[limit] = policies;
        }

        return AccessEvaluator.LimitAllows(this, language, policies, request);
    }

    private static ParsedPolicy ParseLimit(IPolicyLanguage language, string source, string credential)
    {
        Policy policy = new()
        {
            Id = Guid.Empty,
            Language = language.Name,
            Name = "limit",
            Use = language.LimitUse,
            Source = source,
            AttachedTo = Attachment.ToCredential(credential),
            Created = 0,
            CreatedBy = "",
        };
        try
        {
            return language.Parse(policy);
        }
        catch (CofferException)
        {
            return new UnjudgeablePolicy(policy);
        }
    }

    private ParsedPolicy[] Collect(string language, Guid principal, Vault? vault, string? credential)
    {
        List<ParsedPolicy> found = [];
        void Add(Attachment at)
        {
            if (_policies.TryGetValue((language, at), out ImmutableArray<ParsedPolicy> policies))
            {
                found.AddRange(policies.Where(p => p.Policy.Use != PolicyUse.Library));
            }
        }

        Add(Attachment.Server);
        if (vault is not null)
        {
            Add(Attachment.To(vault.Number));
        }

        Add(Attachment.ToPrincipal(principal));
        if (GroupsOf.TryGetValue(principal, out ImmutableArray<Group> groups))
        {
            foreach (Group group in groups)
            {
                Add(Attachment.ToGroup(group.Id));
            }
        }

        if (credential is not null)
        {
            Add(Attachment.ToCredential(credential));
        }

        return [.. found];
    }

    /// <summary>An unchanged policy keeps its parsed form from the snapshot before.</summary>
    private static ParsedPolicy Parse(Dictionary<string, IPolicyLanguage> languages, Policy policy, AccessSnapshot? older)
    {
        if (older is not null && older.Parsed.TryGetValue(policy.Id, out ParsedPolicy? kept) && kept.Policy.Revision == policy.Revision && kept.Policy.Source == policy.Source)
        {
            return kept;
        }

        try
        {
            return languages.TryGetValue(policy.Language, out IPolicyLanguage? language) ? language.Parse(policy) : new UnjudgeablePolicy(policy);
        }
        catch (CofferException)
        {
            return new UnjudgeablePolicy(policy);
        }
    }
}
