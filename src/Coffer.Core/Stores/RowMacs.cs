using System.Security.Cryptography;
using Coffer.Core.Access;
using Coffer.Core.Errors;
using Coffer.Core.Sealing;
using Coffer.Core.Secrets;

namespace Coffer.Core.Stores;

/// <summary>
/// Authenticates the rows that decide access or which value is read, so that someone with write access to the database
/// can neither swap, roll back nor grant anything unnoticed. What each MAC covers is written once, here.
/// </summary>
internal static class RowMacs
{
    public static Vault Sign(Keyring keys, Vault vault) => vault with { Mac = Make(keys, RowKind.Vault, vault, Write) };

    public static Secret Sign(Keyring keys, Secret head, VaultNumber vault) => head with { Mac = Make(keys, RowKind.Secret, (head, vault), Write) };

    public static SecretVersion Sign(Keyring keys, SecretVersion version, SecretUid uid) => version with { Mac = Make(keys, RowKind.Version, (version, uid), Write) };

    public static Principal Sign(Keyring keys, Principal principal) => principal with { Mac = Make(keys, RowKind.Principal, principal, Write) };

    public static Group Sign(Keyring keys, Group group) => group with { Mac = Make(keys, RowKind.Group, group, Write) };

    public static Credential Sign(Keyring keys, Credential credential) => credential with { Mac = Make(keys, RowKind.Credential, credential, Write) };

    public static Trust Sign(Keyring keys, Trust trust) => trust with { Mac = Make(keys, RowKind.Trust, trust, Write) };

    public static Policy Sign(Keyring keys, Policy policy) => policy with { Mac = Make(keys, RowKind.Policy, policy, Write) };

    public static Role Sign(Keyring keys, Role role) => role with { Mac = Make(keys, RowKind.Role, role, Write) };

    public static PrincipalAlias Sign(Keyring keys, PrincipalAlias alias) => alias with { Mac = Make(keys, RowKind.Alias, alias, Write) };

    public static ApprovalRequest Sign(Keyring keys, ApprovalRequest request) => request with { Mac = Make(keys, RowKind.Approval, request, Write) };

    public static bool Holds(Keyring keys, ApprovalRequest request) => Check(keys, RowKind.Approval, request, Write, request.Mac);

    public static bool Holds(Keyring keys, Vault vault) => Check(keys, RowKind.Vault, vault, Write, vault.Mac);

    public static bool Holds(Keyring keys, Principal principal) => Check(keys, RowKind.Principal, principal, Write, principal.Mac);

    public static bool Holds(Keyring keys, Group group) => Check(keys, RowKind.Group, group, Write, group.Mac);

    public static bool Holds(Keyring keys, Credential credential) => Check(keys, RowKind.Credential, credential, Write, credential.Mac);

    public static bool Holds(Keyring keys, Trust trust) => Check(keys, RowKind.Trust, trust, Write, trust.Mac);

    public static bool Holds(Keyring keys, Policy policy) => Check(keys, RowKind.Policy, policy, Write, policy.Mac);

    public static bool Holds(Keyring keys, Role role) => Check(keys, RowKind.Role, role, Write, role.Mac);

    public static bool Holds(Keyring keys, PrincipalAlias alias) => Check(keys, RowKind.Alias, alias, Write, alias.Mac);

    /// <summary>Answers the head, or throws <see cref="CofferErrorCode.Integrity"/>.</summary>
    public static Secret Verify(Keyring keys, Secret head, VaultNumber vault) =>
        Check(keys, RowKind.Secret, (head, vault), Write, head.Mac) ? head : throw Error.Integrity($"secret {head.Uid}");

    /// <summary>Answers the version, or throws <see cref="CofferErrorCode.Integrity"/>.</summary>
    public static SecretVersion Verify(Keyring keys, SecretVersion version, SecretUid uid) =>
        Check(keys, RowKind.Version, (version, uid), Write, version.Mac) ? version : throw Error.Integrity($"secret {uid} version {version.Number}");

    /// <summary>Digest over label rows; empty when there are none.</summary>
    public static byte[] LabelDigest(IEnumerable<KeyValuePair<VersionLabel, int>> labels)
    {
        RowWriter row = new();
        try
        {
            int count = 0;
            foreach ((VersionLabel label, int number) in labels.OrderBy(l => l.Key.Value, StringComparer.Ordinal))
            {
                row.Write(label.Value);
                row.Write(number);
                count++;
            }

            return count == 0 ? [] : SHA256.HashData(row.Written);
        }
        finally
        {
            row.Dispose();
        }
    }

    /// <summary>Digest over a set of policies with their revisions, and of a principal's groups; empty when there are none.</summary>
    public static byte[] PolicyDigest(IEnumerable<Policy> policies, IEnumerable<Guid>? groups = null)
    {
        RowWriter row = new();
        try
        {
            int count = 0;
            foreach (Policy policy in policies.OrderBy(p => p.Id))
            {
                row.Write(policy.Id);
                row.Write(policy.Revision);
                count++;
            }

            foreach (Guid group in (groups ?? []).Order())
            {
                row.Write(group);
                count++;
            }

            return count == 0 ? [] : SHA256.HashData(row.Written);
        }
        finally
        {
            row.Dispose();
        }
    }

    private delegate void Writer<in T>(ref RowWriter row, T value);

    private static byte[] Make<T>(Keyring keys, RowKind kind, T value, Writer<T> write)
    {
        RowWriter row = new();
        try
        {
            write(ref row, value);
            return keys.Mac(kind, row.Written);
        }
        finally
        {
            row.Dispose();
        }
    }

    private static bool Check<T>(Keyring keys, RowKind kind, T value, Writer<T> write, ReadOnlyMemory<byte> mac)
    {
        RowWriter row = new();
        try
        {
            write(ref row, value);
            return keys.VerifyMac(kind, row.Written, mac.Span);
        }
        finally
        {
            row.Dispose();
        }
    }

    private static void Write(ref RowWriter row, Vault v)
    {
        row.Write(v.Name.Value);
        row.Write(v.Number.Value);
        row.Write(v.Description);
        row.Write(v.Created);
        row.Write(v.RetentionDays);
        row.Write(v.PurgeProtection ? 1 : 0);
        row.Write(v.Owner);
        row.Write((int)v.AzureAccess);
        row.Write(v.KeyValue.Version);
        row.Write(v.KeyValue.MaxVersions);
        row.Write(v.KeyValue.CasRequired ? 1 : 0);
        row.Write(v.KeyValue.DeleteVersionAfter);
        WritePairs(ref row, v.Aliases);
        row.Write(v.SettingsRevision);
        row.Write(v.PolicyDigest.Span);
        // Behind the rest and only where set: rows from before there were such settings keep their MAC.
        if (v.Project.Length > 0 || v.Stage != VaultStage.None || v.SeparateDuties || v.Approvals != ApprovalNeeds.None)
        {
            row.Write(v.Project);
            row.Write((int)v.Stage);
            row.Write(v.SeparateDuties ? 1 : 0);
            row.Write((int)v.Approvals);
        }
    }

    private static void Write(ref RowWriter row, (Secret Head, VaultNumber Vault) value)
    {
        Secret s = value.Head;
        row.Write(s.Uid.Value);
        row.Write(value.Vault.Value);
        row.Write(s.Location);
        row.Write(s.Name.Value);
        row.Write(s.Description);
        row.Write(s.Created);
        row.Write(s.Changed);
        row.Write(s.Revision);
        row.Write(s.Highest);
        row.Write(s.Current);
        row.Write(s.Previous);
        row.Write(s.Oldest);
        row.Write(s.VersionCount);
        row.Write(s.DeletedAt);
        row.Write(s.PurgeAt);
        row.Write(s.Expires);
        row.Write(s.EverTagged ? 1 : 0);
        row.Write(s.Rotation);
        row.Write(s.PolicyLanguages);
        row.Write(s.PolicyDigest.Span);
        WritePairs(ref row, s.Tags);
        row.Write(s.LabelCount);
        row.Write(s.LabelDigest.Span);
        // Behind the rest and only where set: rows from before there was such a date keep their MAC.
        if (s.RotationDue is not null)
        {
            row.Write(s.RotationDue);
        }
    }

    private static void Write(ref RowWriter row, (SecretVersion Version, SecretUid Uid) value)
    {
        SecretVersion v = value.Version;
        row.Write(value.Uid.Value);
        row.Write(v.Number);
        row.Write(v.Id.Value);
        row.Write(v.Token?.Value);
        row.Write(v.HasValue ? 1 : 0);
        row.Write((int)v.Kind);
        row.Write(v.Size);
        row.Write(v.Fingerprint.Span);
        row.Write(v.Created);
        row.Write(v.Updated);
        row.Write(v.Revision);
        row.Write(v.DisabledAt);
        row.Write(v.DestroyAt);
        row.Write(v.DestroyedAt);
        row.Write(v.NotBefore);
        row.Write(v.Expires);
        row.Write(v.ContentType);
        row.Write(v.Wire);
        row.Write(v.KeyName);
        row.Write(v.CreatedBy);
    }

    private static void Write(ref RowWriter row, Principal p)
    {
        row.Write(p.Id);
        row.Write(p.Name.Value);
        row.Write((int)p.Kind);
        row.Write(p.Home?.Value);
        row.Write(p.Enabled ? 1 : 0);
        row.Write(p.Description);
        row.Write(p.Created);
        row.Write(p.Revision);
        WritePairs(ref row, p.Annotations);
        row.Write(p.PolicyDigest.Span);
    }

    private static void Write(ref RowWriter row, Group g)
    {
        row.Write(g.Id);
        row.Write(g.Name.Value);
        row.Write(g.Members.Count);
        foreach (Guid member in g.Members)
        {
            row.Write(member);
        }

        row.Write(g.Created);
        row.Write(g.Revision);
        row.Write(g.PolicyDigest.Span);
    }

    private static void Write(ref RowWriter row, Credential c)
    {
        row.Write(c.PublicId);
        row.Write(c.PrincipalId ?? Guid.Empty);
        row.Write((int)c.Kind);
        row.Write(c.Verifier.Span);
        row.Write(c.Sealed.Span);
        row.Write(c.Description);
        row.Write(c.Created);
        row.Write(c.Expires);
        row.Write(c.Cidrs.Length);
        foreach (System.Net.IPNetwork network in c.Cidrs)
        {
            row.Write(network.ToString());
        }

        row.Write(c.Policies.Length);
        foreach (string policy in c.Policies)
        {
            row.Write(policy);
        }

        row.Write(c.Limits.Length);
        foreach (PolicySet limit in c.Limits)
        {
            row.Write(limit.Language);
            row.Write(limit.Sources.Length);
            foreach (string source in limit.Sources)
            {
                row.Write(source);
            }
        }

        row.Write(c.Parent);
        row.Write(c.Revision);
        row.Write(c.PolicyDigest.Span);
    }

    private static void Write(ref RowWriter row, Trust t)
    {
        row.Write(t.Id);
        row.Write(t.Name.Value);
        row.Write(t.Issuer);
        WritePairs(ref row, t.Claims);
        row.Write(t.PrincipalId ?? Guid.Empty);
        row.Write(t.Created);
        row.Write(t.Revision);
        if (t.Kind != TrustKind.LocalUser || !t.Audiences.IsEmpty || t.PrincipalClaim is not null || t.NewGroup is not null || t.MaxSeconds != 3600 || t.Settings.Length > 0 || !t.Sealed.IsEmpty)
        {
            row.Write((int)t.Kind);
            row.Write(t.Audiences.Length);
            foreach (string audience in t.Audiences)
            {
                row.Write(audience);
            }

            row.Write(t.PrincipalClaim);
            row.Write(t.NewGroup ?? Guid.Empty);
            row.Write(t.MaxSeconds);
            row.Write(t.Settings);
            row.Write(t.Sealed.Span);
        }
    }

    private static void Write(ref RowWriter row, ApprovalRequest a)
    {
        row.Write(a.Id);
        row.Write((int)a.Kind);
        row.Write(a.Vault.Value);
        row.Write(a.Names);
        row.Write(a.RequesterId);
        row.Write(a.Grant);
        row.Write(a.SubjectId);
        row.Write(a.SubjectIsGroup ? 1 : 0);
        row.Write(a.Reason);
        row.Write(a.Seconds);
        row.Write(a.Created);
        row.Write(a.Expires);
        row.Write((int)a.State);
        row.Write(a.DecidedBy ?? Guid.Empty);
        row.Write(a.DecidedAt);
        row.Write(a.ValidUntil);
        row.Write(a.Revision);
    }

    private static void Write(ref RowWriter row, Policy p)
    {
        row.Write(p.Id);
        row.Write(p.Language);
        row.Write(p.Name);
        row.Write((int)p.Use);
        row.Write(p.Source);
        row.Write((int)p.AttachedTo.Kind);
        row.Write(p.AttachedTo.Id);
        row.Write(p.Created);
        row.Write(p.CreatedBy);
        row.Write(p.Revision);
    }

    private static void Write(ref RowWriter row, Role r)
    {
        row.Write(r.Language);
        row.Write(r.Vault?.Value);
        row.Write(r.Name);
        row.Write(r.Permissions.Length);
        foreach (string permission in r.Permissions)
        {
            row.Write(permission);
        }
    }

    private static void Write(ref RowWriter row, PrincipalAlias a)
    {
        row.Write(a.Mount);
        row.Write(a.Name);
        row.Write(a.PrincipalId);
        WritePairs(ref row, a.Metadata);
    }

    private static void WritePairs(ref RowWriter row, System.Collections.Immutable.ImmutableSortedDictionary<string, string> pairs)
    {
        row.Write(pairs.Count);
        foreach ((string key, string value) in pairs)
        {
            row.Write(key);
            row.Write(value);
        }
    }
}
