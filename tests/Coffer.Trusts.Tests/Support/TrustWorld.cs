using System.Net;
using System.Text.Json.Nodes;
using Coffer.Core;
using Coffer.Core.Access;
using Coffer.Core.Audit;
using Coffer.Core.Errors;
using Coffer.Core.Sealing;
using Coffer.Core.Secrets;
using Coffer.Testing;
using Coffer.Trusts.Aws;
using Coffer.Trusts.Certificates;
using Coffer.Trusts.Kubernetes;

namespace Coffer.Trusts.Tests.Support;

/// <summary>A whole core with every verifier, whose calls go to stubs on loopback, and the workload <c>deploy</c> that trusts prove.</summary>
internal sealed class TrustWorld : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("coffer-trusts-").FullName;
    private int _requests;

    private TrustWorld() => Core = new(new()
    {
        Store = new InMemoryStore(),
        AuditDirectory = Path.Combine(_folder, "audit"),
        Clock = Issuer.Clock,
        Verifiers = [Issuer.Verifier, new TokenReviewVerifier(Issuer.Http), new CallerIdentityVerifier(Issuer.Http, Issuer.Clock), new CertificateVerifier(Issuer.Clock)],
    });

    public TestIssuer Issuer { get; } = new();

    public CofferCore Core { get; }

    public Caller Root { get; private set; } = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static async Task<TrustWorld> StartAsync()
    {
        TrustWorld world = new();
        await world.Core.Seals.InitializeAsync(new MemorySeal(), Cancellation);
        await world.Core.StartAsync(Cancellation);
        await world.Core.BootstrapAsync(PrincipalName.Parse("root"), 0, Cancellation);
        world.Root = new() { Principal = world.Core.Access.PrincipalsByName[PrincipalName.Parse("root")], Credential = "test", Dialect = "test", WireOperation = "test", RequestId = "test" };
        await world.Core.Admin.CreatePrincipalAsync(world.Root, PrincipalName.Parse("deploy"), PrincipalKind.Workload, null, "", Cancellation);
        return world;
    }

    /// <summary>A trust that proves <c>deploy</c>.</summary>
    /// <param name="claims"><c>name=pattern</c>, parted by <c>;</c>.</param>
    /// <param name="settings">Settings beside what the preset fills in.</param>
    public static NewTrust New(TrustKind kind, string issuer, string claims, JsonObject? settings = null) => new()
    {
        Name = PrincipalName.Parse("ci"),
        Kind = kind,
        Issuer = issuer,
        Audiences = kind == TrustKind.Certificate ? [] : [TestIssuer.Audience],
        Claims = claims.Length == 0 ? Secret.NoTags : Secret.NoTags.AddRange(claims.Split(';').Select(c => KeyValuePair.Create(c.Split('=', 2)[0], c.Split('=', 2)[1]))),
        Principal = PrincipalName.Parse("deploy"),
        Settings = settings?.ToJsonString() ?? "",
    };

    /// <summary>A trust by a preset, whose tokens are signed with the test issuer's key.</summary>
    public Task PresetAsync(string preset, string claims, string issuer = "") =>
        CreateAsync(TrustPresets.Apply(preset, New(TrustPresets.NoKind, issuer, claims, new() { ["jwks"] = Issuer.Offline() })));

    public async Task CreateAsync(NewTrust trust, string? secret = null)
    {
        using SecretValue? value = secret is null ? null : SecretValue.Copy(System.Text.Encoding.ASCII.GetBytes(secret));
        await Core.Admin.CreateTrustAsync(Root, trust, value, Cancellation);
    }

    /// <summary>Whoever a proof proves, or null; and what the trail says of it.</summary>
    public async Task<(Identity? Identity, string Reason)> LoginAsync(TrustProof proof, string trust = "ci")
    {
        string request = $"r-{++_requests}";
        Identity? identity = null;
        try
        {
            identity = await Core.Logins.ProveTrustAsync(new("test", "login", request, IPAddress.Loopback, null), PrincipalName.Parse(trust), proof, Cancellation);
        }
        catch (CofferException refused) when (refused.Code == CofferErrorCode.Unauthenticated)
        {
            Assert.DoesNotContain(trust, refused.Message, StringComparison.Ordinal);
        }

        await foreach (AuditEntry entry in Core.AuditReader.QueryAsync(new() { RequestId = request }, Cancellation))
        {
            Assert.Equal(identity is null ? AuditDecision.Deny : AuditDecision.Allow, entry.Record.Decision);
            return (identity, entry.Record.Reason!);
        }

        throw new InvalidOperationException("a login left no record");
    }

    public Task<(Identity? Identity, string Reason)> LoginAsync(string token) => LoginAsync(new TrustProof.WebToken(token));

    public async Task TakesAsync(TrustProof proof, string principal = "deploy")
    {
        (Identity? identity, string reason) = await LoginAsync(proof);
        Assert.True(identity is not null, reason);
        Assert.Equal(principal, identity.Principal.Name.Value);
    }

    /// <summary>The proof is refused, and the trail says why.</summary>
    public async Task RefusesAsync(TrustProof proof, string reason)
    {
        (Identity? identity, string why) = await LoginAsync(proof);
        Assert.Null(identity);
        Assert.Contains(reason, why, StringComparison.Ordinal);
    }

    /// <summary>The trust cannot even be made, since it would let strangers in.</summary>
    public static void RefusesPreset(string preset, string claims, string reason, string issuer = "")
    {
        CofferException refused = Assert.Throws<CofferException>(() => TrustPresets.Apply(preset, New(TrustPresets.NoKind, issuer, claims)));
        Assert.Equal(CofferErrorCode.InvalidRequest, refused.Code);
        Assert.Contains(reason, refused.Message, StringComparison.Ordinal);
    }

    public async ValueTask DisposeAsync()
    {
        await Core.DisposeAsync();
        await Issuer.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }
}
