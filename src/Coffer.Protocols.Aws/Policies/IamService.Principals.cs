using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Coffer.Core;
using Coffer.Core.Access;
using Coffer.Core.Secrets;

namespace Coffer.Protocols.Aws.Policies;

internal sealed partial class IamService
{
    private const int MinSessionSeconds = 3600, MaxTrustCharacters = 4096;
    private const string OwnTrust = "assume-role";

    private async Task CreateUserAsync(IamCall call, CancellationToken cancellationToken)
    {
        AwsProfile profile = new() { Name = call.NameOf("UserName"), Path = call.PathOf(), Tags = call.TagsOf() };
        string? boundary = call.Optional("PermissionsBoundary", 2048);
        call.Check();
        AwsIdentity made = await CreateAsync(call, profile, null, boundary, "", cancellationToken).ConfigureAwait(false);
        call.Within("User", () => Write(call, _core.Access, made));
    }

    private async Task CreateRoleAsync(IamCall call, CancellationToken cancellationToken)
    {
        string name = call.NameOf("RoleName"), trust = call.Needed("AssumeRolePolicyDocument", MaxTrustCharacters);
        AwsProfile profile = new()
        {
            Name = name,
            Path = call.PathOf(),
            IsRole = true,
            Tags = call.TagsOf(),
            MaxSessionSeconds = call.NumberOf("MaxSessionDuration", MinSessionSeconds, CredentialService.MaxSessionSeconds) ?? MinSessionSeconds,
        };
        string description = call.Optional("Description", 1000) ?? "";
        string? boundary = call.Optional("PermissionsBoundary", 2048);
        call.Check();
        AwsIdentity made = await CreateAsync(call, profile, trust, boundary, description, cancellationToken).ConfigureAwait(false);
        call.Within("Role", () => Write(call, _core.Access, made));
    }

    private async Task<AwsIdentity> CreateAsync(IamCall call, AwsProfile profile, string? trust, string? boundary, string description, CancellationToken cancellationToken)
    {
        string kind = profile.IsRole ? "Role" : "User";
        call.Exchange.ResourceArn = $"arn:aws:iam::{call.Account}:{(profile.IsRole ? "role" : "user")}{profile.Path}{profile.Name}";
        Principal made = await EditAsync(call, profile.Name, access =>
        {
            if (AwsAccounts.Of(access).Find(call.Account, profile.IsRole, profile.Name) is not null)
            {
                throw Exists(kind, profile.Name);
            }

            Principal principal = new()
            {
                Id = Guid.NewGuid(),
                Name = FreeName(access, call.Home, profile),
                Kind = PrincipalKind.Workload,
                Home = call.Home.Name,
                Description = description,
                Created = _core.Clock.Now(),
                Annotations = Secret.NoTags.Add(AwsDialect.DialectName, profile.ToJson()),
            };
            Attachment at = Attachment.ToPrincipal(principal.Id);
            List<Policy> policies = [];
            if (trust is not null)
            {
                policies.Add(Trust(call, access, at, trust, null));
            }

            if (boundary is not null)
            {
                policies.Add(Draft(call, at, PolicyUse.Boundary, boundary, DocumentOf(access, call, boundary), null));
            }

            return (new AccountEdit { Principals = [principal], Policies = policies }, principal);
        }, cancellationToken).ConfigureAwait(false);
        return AwsIdentity.Of(_core.Access, _core.Access.Principals.GetValueOrDefault(made.Id) ?? made);
    }

    private async Task GetUserAsync(IamCall call, CancellationToken cancellationToken)
    {
        // Without a name it is the caller that is asked about, if that is a user.
        string name = call.Optional("UserName", 128) is { Length: > 0 } given ? given : AwsIdentity.ProfileOf(call.Caller.Principal).Name;
        call.Check();
        About(call, role: false, name);
        AccessSnapshot access = await ReadAsync(call, name, cancellationToken).ConfigureAwait(false);
        call.Within("User", () => Write(call, access, Find(access, call, role: false, name)));
    }

    private async Task GetRoleAsync(IamCall call, CancellationToken cancellationToken)
    {
        string name = call.NameOf("RoleName");
        call.Check();
        About(call, role: true, name);
        AccessSnapshot access = await ReadAsync(call, name, cancellationToken).ConfigureAwait(false);
        call.Within("Role", () => Write(call, access, Find(access, call, role: true, name)));
    }

    private async Task ListIdentitiesAsync(IamCall call, bool roles, CancellationToken cancellationToken)
    {
        string prefix = call.Optional("PathPrefix", 512) ?? "/";
        call.Exchange.ResourceArn = $"arn:aws:iam::{call.Account}:{(roles ? "role" : "user")}{prefix}";
        AccessSnapshot access = await ReadAsync(call, roles ? "roles" : "users", cancellationToken).ConfigureAwait(false);
        call.Page(
            roles ? "Roles" : "Users",
            AwsAccounts.Of(access).In(call.Account, roles).Where(i => i.Path.StartsWith(prefix, StringComparison.Ordinal)),
            i => i.Name,
            identity => call.Within("member", () => Write(call, access, identity, brief: true)));
    }

    private async Task DeleteIdentityAsync(IamCall call, bool role, CancellationToken cancellationToken)
    {
        string name = call.NameOf(role ? "RoleName" : "UserName");
        call.Check();
        About(call, role, name);
        AwsIdentity? known = AwsAccounts.Of(_core.Access).Find(call.Account, role, name);
        bool hasKeys = known is not null && await HasKeysAsync(call, known, cancellationToken).ConfigureAwait(false);
        await EditAsync(call, name, access =>
        {
            AwsIdentity identity = Find(access, call, role, name);
            if (PoliciesOf(access, identity, PolicyUse.Identity).FirstOrDefault() is { } policy)
            {
                throw InUse(policy.Name.StartsWith("arn:", StringComparison.Ordinal) ? "detach all policies" : "delete policies");
            }

            return !role && hasKeys ? throw InUse("delete access keys") : (new AccountEdit { RemovedPrincipals = [identity.Principal] }, true);
        }, cancellationToken).ConfigureAwait(false);
    }

    private async Task UpdateRoleAsync(IamCall call, CancellationToken cancellationToken)
    {
        string name = call.NameOf("RoleName");
        string? description = call.Optional("Description", 1000);
        int? seconds = call.NumberOf("MaxSessionDuration", MinSessionSeconds, CredentialService.MaxSessionSeconds);
        call.Check();
        About(call, role: true, name);
        await EditAsync(call, name, access =>
        {
            AwsIdentity role = Find(access, call, role: true, name);
            Principal changed = role.Principal with
            {
                Description = description ?? role.Principal.Description,
                Annotations = role.Principal.Annotations.SetItem(AwsDialect.DialectName, (role.Profile with { MaxSessionSeconds = seconds ?? role.Profile.MaxSessionSeconds }).ToJson()),
            };
            return (new AccountEdit { Principals = [changed] }, true);
        }, cancellationToken).ConfigureAwait(false);
        if (call.Exchange.WireOperation == "UpdateRoleDescription")
        {
            AccessSnapshot access = _core.Access;
            call.Within("Role", () => Write(call, access, Find(access, call, role: true, name)));
        }
    }

    /// <summary>Another name or path in AWS; the principal behind it stays who it is.</summary>
    private async Task UpdateUserAsync(IamCall call, CancellationToken cancellationToken)
    {
        string name = call.NameOf("UserName");
        string? newName = call.Has("NewUserName") ? call.NameOf("NewUserName") : null, newPath = call.Has("NewPath") ? call.PathOf("NewPath") : null;
        call.Check();
        About(call, role: false, name);
        await EditAsync(call, name, access =>
        {
            AwsIdentity user = Find(access, call, role: false, name);
            if (newName is not null && AwsAccounts.Of(access).Find(call.Account, false, newName) is { } other && other.Principal.Id != user.Principal.Id)
            {
                throw Exists("User", newName);
            }

            AwsProfile profile = user.Profile with { Name = newName ?? user.Name, Path = newPath ?? user.Path };
            return (new AccountEdit { Principals = [user.Principal with { Annotations = user.Principal.Annotations.SetItem(AwsDialect.DialectName, profile.ToJson()) }] }, true);
        }, cancellationToken).ConfigureAwait(false);
    }

    private async Task UpdateAssumeRolePolicyAsync(IamCall call, CancellationToken cancellationToken)
    {
        string name = call.NameOf("RoleName"), document = call.Needed("PolicyDocument", MaxTrustCharacters);
        call.Check();
        About(call, role: true, name);
        await EditAsync(call, name, access =>
        {
            AwsIdentity role = Find(access, call, role: true, name);
            Policy policy = Trust(call, access, Attachment.ToPrincipal(role.Principal.Id), document, PoliciesOf(access, role, PolicyUse.Trust).FirstOrDefault());
            return (new AccountEdit { Policies = [policy] }, true);
        }, cancellationToken).ConfigureAwait(false);
    }

    private Policy Trust(IamCall call, AccessSnapshot access, Attachment at, string document, Policy? before)
    {
        Policy draft = Draft(call, at, PolicyUse.Trust, OwnTrust, document, before);
        foreach (IamStatement statement in IamParser.Parse(document, OwnTrust, PolicyUse.Trust))
        {
            if (statement.Principals!.Arns.Any(arn => !AwsAccounts.Of(access).Knows(arn)) || statement.Principals.Accounts.Any(a => !VaultNumber.TryParse(a, out VaultNumber number) || !access.VaultsByNumber.ContainsKey(number)))
            {
                throw new AwsRefusal(AwsError.Query(400, "MalformedPolicyDocument", "Invalid principal in policy."));
            }
        }

        return draft;
    }

    private async Task TagIdentityAsync(IamCall call, bool role, ImmutableSortedDictionary<string, string> set, List<string> remove, CancellationToken cancellationToken)
    {
        string name = call.NameOf(role ? "RoleName" : "UserName");
        call.Check();
        About(call, role, name);
        await EditAsync(call, name, access =>
        {
            AwsIdentity identity = Find(access, call, role, name);
            AwsProfile profile = identity.Profile with { Tags = Merged(identity.Profile.Tags, set, remove) };
            return (new AccountEdit { Principals = [identity.Principal with { Annotations = identity.Principal.Annotations.SetItem(AwsDialect.DialectName, profile.ToJson()) }] }, true);
        }, cancellationToken).ConfigureAwait(false);
    }

    private async Task ListIdentityTagsAsync(IamCall call, bool role, CancellationToken cancellationToken)
    {
        string name = call.NameOf(role ? "RoleName" : "UserName");
        call.Check();
        About(call, role, name);
        AccessSnapshot access = await ReadAsync(call, name, cancellationToken).ConfigureAwait(false);
        call.Page("Tags", Find(access, call, role, name).Profile.Tags, t => t.Key, t => call.Within("member", () => call.Element("Key", t.Key).Element("Value", t.Value)));
    }

    /// <summary>Groups are the server's, not an account's: their policies are Coffer's grants.</summary>
    private async Task ListGroupsForUserAsync(IamCall call, CancellationToken cancellationToken)
    {
        string name = call.NameOf("UserName");
        call.Check();
        About(call, role: false, name);
        AccessSnapshot access = await ReadAsync(call, name, cancellationToken).ConfigureAwait(false);
        Principal principal = Find(access, call, role: false, name).Principal;
        call.Page("Groups", access.GroupsOf.GetValueOrDefault(principal.Id, []), g => g.Name.Value, group => call.Within("member", () =>
            call.Element("Path", "/").Element("GroupName", group.Name.Value).Element("GroupId", AwsNames.UniqueId("AGPA", group.Id))
                .Element("Arn", $"arn:aws:iam::{call.Account}:group/{group.Name.Value}").Date("CreateDate", group.Created)));
    }

    /// <summary>There are no machines here: a role has no instance profile, which tools ask before they delete one.</summary>
    private async Task ListInstanceProfilesForRoleAsync(IamCall call, CancellationToken cancellationToken)
    {
        string name = call.NameOf("RoleName");
        call.Check();
        About(call, role: true, name);
        AccessSnapshot access = await ReadAsync(call, name, cancellationToken).ConfigureAwait(false);
        Find(access, call, role: true, name);
        call.Page("InstanceProfiles", Array.Empty<string>(), n => n, _ => { });
    }

    private static void Write(IamCall call, AccessSnapshot access, AwsIdentity identity, bool brief = false)
    {
        string kind = identity.IsRole ? "Role" : "User";
        call.Element("Path", identity.Path).Element(kind + "Name", identity.Name).Element(kind + "Id", identity.UniqueId).Element("Arn", identity.Arn).Date("CreateDate", identity.Principal.Created);
        if (identity.IsRole)
        {
            call.Document("AssumeRolePolicyDocument", PoliciesOf(access, identity, PolicyUse.Trust).FirstOrDefault()?.Source ?? NoTrust);
            if (identity.Principal.Description.Length > 0)
            {
                call.Element("Description", identity.Principal.Description);
            }

            int seconds = identity.Profile.MaxSessionSeconds;
            call.Element("MaxSessionDuration", (seconds == 0 ? CredentialService.MaxSessionSeconds : seconds).ToString(CultureInfo.InvariantCulture));
        }

        if (!brief)
        {
            if (PoliciesOf(access, identity, PolicyUse.Boundary).FirstOrDefault() is { } boundary)
            {
                call.Within("PermissionsBoundary", () => call.Element("PermissionsBoundaryType", "Policy").Element("PermissionsBoundaryArn", boundary.Name));
            }

            call.Tags(identity.Profile.Tags);
            if (identity.IsRole)
            {
                call.Element("RoleLastUsed", "");
            }
        }
    }

    /// <summary>What is shown for a role that was made elsewhere and that nobody assumes by a policy of this language.</summary>
    private const string NoTrust = """{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"sts:AssumeRole"}]}""";

    private static ImmutableSortedDictionary<string, string> Merged(ImmutableSortedDictionary<string, string> tags, ImmutableSortedDictionary<string, string> set, List<string> remove)
    {
        // Of two keys that differ in case alone the newer one stays.
        IEnumerable<string> gone = tags.Keys.Where(k => set.Keys.Concat(remove).Any(s => string.Equals(k, s, StringComparison.OrdinalIgnoreCase)));
        ImmutableSortedDictionary<string, string> merged = tags.RemoveRange(gone).AddRange(set);
        return merged.Count <= AwsTags.MaxTags ? merged : throw new AwsRefusal(AwsError.Query(409, "LimitExceeded", $"Cannot exceed quota for Tags: {AwsTags.MaxTags}"));
    }

    /// <summary>
    /// The principal's own name, which knows no capitals and is one over all vaults: the AWS name where that is free, else with the
    /// vault's behind it.
    /// </summary>
    private static PrincipalName FreeName(AccessSnapshot access, Vault home, AwsProfile profile)
    {
        string plain = string.Concat(profile.Name.ToLowerInvariant().Select(c => c is '+' or '=' or ',' or '@' ? '.' : c));
        string digest = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{home.Number}\n{profile.IsRole}\n{profile.Name}")).AsSpan(0, 4));
        foreach (string candidate in (ReadOnlySpan<string>)[plain, $"{plain}.{home.Name}", $"{plain[..Math.Min(plain.Length, 54)]}.{digest}"])
        {
            if (PrincipalName.TryParse(candidate, out PrincipalName name) && !access.PrincipalsByName.ContainsKey(name))
            {
                return name;
            }
        }

        throw Exists(profile.IsRole ? "Role" : "User", profile.Name);
    }
}
