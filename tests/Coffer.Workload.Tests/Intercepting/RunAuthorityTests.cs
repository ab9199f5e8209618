using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Coffer.Workload.Intercepting;
using Microsoft.Extensions.Time.Testing;

namespace Coffer.Workload.Tests.Intercepting;

public sealed class RunAuthorityTests
{
    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 5, 4, 3, 2, 1, TimeSpan.Zero));

    private bool Chains(RunAuthority authority, X509Certificate2 leaf)
    {
        using X509Chain chain = new();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.VerificationTime = _clock.GetUtcNow().DateTime;
        chain.ChainPolicy.CustomTrustStore.ImportFromPem(authority.Pem);
        return chain.Build(leaf);
    }

    [Fact]
    public void The_authority_is_for_this_run_and_these_names_alone()
    {
        using RunAuthority authority = new(_clock);
        using X509Certificate2 ca = X509Certificate2.CreateFromPem(authority.Pem);

        Assert.False(ca.HasPrivateKey);
        Assert.Equal(TimeSpan.FromDays(7) + TimeSpan.FromMinutes(5), ca.NotAfter - ca.NotBefore);
        X509BasicConstraintsExtension basic = ca.Extensions.OfType<X509BasicConstraintsExtension>().Single();
        Assert.True(basic.CertificateAuthority && basic.Critical && basic.HasPathLengthConstraint && basic.PathLengthConstraint == 0);
        Assert.True(ca.Extensions["2.5.29.30"]!.Critical);
    }

    [Theory]
    [InlineData("secretsmanager.us-east-1.amazonaws.com")]
    [InlineData("demo.vault.azure.net")]
    [InlineData("secretmanager.europe-west3.rep.googleapis.com")]
    [InlineData("login.microsoftonline.com")]
    [InlineData(null)]
    public void A_leaf_is_for_one_exact_name_and_lasts_a_day(string? name)
    {
        using RunAuthority authority = new(_clock);

        X509Certificate2 leaf = authority.ContextOf(name).TargetCertificate;

        Assert.True(Chains(authority, leaf));
        Assert.True(leaf.MatchesHostname(name ?? "localhost"));
        Assert.Equal(name is null, leaf.MatchesHostname("127.0.0.1"));
        Assert.Equal(name is null ? 2 : 1, leaf.Extensions.OfType<X509SubjectAlternativeNameExtension>().Single().EnumerateDnsNames().Count() + leaf.Extensions.OfType<X509SubjectAlternativeNameExtension>().Single().EnumerateIPAddresses().Count());
        Assert.Equal(TimeSpan.FromHours(24) + TimeSpan.FromMinutes(5), leaf.NotAfter - leaf.NotBefore);
        Assert.NotNull(leaf.GetECDsaPublicKey());
    }

    /// <summary>Names that the table can never ask for; the constraint holds even if it did.</summary>
    [Theory]
    [InlineData("example.com")]
    [InlineData("storage.googleapis.com")]
    [InlineData("amazonaws.com.evil.test")]
    public void A_leaf_outside_the_constraint_is_worth_nothing(string name)
    {
        using RunAuthority authority = new(_clock);

        Assert.False(Chains(authority, authority.ContextOf(name).TargetCertificate));
    }

    [Fact]
    public void A_leaf_is_kept_and_replaced_at_half_its_life()
    {
        using RunAuthority authority = new(_clock);
        SslStreamCertificateContext first = authority.ContextOf("demo.vault.azure.net");
        _clock.Advance(TimeSpan.FromHours(11));
        Assert.Same(first, authority.ContextOf("demo.vault.azure.net"));

        _clock.Advance(TimeSpan.FromHours(1));

        Assert.NotSame(first, authority.ContextOf("demo.vault.azure.net"));
        Assert.True(Chains(authority, authority.ContextOf("demo.vault.azure.net").TargetCertificate));
    }

    [Fact]
    public void No_leaf_outlives_the_authority()
    {
        using RunAuthority authority = new(_clock);
        using X509Certificate2 ca = X509Certificate2.CreateFromPem(authority.Pem);
        _clock.Advance(TimeSpan.FromDays(7) - TimeSpan.FromHours(2));

        Assert.Equal(ca.NotAfter, authority.ContextOf("demo.vault.azure.net").TargetCertificate.NotAfter);
    }

    [Fact]
    public void Two_runs_share_nothing()
    {
        using RunAuthority one = new(_clock), other = new(_clock);

        Assert.False(Chains(other, one.ContextOf("demo.vault.azure.net").TargetCertificate));
    }
}
