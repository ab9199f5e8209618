using System.Collections.Immutable;
using System.Globalization;
using Coffer.Core.Access.People;
using Coffer.Core.Errors;
using Coffer.Core.Sealing;
using Coffer.Core.Secrets;
using Coffer.Core.Stores;

namespace Coffer.Core.Access;

/// <summary>A trust to be made.</summary>
public sealed record NewTrust
{
    /// <summary>Its name.</summary>
    public required PrincipalName Name { get; init; }

    /// <summary>How its proofs are verified; every kind but the local user's.</summary>
    public required TrustKind Kind { get; init; }

    /// <summary>Of tokens their issuer, compared exactly; else the address that is asked. A certificate's authority is in the settings: there it is a name for people only.</summary>
    public required string Issuer { get; init; }

    /// <summary>Audiences of which a proof must name one; a certificate has none.</summary>
    public ImmutableArray<string> Audiences { get; init; } = [];

    /// <summary>Claims that must match, exactly or by a pattern with <c>*</c> and <c>?</c>.</summary>
    public ImmutableSortedDictionary<string, string> Claims { get; init; } = Secret.NoTags;

    /// <summary>The principal that a match proves, or null where a claim names it.</summary>
    public PrincipalName? Principal { get; init; }

    /// <summary>The claim whose value finds the principal, or null.</summary>
    public string? PrincipalClaim { get; init; }

    /// <summary>The group that unknown principals are created into, or null: none are created.</summary>
    public PrincipalName? NewGroup { get; init; }

    /// <summary>Longest life of a session got with it, in seconds, 60 to 43,200.</summary>
    public int MaxSeconds { get; init; } = 3600;

    /// <summary>Settings of the verifier as JSON, or ''.</summary>
    public string Settings { get; init; } = "";
}

public sealed partial class AdminService
{
    private const int MaxTrustText = 2048, MaxTrustSettings = 65_536, MaxTrustClaims = 32;

    /// <summary>
    /// Makes a trust. <paramref name="secret"/> is what its verifier itself authenticates with, or null; it is sealed. Errors:
    /// AccessDenied; NotFound; AlreadyExists; InvalidRequest.
    /// </summary>
    public ValueTask<Trust> CreateTrustAsync(Caller caller, NewTrust wanted, SecretValue? secret, CancellationToken cancellationToken) =>
        ChangeAsync(caller, Operation.Administer, null, wanted.Name.Value, (snapshot, keys) =>
        {
            if (snapshot.Trusts.Any(t => t.Name == wanted.Name))
            {
                throw Error.AlreadyExists("trust", wanted.Name.Value);
            }

            Guid id = Guid.NewGuid();
            Trust trust = Made(snapshot, wanted, id) with { Sealed = secret is null ? default : keys.Seal(secret.Span, SealContext.ForConfiguration($"trust:{id:D}")) };
            ITrustVerifier verifier = _parts.Verifiers.FirstOrDefault(v => v.Kinds.Contains(trust.Kind)) ?? throw Error.InvalidRequest("this server verifies no proofs of that kind", "kind");
            verifier.Check(trust);
            trust = RowMacs.Sign(keys, trust);
            return (new AccessChange { Trusts = [trust] }, trust);
        }, cancellationToken);

    /// <summary>Lets a Unix user of this machine be a principal over the local socket. Errors: AccessDenied; NotFound; AlreadyExists.</summary>
    public ValueTask<Trust> TrustLocalUserAsync(Caller caller, PrincipalName name, uint uid, CancellationToken cancellationToken) =>
        ChangeAsync(caller, Operation.Administer, null, name.Value, (snapshot, keys) =>
        {
            Trust trust = LocalTrust(keys, Find(snapshot, name), uid);
            return snapshot.Trusts.Any(t => t.Name == trust.Name)
                ? throw Error.AlreadyExists("trust", trust.Name.Value)
                : (new AccessChange { Trusts = [trust] }, trust);
        }, cancellationToken);

    /// <summary>All trusts, by name. Errors: AccessDenied.</summary>
    public async ValueTask<ImmutableArray<Trust>> ListTrustsAsync(Caller caller, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        await AuthoriseAsync(caller, Operation.ReadPolicy, null, "trusts").ConfigureAwait(false);
        return [.. Snapshot.Trusts.OrderBy(t => t.Name.Value, StringComparer.Ordinal)];
    }

    /// <summary>One trust with the values that were linked to principals, by value. Errors: AccessDenied; NotFound.</summary>
    public async ValueTask<(Trust Trust, ImmutableArray<(string Value, Principal Principal)> Links)> GetTrustAsync(Caller caller, PrincipalName name, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        await AuthoriseAsync(caller, Operation.ReadPolicy, null, name.Value).ConfigureAwait(false);
        AccessSnapshot snapshot = Snapshot;
        Trust trust = snapshot.Trusts.FirstOrDefault(t => t.Name == name) ?? throw Error.NotFound("trust", name.Value);
        string mount = MountOf(trust);
        return (trust,
        [
            .. snapshot.Aliases.Values.Where(a => a.Mount == mount).OrderBy(a => a.Name, StringComparer.Ordinal)
                .Select(a => (a.Name, snapshot.Principals.GetValueOrDefault(a.PrincipalId))).Where(a => a.Item2 is not null).Select(a => (a.Name, a.Item2!)),
        ]);
    }

    /// <summary>Removes a trust; it proves nobody from the very next request on, and sessions got with it end. Errors: AccessDenied; NotFound.</summary>
    public ValueTask<Trust> DeleteTrustAsync(Caller caller, PrincipalName name, CancellationToken cancellationToken) =>
        ChangeAsync(caller, Operation.Administer, null, name.Value, (snapshot, _) =>
        {
            Trust trust = snapshot.Trusts.FirstOrDefault(t => t.Name == name) ?? throw Error.NotFound("trust", name.Value);
            return (new AccessChange { RemovedTrusts = [trust.Id] }, trust);
        }, cancellationToken);

    private Trust Made(AccessSnapshot snapshot, NewTrust wanted, Guid id)
    {
        static void Refuse(bool bad, string why, string member)
        {
            if (bad)
            {
                throw Error.InvalidRequest(why, member);
            }
        }

        Refuse(wanted.Kind == TrustKind.LocalUser || !Enum.IsDefined(wanted.Kind), "a trust of this kind is made in another way", "kind");
        Refuse(wanted.Issuer.Length is 0 or > MaxTrustText, "a trust has an issuer", "issuer");
        Refuse(wanted.Settings.Length > MaxTrustSettings, "the settings are too long", "settings");
        Refuse(wanted.Audiences.Any(a => a.Length is 0 or > MaxTrustText), "an audience is 1 to 2048 characters", "audiences");
        Refuse(wanted.Kind != TrustKind.Certificate && wanted.Audiences.IsEmpty, "a trust names the audience that proofs must be for; without it, a token meant for anybody else would do", "audiences");
        Refuse(wanted.Claims.Count > MaxTrustClaims || wanted.Claims.Any(c => c.Key.Length is 0 or > 256 || c.Value.Length is 0 or > MaxTrustText), "a claim has a name and a pattern", "claims");
        Refuse(wanted.Principal is null == wanted.PrincipalClaim is null, "a trust names its principal, or the claim that does", "principal");
        Refuse(wanted.PrincipalClaim is { Length: 0 or > 256 }, "the claim that names the principal has a name", "principalClaim");
        Refuse(wanted.NewGroup is not null && wanted.PrincipalClaim is null, "only a trust whose claim names the principal creates any", "newGroup");
        // Whoever has an account at a public issuer has a token of it: something must tell one's own from all the others.
        Refuse(wanted.Principal is not null && wanted.Claims.Values.All(p => p.AsSpan().TrimEnd("*?").IsEmpty), "a trust pins at least one claim, or everybody at the issuer would be this principal", "claims");
        _ = LoginSettings.Read(wanted.Kind, wanted.Settings, wanted.Audiences);
        Refuse(wanted.MaxSeconds is < 60 or > CredentialService.MaxSessionSeconds, $"a session lasts 60 to {CredentialService.MaxSessionSeconds} seconds", "maxSeconds");
        return new()
        {
            Id = id,
            Name = wanted.Name,
            Kind = wanted.Kind,
            Issuer = wanted.Issuer,
            Audiences = wanted.Audiences,
            Claims = wanted.Claims,
            PrincipalId = wanted.Principal is { } name ? Find(snapshot, name).Id : null,
            PrincipalClaim = wanted.PrincipalClaim,
            NewGroup = wanted.NewGroup is { } group ? (snapshot.GroupsByName.GetValueOrDefault(group) ?? throw Error.NotFound("group", group.Value)).Id : null,
            MaxSeconds = wanted.MaxSeconds,
            Settings = wanted.Settings,
            Created = _parts.Clock.Now(),
        };
    }

    private Trust LocalTrust(Keyring keys, Principal principal, uint uid) => RowMacs.Sign(keys, new Trust
    {
        Id = Guid.NewGuid(),
        Name = PrincipalName.Parse(string.Create(CultureInfo.InvariantCulture, $"local-{uid}")),
        Issuer = Trust.LocalSocket,
        Claims = Secret.NoTags.Add("uid", uid.ToString(CultureInfo.InvariantCulture)),
        PrincipalId = principal.Id,
        Created = _parts.Clock.Now(),
    });
}
