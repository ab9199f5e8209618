using Coffer.Core.Access;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;

namespace Coffer.Trusts.Tests;

/// <summary>A trust in an issuer that serves everybody must pin what only its owner controls.</summary>
public sealed class PublicIssuerTests
{
    private const string Tenant = "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0";

    [Theory]
    [InlineData(PublicIssuers.GitHub, "repository=acme/shop")]
    [InlineData(PublicIssuers.GitHub, "repository=acme/*")]
    [InlineData(PublicIssuers.GitHub, "repository_owner=acme")]
    [InlineData(PublicIssuers.GitHub, "sub=repo:acme/shop:ref:refs/heads/main")]
    [InlineData(PublicIssuers.GitHub, "sub=repo:acme/shop:*")]
    [InlineData(PublicIssuers.GitLab, "project_path=acme/shop")]
    [InlineData(PublicIssuers.GitLab, "namespace_path=acme")]
    [InlineData(PublicIssuers.GitLab, "sub=project_path:acme/*:ref_type:branch:ref:main")]
    [InlineData(PublicIssuers.Google, "sub=1234")]
    [InlineData(PublicIssuers.Google, "email=ci@acme.iam.gserviceaccount.com;email_verified=true")]
    [InlineData(Tenant, "oid=x")]
    [InlineData("https://ci.acme.example", "anything=*x")]
    public void What_only_the_owner_controls_is_enough(string issuer, string claims) => PublicIssuers.Check(Of(issuer, claims));

    [Theory]
    [InlineData(PublicIssuers.GitHub, "ref=refs/heads/main")]
    [InlineData(PublicIssuers.GitHub, "repository=*")]
    [InlineData(PublicIssuers.GitHub, "repository=acme*")]
    [InlineData(PublicIssuers.GitHub, "repository=*/shop")]
    [InlineData(PublicIssuers.GitHub, "repository=acme?shop")]
    [InlineData(PublicIssuers.GitHub, "repository_owner=acme*")]
    [InlineData(PublicIssuers.GitHub, "sub=repo:acme*")]
    [InlineData(PublicIssuers.GitHub, "sub=*:ref:refs/heads/main")]
    [InlineData(PublicIssuers.GitHub, "sub=repo:*/shop:ref:refs/heads/main")]
    [InlineData(PublicIssuers.GitHub + "/", "environment=production")]
    [InlineData(PublicIssuers.GitLab, "ref=main")]
    [InlineData(PublicIssuers.GitLab, "project_path=acme*")]
    [InlineData(PublicIssuers.GitLab, "sub=project_path:*")]
    [InlineData(PublicIssuers.Google, "email=ci@acme.iam.gserviceaccount.com")]
    [InlineData(PublicIssuers.Google, "email=*@acme.com;email_verified=true")]
    [InlineData(Tenant, "ver=2.0")]
    [InlineData(Tenant, "oid=*")]
    [InlineData("https://login.microsoftonline.com/common/v2.0", "oid=x")]
    [InlineData("https://login.microsoftonline.com/organizations/v2.0", "sub=x")]
    [InlineData("https://sts.windows.net/acme.com/", "sub=x")]
    public void Attack_19_what_a_stranger_has_too_is_not(string issuer, string claims)
    {
        CofferException refused = Assert.Throws<CofferException>(() => PublicIssuers.Check(Of(issuer, claims)));
        Assert.Equal(CofferErrorCode.InvalidRequest, refused.Error.Code);
    }

    [Fact]
    public void Attack_19_a_claim_that_names_the_principal_does_not_let_strangers_in()
    {
        Trust trust = Of(PublicIssuers.GitHub, "") with { PrincipalId = null, PrincipalClaim = "repository", NewGroup = Guid.NewGuid() };
        Assert.Throws<CofferException>(() => PublicIssuers.Check(trust));
        PublicIssuers.Check(trust with { Claims = Secret.NoTags.Add("repository_owner", "acme") });
        PublicIssuers.Check(Of(Tenant, "") with { PrincipalId = null, PrincipalClaim = "oid" });
    }

    private static Trust Of(string issuer, string claims) => new()
    {
        Id = Guid.NewGuid(),
        Name = PrincipalName.Parse("t"),
        Kind = TrustKind.WebToken,
        Issuer = issuer,
        Audiences = ["coffer"],
        Claims = claims.Split(';', StringSplitOptions.RemoveEmptyEntries).Aggregate(Secret.NoTags, (all, c) => all.Add(c.Split('=')[0], c.Split('=')[1])),
        PrincipalId = Guid.NewGuid(),
        Created = 0,
    };
}
