using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Coffer.Core.Access;
using Coffer.Core.Errors;
using Coffer.Trusts.Tests.Support;

namespace Coffer.Trusts.Tests;

/// <summary>Client certificates: whose they are, and whose they only look to be.</summary>
public sealed class CertificateTests : IAsyncLifetime
{
    private const string NoChain = "does not chain";

    private TrustWorld _world = null!;
    private TestAuthority _authority = null!;

    public async ValueTask InitializeAsync()
    {
        _world = await TrustWorld.StartAsync();
        _authority = new(_world.Issuer.Clock.GetUtcNow());
    }

    public async ValueTask DisposeAsync()
    {
        _authority.Dispose();
        await _world.DisposeAsync();
    }

    [Theory]
    [InlineData("cn=api;ou=shop;o=Acme")]
    [InlineData("dns=api.shop.acme.example")]
    [InlineData("dns=*.shop.acme.example")]
    [InlineData("dns=second.acme.example")]
    [InlineData("uri=spiffe://acme.example/ns/shop/sa/api")]
    [InlineData("uri=spiffe://acme.example/ns/shop/*")]
    [InlineData("issuer=CN=Acme clients;cn=api")]
    public async Task A_certificate_of_the_authority_proves_its_names(string claims)
    {
        await CreateAsync(claims);
        await TakesAsync(new() { Dns = ["api.shop.acme.example", "second.acme.example"], Uris = ["spiffe://acme.example/ns/shop/sa/api"] });
    }

    [Theory]
    [InlineData("cn=api", "CN=API, O=Acme")]
    [InlineData("cn=api", "CN=api2")]
    [InlineData("cn=api", "O=api")]
    [InlineData("o=Acme", "CN=api, O=Acme Evil")]
    [InlineData("dns=api.shop.acme.example", "")]
    [InlineData("dns=*.shop.acme.example", "")]
    [InlineData("uri=spiffe://acme.example/ns/shop/*", "")]
    public async Task Attack_19_another_name_is_another_client(string claims, string subject)
    {
        await CreateAsync(claims);
        await RefusesLeafAsync(subject.Length > 0
            ? new() { Subject = subject }
            : new() { Dns = ["api.shop.acme.example.evil.test", "xapi.shop.acme.example2", "shop.acme.example", "api.shop-acme.example"], Uris = ["spiffe://acme.example/ns/shop-evil/sa/api", "spiffe://evil.test/ns/shop/"] }, "do not match");
    }

    [Fact]
    public async Task Attack_04_a_name_that_stands_elsewhere_is_no_such_name()
    {
        await CreateAsync("dns=api.shop.acme.example");
        await RefusesLeafAsync(new() { Subject = "CN=api.shop.acme.example", Dns = ["other.acme.example"] }, "do not match");
        await RefusesLeafAsync(new() { Dns = [], Uris = ["https://api.shop.acme.example/"] }, "do not match");
    }

    [Fact]
    public async Task Attack_04_another_authority_of_the_same_name_is_another()
    {
        await CreateAsync("cn=api");
        using TestAuthority twin = new(_world.Issuer.Clock.GetUtcNow(), "CN=Acme clients"), other = new(_world.Issuer.Clock.GetUtcNow(), "CN=Other");
        using X509Certificate2 forged = twin.Leaf(new()), foreign = other.Leaf(new());
        await RefusesAsync(forged, NoChain);
        await RefusesAsync(foreign, NoChain);
    }

    [Fact]
    public async Task Attack_04_time_is_the_server_s_and_counts_on_both_ends()
    {
        await CreateAsync("cn=api");
        await RefusesLeafAsync(new() { From = TimeSpan.FromHours(-2), Until = TimeSpan.FromSeconds(-1) }, NoChain);
        await RefusesLeafAsync(new() { From = TimeSpan.FromMinutes(1) }, NoChain);
        using X509Certificate2 leaf = _authority.Leaf(new() { Until = TimeSpan.FromMinutes(10) });
        (Identity? identity, _) = await _world.LoginAsync(Proof(leaf));
        // Nothing got with it outlives it.
        Assert.Equal(new DateTimeOffset(leaf.NotAfter.ToUniversalTime()).ToUnixTimeSeconds() * 1_000_000, identity?.Expires);
        _world.Issuer.Clock.Advance(TimeSpan.FromMinutes(11));
        await RefusesAsync(leaf, NoChain);
    }

    [Fact]
    public async Task Attack_04_a_certificate_for_something_else_is_no_client_s()
    {
        await CreateAsync("cn=api");
        await RefusesLeafAsync(new() { Uses = [TestAuthority.ForServers] }, "not for clients");
        await RefusesLeafAsync(new() { Uses = [] }, "not for clients");
        await RefusesLeafAsync(new() { Uses = [TestAuthority.ForAnything] }, "not for clients");
        await RefusesLeafAsync(new() { KeyUsage = X509KeyUsageFlags.KeyEncipherment }, "not for signatures");
        await RefusesLeafAsync(new() { KeyUsage = X509KeyUsageFlags.DigitalSignature | X509KeyUsageFlags.KeyCertSign }, "may sign others");
        await TakesAsync(new() { Uses = [TestAuthority.ForServers, TestAuthority.ForClients], KeyUsage = null });
    }

    [Fact]
    public async Task Attack_04_an_authority_is_no_client()
    {
        await CreateAsync("cn=*api*");
        await RefusesLeafAsync(new() { IsAuthority = true }, "nobody's identity");
        await RefusesAsync(_authority.Certificate, "nobody's identity");
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new("CN=api", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new(TestAuthority.ForClients)], false));
        using X509Certificate2 own = request.CreateSelfSigned(_world.Issuer.Clock.GetUtcNow().AddDays(-1), _world.Issuer.Clock.GetUtcNow().AddDays(1));
        await RefusesAsync(own, "its own authority");
    }

    [Fact]
    public async Task Attack_04_a_client_under_another_client_is_nobody()
    {
        await CreateAsync("cn=api");
        using X509Certificate2 client = _authority.Leaf(new() { Subject = "CN=client" });
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new("CN=api", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new(TestAuthority.ForClients)], false));
        using ECDsa signer = client.GetECDsaPrivateKey()!;
        using X509Certificate2 below = request.Create(client.SubjectName, X509SignatureGenerator.CreateForECDsa(signer), _world.Issuer.Clock.GetUtcNow().AddHours(-1), _world.Issuer.Clock.GetUtcNow().AddHours(1), [1, 2, 3]);
        await RefusesAsync(below, NoChain);
    }

    [Fact]
    public async Task An_intermediate_is_the_trust_s_to_name_and_its_name_constraints_hold()
    {
        using TestAuthority between = new(_world.Issuer.Clock.GetUtcNow(), "CN=Shop clients", _authority, Constraint("shop.acme.example"));
        using X509Certificate2 good = between.Leaf(new()), bad = between.Leaf(new() { Dns = ["api.shop.acme.example", "api.pay.acme.example"] });
        await CreateAsync("cn=api");
        await RefusesAsync(good, NoChain);
        await _world.Core.Admin.DeleteTrustAsync(_world.Root, PrincipalName.Parse("ci"), TestContext.Current.CancellationToken);
        await CreateAsync("cn=api", between.Pem);
        await _world.TakesAsync(Proof(good));
        await RefusesAsync(bad, NoChain);
    }

    [Fact]
    public async Task Weak_keys_and_broken_signatures_are_refused()
    {
        await CreateAsync("cn=api");
        await RefusesLeafAsync(new() { RsaBits = 1024 }, "too short");
        await RefusesLeafAsync(new() { IsBroken = true }, "broken kind");
        await TakesAsync(new() { RsaBits = 2048 });
    }

    [Fact]
    public async Task Attack_19_a_name_with_a_zero_byte_is_refused()
    {
        await CreateAsync("dns=api.shop.acme.example*");
        AsnWriter writer = new(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            writer.WriteCharacterString(UniversalTagNumber.IA5String, "api.shop.acme.example\0.evil.test", new(TagClass.ContextSpecific, 2));
        }

        await RefusesLeafAsync(new() { Dns = [], Extensions = [new("2.5.29.17", writer.Encode(), false)] }, "not plain text");
    }

    [Fact]
    public async Task Attack_19_a_part_of_the_name_that_is_two_is_none()
    {
        await CreateAsync("cn=api");
        // CN=api+OU=shop, one part of two attributes.
        AsnWriter writer = new(AsnEncodingRules.DER);
        using (writer.PushSequence())
        using (writer.PushSetOf())
        {
            foreach ((string type, string value) in new[] { ("2.5.4.3", "api"), ("2.5.4.11", "shop") })
            {
                using (writer.PushSequence())
                {
                    writer.WriteObjectIdentifier(type);
                    writer.WriteCharacterString(UniversalTagNumber.UTF8String, value);
                }
            }
        }

        await RefusesLeafAsync(new() { Subject = new X500DistinguishedName(writer.Encode()).Name }, "do not match");
    }

    [Fact]
    public async Task What_is_no_certificate_is_refused_without_a_fault()
    {
        await CreateAsync("cn=api");
        using X509Certificate2 good = _authority.Leaf(new());
        byte[] der = good.RawData;
        byte[][] bad = [[], [0x30], [0x30, 0x80], Encoding.ASCII.GetBytes(good.ExportCertificatePem()), [.. der, .. der], [.. new byte[17 * 1024]], der[..^1]];
        foreach (byte[] bytes in bad)
        {
            Assert.Null((await _world.LoginAsync(new TrustProof.ClientCertificate(bytes))).Identity);
        }

        // No bit of it may be another.
        for (int i = 0; i < der.Length; i += 7)
        {
            byte[] changed = [.. der];
            changed[i] ^= 1;
            Assert.Null((await _world.LoginAsync(new TrustProof.ClientCertificate(changed))).Identity);
        }

        Assert.Null((await _world.LoginAsync("a.b.c")).Identity);
    }

    [Fact]
    public async Task Attack_04_a_client_s_own_certificate_cannot_be_pinned()
    {
        using X509Certificate2 leaf = _authority.Leaf(new());
        string[] settings =
        [
            "{}", new JsonObject { ["roots"] = leaf.ExportCertificatePem() }.ToJsonString(), new JsonObject { ["roots"] = _authority.Pem, ["intermediates"] = leaf.ExportCertificatePem() }.ToJsonString(),
            """{"roots":""}""", """{"roots":"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"}""", new JsonObject { ["roots"] = _authority.Pem, ["root"] = "x" }.ToJsonString(),
            new JsonObject { ["roots"] = _authority.Pem + PrivateKey() }.ToJsonString(),
        ];
        foreach (string text in settings)
        {
            NewTrust trust = TrustWorld.New(TrustKind.Certificate, "Acme", "cn=api") with { Settings = text };
            Assert.Equal(CofferErrorCode.InvalidRequest, (await Assert.ThrowsAsync<CofferException>(() => _world.CreateAsync(trust))).Code);
        }
    }

    private static string PrivateKey()
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return "\n" + key.ExportPkcs8PrivateKeyPem();
    }

    /// <summary>Only names under one domain (RFC 5280, 4.2.1.10).</summary>
    private static X509Extension Constraint(string domain)
    {
        AsnWriter writer = new(AsnEncodingRules.DER);
        using (writer.PushSequence())
        using (writer.PushSequence(new Asn1Tag(TagClass.ContextSpecific, 0)))
        using (writer.PushSequence())
        {
            writer.WriteCharacterString(UniversalTagNumber.IA5String, domain, new(TagClass.ContextSpecific, 2));
        }

        return new("2.5.29.30", writer.Encode(), true);
    }

    private Task CreateAsync(string claims, string? intermediates = null)
    {
        JsonObject settings = new() { ["roots"] = _authority.Pem };
        if (intermediates is not null)
        {
            settings["intermediates"] = intermediates;
        }

        return _world.CreateAsync(TrustWorld.New(TrustKind.Certificate, "Acme clients", claims, settings));
    }

    private static TrustProof.ClientCertificate Proof(X509Certificate2 certificate) => new(certificate.RawData);

    private async Task TakesAsync(LeafOptions options)
    {
        using X509Certificate2 leaf = _authority.Leaf(options);
        await _world.TakesAsync(Proof(leaf));
    }

    private async Task RefusesLeafAsync(LeafOptions options, string reason)
    {
        using X509Certificate2 leaf = _authority.Leaf(options);
        await RefusesAsync(leaf, reason);
    }

    private Task RefusesAsync(X509Certificate2 certificate, string reason) => _world.RefusesAsync(Proof(certificate), reason);
}
