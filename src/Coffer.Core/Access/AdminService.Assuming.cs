using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Coffer.Core.Audit;
using Coffer.Core.Errors;
using Coffer.Core.Sealing;
using Coffer.Core.Secrets;
using Coffer.Core.Stores;

namespace Coffer.Core.Access;

public sealed partial class AdminService
{
    private const int MaxAliasBytes = 1024;

    internal static string MountOf(Trust trust) => "trust:" + trust.Id.ToString("D");

    /// <summary>
    /// Lets a principal, or every member of a group, act as another principal: what the agent of a machine needs for the programs
    /// on it. Errors: AccessDenied; NotFound; AlreadyExists.
    /// </summary>
    public ValueTask<Policy> AllowAssumingAsync(Caller caller, PrincipalName target, PrincipalName by, bool isGroup, CancellationToken cancellationToken) =>
        ChangeAsync(caller, Operation.Administer, null, target.Value, (snapshot, keys) =>
        {
            Principal principal = Find(snapshot, target);
            _ = isGroup ? (object)(snapshot.GroupsByName.GetValueOrDefault(by) ?? throw Error.NotFound("group", by.Value)) : Find(snapshot, by);
            string source = AssumedBy.Text(by, isGroup);
            Attachment at = Attachment.ToPrincipal(principal.Id);
            if (PoliciesOn(snapshot, at).Any(p => p.Use == PolicyUse.Trust && p.Source == source))
            {
                throw Error.AlreadyExists("trust policy", source);
            }

            Policy policy = RowMacs.Sign(keys, new Policy
            {
                Id = Guid.NewGuid(),
                Language = GrantLanguage.LanguageName,
                Name = Draw("t-", 8),
                Use = PolicyUse.Trust,
                Source = source,
                AttachedTo = at,
                Created = _parts.Clock.Now(),
                CreatedBy = caller.Principal.Name.Value,
            });
            Principal signed = Sign(keys, snapshot, principal with { Revision = principal.Revision + 1 }, PoliciesOn(snapshot, at).Append(policy));
            return (new AccessChange { Policies = [policy], Principals = [signed] }, policy);
        }, cancellationToken);

    /// <summary>Ends that; sessions got before go on to their end. Errors: AccessDenied; NotFound.</summary>
    public ValueTask<Policy> ForbidAssumingAsync(Caller caller, PrincipalName target, PrincipalName by, bool isGroup, CancellationToken cancellationToken) =>
        ChangeAsync(caller, Operation.Administer, null, target.Value, (snapshot, keys) =>
        {
            Principal principal = Find(snapshot, target);
            Attachment at = Attachment.ToPrincipal(principal.Id);
            Policy policy = PoliciesOn(snapshot, at).FirstOrDefault(p => p.Use == PolicyUse.Trust && p.Source == AssumedBy.Text(by, isGroup)) ?? throw Error.NotFound("trust policy");
            Principal signed = Sign(keys, snapshot, principal with { Revision = principal.Revision + 1 }, PoliciesOn(snapshot, at).Where(p => p.Id != policy.Id));
            return (new AccessChange { RemovedPolicies = [policy.Id], Principals = [signed] }, policy);
        }, cancellationToken);

    /// <summary>Who may act as a principal, in the order it was allowed. Errors: AccessDenied; NotFound.</summary>
    public async ValueTask<ImmutableArray<(PrincipalName Name, bool IsGroup)>> ListAssumingAsync(Caller caller, PrincipalName target, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        await AuthoriseAsync(caller, Operation.ReadPolicy, null, target.Value).ConfigureAwait(false);
        AccessSnapshot snapshot = Snapshot;
        Attachment at = Attachment.ToPrincipal(Find(snapshot, target).Id);
        return [.. PoliciesOn(snapshot, at).Where(p => p.Use == PolicyUse.Trust && p.Language == GrantLanguage.LanguageName)
            .OrderBy(p => p.Created).ThenBy(p => p.Source, StringComparer.Ordinal).Select(p => AssumedBy.Parse(p.Source))];
    }

    /// <summary>Says which principal a trust's claim value means. Errors: AccessDenied; NotFound; InvalidRequest.</summary>
    public ValueTask<PrincipalAlias> LinkAsync(Caller caller, PrincipalName trust, string value, PrincipalName principal, CancellationToken cancellationToken) =>
        ChangeAsync(caller, Operation.Administer, null, trust.Value, (snapshot, keys) =>
        {
            Trust found = snapshot.Trusts.FirstOrDefault(t => t.Name == trust) ?? throw Error.NotFound("trust", trust.Value);
            if (found.PrincipalClaim is null || !IsAlias(value))
            {
                throw Error.InvalidRequest("the trust names its principal itself, or the value is no claim's", "value");
            }

            PrincipalAlias alias = RowMacs.Sign(keys, new PrincipalAlias(MountOf(found), value, Find(snapshot, principal).Id, Secret.NoTags));
            return (new AccessChange { Aliases = [alias] }, alias);
        }, cancellationToken);

    /// <summary>Ends that a trust's claim value means a principal; sessions got before go on to their end. Errors: AccessDenied; NotFound.</summary>
    public ValueTask<PrincipalAlias> UnlinkAsync(Caller caller, PrincipalName trust, string value, CancellationToken cancellationToken) =>
        ChangeAsync(caller, Operation.Administer, null, trust.Value, (snapshot, _) =>
        {
            Trust found = snapshot.Trusts.FirstOrDefault(t => t.Name == trust) ?? throw Error.NotFound("trust", trust.Value);
            PrincipalAlias alias = snapshot.Aliases.GetValueOrDefault((MountOf(found), value)) ?? throw Error.NotFound("link");
            return (new AccessChange { RemovedAliases = [(alias.Mount, alias.Name)] }, alias);
        }, cancellationToken);

    /// <summary>
    /// The principal for a claim value seen for the first time. Its name ends in a digest of trust and value, so that nobody
    /// gets a name that another has or could be taken for, whatever their issuer lets them call themselves.
    /// </summary>
    internal async ValueTask<Principal?> CreateFromTrustAsync(Trust trust, string value, CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            AccessSnapshot snapshot = Snapshot;
            if (snapshot.Aliases.TryGetValue((MountOf(trust), value), out PrincipalAlias? known))
            {
                return snapshot.Principals.GetValueOrDefault(known.PrincipalId);
            }

            if (trust.NewGroup is not { } groupId || !snapshot.Groups.TryGetValue(groupId, out Group? group))
            {
                return null;
            }

            Keyring keys = _parts.Keys;
            Principal bare = new()
            {
                Id = Guid.NewGuid(),
                Name = NameFor(trust, value),
                Kind = trust.Kind == TrustKind.WebToken ? PrincipalKind.Person : PrincipalKind.Workload,
                Description = $"first seen by trust {trust.Name}",
                Created = _parts.Clock.Now(),
            };
            Principal principal = Sign(keys, snapshot, bare, [], [group.Id]);
            AccessChange change = new()
            {
                Principals = [principal],
                Groups = [Sign(keys, snapshot, group with { Members = group.Members.Add(principal.Id), Revision = group.Revision + 1 })],
                Aliases = [RowMacs.Sign(keys, new PrincipalAlias(MountOf(trust), value, principal.Id, Secret.NoTags))],
            };
            await using IStoreTransaction transaction = await _parts.Store.BeginAsync(cancellationToken).ConfigureAwait(false);
            if (!await transaction.SaveAsync(change, cancellationToken).ConfigureAwait(false))
            {
                return null;
            }

            AuditRecord record = Record(SystemCaller.For("login"), Operation.Administer, null, principal.Name.Value, AuditDecision.Allow, $"first seen by trust {trust.Name}") with
            {
                Change = new() { Rows = RowsOf(snapshot, change, []) },
            };
            await FinishAsync(transaction, record, cancellationToken).ConfigureAwait(false);
            return principal;
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Whether a claim's value can be linked: 1 to 1,024 bytes of UTF-8, nothing in it that a terminal would act on.</summary>
    internal static bool IsAlias(string value)
    {
        foreach (Rune rune in value.EnumerateRunes())
        {
            // Half a pair comes as the replacement.
            if (rune == Rune.ReplacementChar || Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator)
            {
                return false;
            }
        }

        return value.Length > 0 && Encoding.UTF8.GetByteCount(value) <= MaxAliasBytes;
    }

    private static PrincipalName NameFor(Trust trust, string value)
    {
        string plain = string.Concat(value.ToLowerInvariant().Select(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '.' or '_' ? c : '-')).Trim('-');
        string digest = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{trust.Id:D}\n{value}")).AsSpan(0, 4));
        return PrincipalName.Parse($"{plain[..Math.Min(plain.Length, 48)]}-{digest}".TrimStart('-'));
    }
}
