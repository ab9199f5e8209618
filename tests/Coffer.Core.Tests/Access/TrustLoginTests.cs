using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Net;
using Coffer.Core.Access;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;
using Xunit;

namespace Coffer.Core.Tests.Access;

public sealed class TrustLoginTests
{
    private static readonly LoginContext Context = new("test", "login", "request", IPAddress.Loopback, null);

    [Fact]
    public async Task A_proof_whose_claims_match_gives_a_token_that_ends_with_it_and_goes_with_the_trust()
    {
        await using CoreWorld world = await StartAsync(out StandInVerifier verifier);
        verifier.Claims = new(Values(("sub", "repo:acme/shop:ref:refs/heads/main"), ("aud", "coffer")), (world.Clock.GetUtcNow().AddMinutes(5) - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond);
        await world.Admin.CreateTrustAsync(world.Root, Ci(), null, CoreWorld.Token);
        Identity identity = await ProveAsync(world);
        Assert.Equal("ci", identity.Principal.Name.Value);
        using BearerToken token = world.Core.Logins.Bearer(identity, CredentialService.CofferAudience, 3600, "run 7");
        Assert.Equal(verifier.Claims.Expires, token.Expires);
        string text = System.Text.Encoding.ASCII.GetString(token.Token.Span);
        Assert.Equal(("ci", "run 7"), await world.Core.Credentials.ProveTokenAsync(text, IPAddress.Loopback, CoreWorld.Token) is ({ } proven, _) ? (proven.Principal.Name.Value, proven.Session) : default);
        // For another audience, with another letter, and without its trust it proves nobody.
        Assert.Null((await world.Core.Credentials.ProveBearerAsync(text, "azure", null, CoreWorld.Token)).Identity);
        for (int i = 0; i < text.Length; i++)
        {
            string other = text[..i] + (text[i] == 'a' ? 'b' : 'a') + text[(i + 1)..];
            Assert.Null((await world.Core.Credentials.ProveBearerAsync(other, CredentialService.CofferAudience, null, CoreWorld.Token)).Identity);
        }

        await world.Admin.DeleteTrustAsync(world.Root, PrincipalName.Parse("github"), CoreWorld.Token);
        Assert.Null((await world.Core.Credentials.ProveTokenAsync(text, null, CoreWorld.Token)).Identity);
        await world.Admin.CreateTrustAsync(world.Root, Ci(), null, CoreWorld.Token);
        Assert.Null((await world.Core.Credentials.ProveTokenAsync(text, null, CoreWorld.Token)).Identity);
        world.Clock.Advance(TimeSpan.FromMinutes(5));
        Assert.Equal(ProofFailure.Unknown, (await world.Core.Credentials.ProveTokenAsync(text, null, CoreWorld.Token)).Failure);
    }

    [Theory]
    [InlineData("repo:acme/shop:ref:refs/heads/main", true)]
    [InlineData("repo:acme/shop:ref:refs/tags/v1", true)]
    [InlineData("repo:acme/shop2:ref:refs/heads/main", false)]
    [InlineData("REPO:acme/shop:ref:refs/heads/main", false)]
    [InlineData(" repo:acme/shop:ref:refs/heads/main", false)]
    [InlineData("", false)]
    public async Task Claims_match_exactly_or_by_their_pattern(string subject, bool matches)
    {
        await using CoreWorld world = await StartAsync(out StandInVerifier verifier);
        verifier.Claims = new(Values(("sub", subject)), null);
        await world.Admin.CreateTrustAsync(world.Root, Ci(), null, CoreWorld.Token);
        if (matches)
        {
            Assert.Equal("ci", (await ProveAsync(world)).Principal.Name.Value);
        }
        else
        {
            Assert.Equal(CofferErrorCode.Unauthenticated, (await CoreWorld.RefusedAsync(() => ProveAsync(world))).Code);
        }
    }

    [Fact]
    public async Task A_trust_that_would_take_everybody_at_its_issuer_is_refused()
    {
        await using CoreWorld world = await StartAsync(out _);
        NewTrust[] wide =
        [
            Ci() with { Audiences = [] }, Ci() with { Claims = Secret.NoTags }, Ci() with { Claims = Secret.NoTags.Add("sub", "*") }, Ci() with { Claims = Secret.NoTags.Add("sub", "?**") },
            Ci() with { Principal = null }, Ci() with { PrincipalClaim = "sub" }, Ci() with { Kind = TrustKind.LocalUser }, Ci() with { MaxSeconds = 59 }, Ci() with { MaxSeconds = 43_201 },
            Ci() with { NewGroup = PrincipalName.Parse("people") },
        ];
        foreach (NewTrust trust in wide)
        {
            Assert.Equal(CofferErrorCode.InvalidRequest, (await CoreWorld.RefusedAsync(async () => await world.Admin.CreateTrustAsync(world.Root, trust, null, CoreWorld.Token))).Code);
        }
    }

    [Theory]
    [InlineData("root")]
    [InlineData("ci")]
    [InlineData(" root")]
    [InlineData("ＲＯＯＴ")]
    [InlineData("root\u200b")]
    [InlineData("../root")]
    public async Task Attack_12_a_claim_never_becomes_a_principal_that_is_there_already(string claimed)
    {
        await using CoreWorld world = await StartAsync(out StandInVerifier verifier);
        await world.Admin.CreateGroupAsync(world.Root, PrincipalName.Parse("people"), CoreWorld.Token);
        verifier.Claims = new(Values(("preferred_username", claimed)), null);
        await world.Admin.CreateTrustAsync(world.Root, Ci() with { Principal = null, PrincipalClaim = "preferred_username", NewGroup = PrincipalName.Parse("people"), Claims = Secret.NoTags }, null, CoreWorld.Token);
        Identity first = await ProveAsync(world), again = await ProveAsync(world);
        Assert.Equal(first.Principal.Id, again.Principal.Id);
        Assert.DoesNotContain(first.Principal.Name.Value, (string[])["root", "ci"]);
        Assert.Matches("-[0-9a-f]{8}$", "-" + first.Principal.Name.Value);
        Assert.Equal(["people"], world.Core.Access.GroupsOf[first.Principal.Id].Select(g => g.Name.Value));
        // Linked by an administrator, it is.
        await world.Admin.LinkAsync(world.Root, PrincipalName.Parse("github"), claimed, PrincipalName.Parse("ci"), CoreWorld.Token);
        Assert.Equal("ci", (await ProveAsync(world)).Principal.Name.Value);
    }

    [Theory]
    [InlineData("")]
    [InlineData("pat\u001b[2Jroot")]
    [InlineData("pat\nroot")]
    [InlineData("pat\u0085")]
    [InlineData("pat\u2028root")]
    [InlineData("pat\ud800")]
    [InlineData("€*")]
    public async Task Attack_12_a_claim_that_would_write_into_terminals_or_lists_names_nobody(string claimed)
    {
        claimed = claimed.Replace("*", new('€', 341), StringComparison.Ordinal);
        await using CoreWorld world = await StartAsync(out StandInVerifier verifier);
        await world.Admin.CreateGroupAsync(world.Root, PrincipalName.Parse("people"), CoreWorld.Token);
        verifier.Claims = new(Values(("preferred_username", claimed)), null);
        await world.Admin.CreateTrustAsync(world.Root, Ci() with { Principal = null, PrincipalClaim = "preferred_username", NewGroup = PrincipalName.Parse("people"), Claims = Secret.NoTags }, null, CoreWorld.Token);
        Assert.Equal(CofferErrorCode.Unauthenticated, (await CoreWorld.RefusedAsync(() => ProveAsync(world))).Code);
        Assert.Equal(CofferErrorCode.InvalidRequest, (await CoreWorld.RefusedAsync(() => world.Admin.LinkAsync(world.Root, PrincipalName.Parse("github"), claimed, PrincipalName.Parse("ci"), CoreWorld.Token).AsTask())).Code);
    }

    [Fact]
    public async Task A_claim_with_two_values_names_nobody_and_a_disabled_principal_stays_out()
    {
        await using CoreWorld world = await StartAsync(out StandInVerifier verifier);
        await world.Admin.CreateGroupAsync(world.Root, PrincipalName.Parse("people"), CoreWorld.Token);
        await world.Admin.CreateTrustAsync(world.Root, Ci() with { Principal = null, PrincipalClaim = "sub", NewGroup = PrincipalName.Parse("people"), Claims = Secret.NoTags }, null, CoreWorld.Token);
        verifier.Claims = new(new Dictionary<string, ImmutableArray<string>> { ["sub"] = ["a", "b"] }.ToFrozenDictionary(), null);
        Assert.Equal(CofferErrorCode.Unauthenticated, (await CoreWorld.RefusedAsync(() => ProveAsync(world))).Code);
        verifier.Claims = new(Values(("sub", "a")), null);
        Identity identity = await ProveAsync(world);
        await world.Admin.UpdatePrincipalAsync(world.Root, identity.Principal.Name, false, null, null, CoreWorld.Token);
        Assert.Equal(CofferErrorCode.Unauthenticated, (await CoreWorld.RefusedAsync(() => ProveAsync(world))).Code);
    }

    [Fact]
    public async Task A_principal_is_assumed_by_whom_it_names_and_by_nobody_else()
    {
        await using CoreWorld world = await StartAsync(out _);
        Caller agent = await world.NewAsync("agent", PrincipalKind.Workload), other = await world.NewAsync("other", PrincipalKind.Workload);
        await world.NewAsync("api", PrincipalKind.Workload);
        PrincipalName api = PrincipalName.Parse("api");
        Task<BearerToken> IssueAsync(Caller by) => world.Core.Credentials.IssueBearerAsync(by, null, api, null, "coffer", 900, "", CoreWorld.Token).AsTask();
        Assert.Equal(CofferErrorCode.AccessDenied, (await CoreWorld.RefusedAsync(() => IssueAsync(agent))).Code);
        await world.Admin.AllowAssumingAsync(world.Root, api, PrincipalName.Parse("agent"), false, CoreWorld.Token);
        (await IssueAsync(agent)).Dispose();
        Assert.Equal(CofferErrorCode.AccessDenied, (await CoreWorld.RefusedAsync(() => IssueAsync(other))).Code);
        // What limits a credential would be shaken off by becoming another.
        CofferError limited = await CoreWorld.RefusedAsync(() => IssueAsync(agent with { Limits = [new(GrantLanguage.LanguageName, [])] }));
        Assert.Equal(CofferErrorCode.AccessDenied, limited.Code);
        Assert.Contains("limits would not go along", limited.Message, StringComparison.Ordinal);
        // And the networks of the credential are those of what is got with it.
        Identity bound = new() { Principal = agent.Principal, Credential = agent.Credential, Root = CredentialService.RootOf(world.Core.Access.Trusts[0]), Cidrs = [IPNetwork.Parse("10.0.0.0/8")] };
        using TemporaryAccessKey key = await world.Core.Credentials.IssueSessionAsync(agent, bound, api, null, 900, "", CoreWorld.Token);
        Assert.NotNull((await world.Core.Credentials.FindAccessKeyAsync(key.AccessKeyId, key.SessionToken, IPAddress.Parse("10.1.2.3"), CoreWorld.Token)).Key);
        Assert.Equal(ProofFailure.WrongAddress, (await world.Core.Credentials.FindAccessKeyAsync(key.AccessKeyId, key.SessionToken, IPAddress.Parse("192.0.2.1"), CoreWorld.Token)).Failure);
        // It may act as it, and holds none of its grants by itself.
        await world.Admin.CreateVaultAsync(world.Root, VaultName.Parse("shop-dev"), new(), CoreWorld.Token);
        await world.GrantAsync("api", CofferActions.Writer, "shop-dev");
        Assert.Equal(CofferErrorCode.AccessDenied, (await CoreWorld.RefusedAsync(() => world.WriteAsync(agent, "shop-dev/a", "v"))).Code);
        await world.Admin.ForbidAssumingAsync(world.Root, api, PrincipalName.Parse("agent"), false, CoreWorld.Token);
        Assert.Equal(CofferErrorCode.AccessDenied, (await CoreWorld.RefusedAsync(() => IssueAsync(agent))).Code);
    }

    private static NewTrust Ci() => new()
    {
        Name = PrincipalName.Parse("github"),
        Kind = TrustKind.WebToken,
        Issuer = "https://token.actions.example",
        Audiences = ["coffer"],
        Claims = Secret.NoTags.Add("sub", "repo:acme/shop:*"),
        Principal = PrincipalName.Parse("ci"),
    };

    private static Task<Identity> ProveAsync(CoreWorld world) => world.Core.Logins.ProveTrustAsync(Context, PrincipalName.Parse("github"), new TrustProof.WebToken("token"), CoreWorld.Token).AsTask();

    private static FrozenDictionary<string, ImmutableArray<string>> Values(params (string Name, string Value)[] claims) => claims.ToFrozenDictionary(c => c.Name, c => ImmutableArray.Create(c.Value));

    private static Task<CoreWorld> StartAsync(out StandInVerifier verifier)
    {
        verifier = new();
        return StartAsync(verifier);
    }

    private static async Task<CoreWorld> StartAsync(StandInVerifier verifier)
    {
        CoreWorld world = await CoreWorld.StartAsync(verifier);
        await world.NewAsync("ci", PrincipalKind.Workload);
        return world;
    }

    /// <summary>Takes every proof and answers the claims that the test set.</summary>
    private sealed class StandInVerifier : ITrustVerifier
    {
        public ProvenClaims? Claims { get; set; }

        public ImmutableArray<TrustKind> Kinds => [TrustKind.WebToken];

        public void Check(Trust trust)
        {
        }

        public ValueTask<(ProvenClaims? Claims, string Reason)> VerifyAsync(Trust trust, SecretValue? secret, TrustProof proof, CancellationToken cancellationToken) => new((Claims, "stand-in"));
    }
}
