using System.Collections.Immutable;
using System.Globalization;
using Coffer.Core.Audit;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;

namespace Coffer.Core.Access;

/// <summary>What a review found.</summary>
public enum ReviewKind
{
    /// <summary>Nobody whom the grant is for used it in the time looked at.</summary>
    UnusedGrant = 1,

    /// <summary>Some of what the grant holds was not used in the time looked at.</summary>
    WideGrant = 2,

    /// <summary>The grant ends soon.</summary>
    EndingGrant = 3,

    /// <summary>A person who may sign in with a password alone.</summary>
    NoSecondFactor = 4,

    /// <summary>A credential that was not used in the time looked at.</summary>
    UnusedCredential = 5,

    /// <summary>A credential without an end.</summary>
    LastingCredential = 6,

    /// <summary>A disabled principal that still holds grants.</summary>
    DisabledHolder = 7,
}

/// <summary>One finding.</summary>
/// <param name="Kind">What was found.</param>
/// <param name="Subject">The principal or group that it is about.</param>
/// <param name="Object">The grant or credential, by id; '' where it is about the subject itself.</param>
/// <param name="Vault">The vault, or null: all, or none.</param>
/// <param name="Detail">What it says, in words.</param>
/// <param name="Remedy">The command that ends it, or null.</param>
public sealed record ReviewFinding(ReviewKind Kind, string Subject, string Object, VaultName? Vault, string Detail, string? Remedy);

public sealed partial class AdminService
{
    private const int CredentialPage = 500;

    /// <summary>
    /// What a team lead should look at: grants nobody used or that are wider than what was used, grants that end, credentials that lie
    /// about, people without a second factor. As a server administrator. Errors: AccessDenied; InvalidRequest.
    /// </summary>
    /// <param name="caller">Who asks.</param>
    /// <param name="uses">What the trail says was used.</param>
    /// <param name="days">How far back use counts, and how far ahead an end: 1–3650 days.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async ValueTask<ImmutableArray<ReviewFinding>> ReviewAsync(Caller caller, IReadOnlyList<AuditUse> uses, int days, CancellationToken cancellationToken)
    {
        if (days is < 1 or > 3650)
        {
            throw Error.InvalidRequest("a review looks at 1 to 3650 days", "days");
        }

        await AuthoriseAsync(caller, Operation.ReadPolicy, null, "review").ConfigureAwait(false);
        AccessSnapshot snapshot = Snapshot;
        long now = _parts.Clock.Now(), span = days * 86_400L * Microseconds.PerSecond;
        ILookup<string, AuditUse> recent = uses.Where(u => u.Last >= now - span).ToLookup(u => u.Principal, StringComparer.Ordinal);
        ImmutableArray<ReviewFinding>.Builder findings = ImmutableArray.CreateBuilder<ReviewFinding>();
        foreach (GrantEntry entry in Grants(snapshot).OrderBy(g => g.Subject.Value, StringComparer.Ordinal).ThenBy(g => g.Id, StringComparer.Ordinal))
        {
            if (Of(snapshot, entry, recent, now, span, days) is { } finding)
            {
                findings.Add(finding);
            }
        }

        HashSet<Guid> withPassword = [], withSecond = [];
        string after = "";
        while (await _parts.Store.Access.CredentialsAsync(null, after, CredentialPage, cancellationToken).ConfigureAwait(false) is { Count: > 0 } page)
        {
            foreach (Credential credential in page)
            {
                if (credential.PrincipalId is { } owner && snapshot.Principals.TryGetValue(owner, out Principal? principal))
                {
                    _ = credential.Kind switch
                    {
                        CredentialKind.Password => withPassword.Add(owner),
                        // A seed that no code has confirmed has an end, and is no factor yet.
                        CredentialKind.OneTimeCode when credential.Expires is null => withSecond.Add(owner),
                        _ => false,
                    };
                    findings.AddRange(Of(credential, principal, now, span, days));
                }
            }

            after = page[^1].PublicId;
        }

        foreach (Principal principal in snapshot.Principals.Values.Where(p => withPassword.Contains(p.Id) && !withSecond.Contains(p.Id)).OrderBy(p => p.Name.Value, StringComparer.Ordinal))
        {
            findings.Add(new(ReviewKind.NoSecondFactor, principal.Name.Value, "", null, "signs in with a password alone", null));
        }

        return findings.DrainToImmutable();
    }

    private static ReviewFinding? Of(AccessSnapshot snapshot, GrantEntry entry, ILookup<string, AuditUse> recent, long now, long span, int days)
    {
        if (!entry.Grant.Allow || entry.Grant.Until <= now)
        {
            return null;
        }

        string subject = entry.IsGroup ? "group " + entry.Subject.Value : entry.Subject.Value;
        string remove = $"coffer grant delete {entry.Id}";
        Principal[] holders = [.. entry.IsGroup
            ? snapshot.GroupsByName[entry.Subject].Members.Select(m => snapshot.Principals.GetValueOrDefault(m)).OfType<Principal>()
            : [snapshot.PrincipalsByName[entry.Subject]]];
        if (!entry.IsGroup && !holders[0].Enabled)
        {
            return new(ReviewKind.DisabledHolder, subject, entry.Id, entry.Grant.Vault, "the principal is disabled and still holds the grant", remove);
        }

        if (entry.Grant.Until is { } until && until <= now + span)
        {
            return new(ReviewKind.EndingGrant, subject, entry.Id, entry.Grant.Vault, $"ends {Microseconds.ToTime(until):yyyy-MM-dd HH:mm} UTC", null);
        }

        // The trail names the grant that allowed: what another one allowed is no use of this.
        string named = $"grant {entry.Id} ";
        CofferActions used = CofferActions.None;
        foreach (AuditUse use in holders.SelectMany(h => recent[h.Name.Value]))
        {
            if (use.Reason.StartsWith(named, StringComparison.Ordinal))
            {
                used |= use.Action.Split('+').Select(a => Enum.TryParse(a, out Operation operation) ? operation.Actions() : CofferActions.None).Aggregate(CofferActions.None, (a, b) => a | b);
            }
        }

        used &= entry.Grant.Actions;
        // A grant made a moment ago was not used yet, and that says nothing.
        return now - entry.Policy.Created < span ? null
            : used == CofferActions.None ? new(ReviewKind.UnusedGrant, subject, entry.Id, entry.Grant.Vault, $"not used in {days} days", remove)
            : used == entry.Grant.Actions ? null
            : new(ReviewKind.WideGrant, subject, entry.Id, entry.Grant.Vault, $"holds {string.Join(',', ActionNames.Write(entry.Grant.Actions))}, used were {string.Join(',', ActionNames.Write(used))}", null);
    }

    private static IEnumerable<ReviewFinding> Of(Credential credential, Principal principal, long now, long span, int days)
    {
        if (credential.Kind is not (CredentialKind.AccessKey or CredentialKind.Token or CredentialKind.ClientSecret or CredentialKind.SecretId or CredentialKind.ServiceAccountKey) || credential.Expires <= now)
        {
            yield break;
        }

        string remove = $"coffer key delete {credential.PublicId}";
        int oldest = Microseconds.DayOf(now - span);
        if ((credential.LastUsedDay ?? Microseconds.DayOf(credential.Created)) < oldest)
        {
            string last = credential.LastUsedDay is { } day ? DateTimeOffset.UnixEpoch.AddDays(day).ToString("yyyy-MM-dd", CultureInfo.InvariantCulture) : "never";
            yield return new(ReviewKind.UnusedCredential, principal.Name.Value, credential.PublicId, null, $"not used in {days} days (last: {last})", remove);
        }

        if (credential.Expires is null)
        {
            yield return new(ReviewKind.LastingCredential, principal.Name.Value, credential.PublicId, null, "has no end", null);
        }
    }
}
