using System.Text.Json.Nodes;
using Coffer.Core.Access;
using Coffer.Core.Errors;
using Coffer.Trusts.Tests.Support;

namespace Coffer.Trusts.Tests;

/// <summary>
/// Tokens as each system writes them, through a preset, the verifier and the core; and the mistakes that have let strangers in
/// elsewhere. Each refusal changes one thing of a token that is taken.
/// </summary>
public sealed class PresetTests : IAsyncDisposable
{
    private const string Tenant = "8f1b7c1e-5c57-4d0b-9d5e-2f2a7b8f0c11", AzureIssuer = $"https://login.microsoftonline.com/{Tenant}/v2.0", Cluster = "https://kubernetes.default.svc.cluster.local";
    private const string NoMatch = "the claims do not match the trust";

    private TrustWorld _world = null!;

    public async ValueTask DisposeAsync()
    {
        if (_world is not null)
        {
            await _world.DisposeAsync();
        }
    }

    [Theory]
    [InlineData("sub=repo:acme/shop:ref:refs/heads/main", "")]
    [InlineData("sub=repo:acme/*:ref:refs/heads/main", "")]
    [InlineData("sub=repo:acme/shop:ref:refs/heads/ma*", "")]
    [InlineData("repository=acme/shop;ref=refs/heads/main", "")]
    [InlineData("repository_id=74;repository_owner_id=65;ref=refs/heads/main", "")]
    [InlineData("repository=acme/shop;environment=prod", "environment=prod;sub=repo:acme/shop:environment:prod")]
    [InlineData("repository=acme/shop;ref=*", "ref=refs/heads/topic;sub=repo:acme/shop:ref:refs/heads/topic")]
    [InlineData("repository=acme/shop;ref=refs/tags/v*", "ref=refs/tags/v1.2.3;ref_type=tag;sub=repo:acme/shop:ref:refs/tags/v1.2.3")]
    [InlineData("repository=acme/shop;event_name=pull_request", "event_name=pull_request;ref=refs/pull/7/merge;sub=repo:acme/shop:pull_request")]
    [InlineData("sub=repo:acme/shop:pull_request", "event_name=pull_request;ref=refs/pull/7/merge;sub=repo:acme/shop:pull_request")]
    public async Task GitHub_takes_the_jobs_that_are_meant(string trust, string token) => await TakesAsync("github", trust, GitHub(), token);

    [Theory]
    // An owner whose name begins like ours, in every claim that names it.
    [InlineData("sub=repo:acme/*:ref:refs/heads/main", "sub=repo:acme-evil/shop:ref:refs/heads/main;repository=acme-evil/shop;repository_owner=acme-evil", NoMatch)]
    [InlineData("repository=acme/*;ref=refs/heads/main", "repository=acme-evil/shop", NoMatch)]
    [InlineData("repository=acme/shop;ref=refs/heads/main", "repository=acme/shop-evil", NoMatch)]
    [InlineData("repository=acme/shop;ref=refs/heads/main", "repository=evil/acme/shop", NoMatch)]
    [InlineData("repository=acme/shop;ref=refs/heads/main", "repository=ACME/shop", NoMatch)]
    // The same name, taken again after ours was deleted.
    [InlineData("repository_id=74;ref=refs/heads/main", "repository_id=9174", NoMatch)]
    // Another branch, another environment, none.
    [InlineData("repository=acme/shop;ref=refs/heads/main", "ref=refs/heads/main-2", NoMatch)]
    [InlineData("repository=acme/shop;ref=refs/heads/main", "ref=refs/tags/refs/heads/main", NoMatch)]
    [InlineData("repository=acme/shop;environment=prod", "environment=prod-2", NoMatch)]
    [InlineData("repository=acme/shop;environment=prod", "", NoMatch)]
    // A pull request, whose branch is the reviewer's to read; and pull_request_target, which runs under the name of main.
    [InlineData("repository=acme/shop;ref=*", "event_name=pull_request;ref=refs/pull/7/merge;sub=repo:acme/shop:pull_request", "claim that the trust refuses")]
    [InlineData("repository=acme/shop;ref=refs/heads/main", "event_name=pull_request_target", "claim that the trust refuses")]
    [InlineData("sub=repo:acme/shop:ref:refs/heads/main", "event_name=pull_request_target", "claim that the trust refuses")]
    // A stranger's repository that calls our workflow.
    [InlineData("repository_owner=acme;job_workflow_ref=acme/shop/.github/workflows/deploy.yml@refs/heads/main", "repository=evil/x;repository_owner=evil", NoMatch)]
    // An installation of GitHub's server elsewhere, and a token that some other service asked for.
    [InlineData("repository=acme/shop;ref=refs/heads/main", "iss=https://token.actions.githubusercontent.com/evil", "another issuer")]
    [InlineData("repository=acme/shop;ref=refs/heads/main", "aud=https://github.com/acme", "another audience")]
    public async Task Attack_19_GitHub_refuses_the_others(string trust, string token, string reason) => await RefusesAsync("github", trust, GitHub(), token, reason);

    [Theory]
    [InlineData("", "anybody at GitHub")]
    [InlineData("repository=acme/shop", "every branch")]
    [InlineData("repository_owner=acme", "every branch")]
    [InlineData("sub=repo:acme/shop:*", "every branch")]
    [InlineData("sub=repo:acme/*", "every branch")]
    [InlineData("sub=repo:acme/shop:ref:*", "every branch")]
    [InlineData("sub=repo:acme/shop:ref:refs/*", "every branch")]
    [InlineData("sub=repo:acme/shop:ref:refs/heads/*", "every branch")]
    [InlineData("sub=repo:acme/shop:ref:refs/?eads/main", "every branch")]
    [InlineData("sub=repo:acme/shop:environment:*", "every branch")]
    [InlineData("sub=repo:acme/shop:", "every branch")]
    [InlineData("sub=repo:acme*:ref:refs/heads/main", "anybody at GitHub")]
    [InlineData("repository=acme*;ref=refs/heads/main", "anybody at GitHub")]
    [InlineData("job_workflow_ref=acme/shop/.github/workflows/deploy.yml@refs/heads/main", "anybody at GitHub")]
    public void Attack_19_GitHub_trusts_that_are_too_wide_are_not_made(string claims, string reason)
    {
        TrustWorld.RefusesPreset("github", claims, reason);
        // Nor for an installation of one's own, where the others are colleagues.
        TrustWorld.RefusesPreset("github", claims, reason, "https://github.acme.example/_services/token");
    }

    [Theory]
    [InlineData("project_path=acme/shop;ref_protected=true", "")]
    [InlineData("namespace_path=acme;environment=production;environment_protected=true", "")]
    [InlineData("sub=project_path:acme/shop:ref_type:branch:ref:main", "")]
    [InlineData("project_id=20;ref=main;ref_type=branch", "")]
    public async Task GitLab_takes_the_jobs_that_are_meant(string trust, string token) => await TakesAsync("gitlab", trust, GitLab(), token);

    [Theory]
    [InlineData("project_path=acme/shop;ref_protected=true", "ref_protected=false;ref=topic", NoMatch)]
    [InlineData("project_path=acme/shop;ref_protected=true", "project_path=acme/shop-evil", NoMatch)]
    [InlineData("project_path=acme/*;ref_protected=true", "project_path=acme-evil/shop", NoMatch)]
    [InlineData("namespace_path=acme;ref_protected=true", "namespace_path=evil/acme", NoMatch)]
    [InlineData("sub=project_path:acme/*:ref_type:branch:ref:main", "sub=project_path:acme-evil/x:ref_type:branch:ref:main", NoMatch)]
    // A tag that is called like the branch.
    [InlineData("sub=project_path:acme/shop:ref_type:branch:ref:main", "sub=project_path:acme/shop:ref_type:tag:ref:main;ref_type=tag", NoMatch)]
    [InlineData("project_path=acme/shop;ref_protected=true", "iss=https://gitlab.evil.example", "another issuer")]
    [InlineData("project_path=acme/shop;ref_protected=true", "aud=https://gitlab.com", "another audience")]
    public async Task Attack_19_GitLab_refuses_the_others(string trust, string token, string reason) => await RefusesAsync("gitlab", trust, GitLab(), token, reason);

    [Theory]
    [InlineData("ref_protected=true", "anybody at gitlab.com")]
    [InlineData("project_path=acme/shop", "every branch")]
    [InlineData("sub=project_path:acme/shop:*", "every branch")]
    [InlineData("sub=project_path:acme/shop:ref_type:branch:ref:*", "every branch")]
    [InlineData("sub=project_path:acme/shop:ref_type:*:ref:main", "every branch")]
    public void Attack_19_GitLab_trusts_that_are_too_wide_are_not_made(string claims, string reason) => TrustWorld.RefusesPreset("gitlab", claims, reason);

    [Theory]
    [InlineData($"tid={Tenant};oid=0a1b", "")]
    [InlineData($"tid={Tenant};azp=app-1;roles=Secrets.Read", "")]
    public async Task Azure_takes_the_identity_that_is_meant(string trust, string token) => await TakesAsync("azure", trust, Azure(), token);

    [Theory]
    [InlineData("oid=0a1c", NoMatch)]
    [InlineData("tid=00000000-0000-0000-0000-000000000000", NoMatch)]
    // Another tenant, the tenant's older form, and the endpoint that serves them all.
    [InlineData("iss=https://login.microsoftonline.com/00000000-0000-0000-0000-000000000000/v2.0", "another issuer")]
    [InlineData($"iss=https://sts.windows.net/{Tenant}/", "another issuer")]
    [InlineData("iss=https://login.microsoftonline.com/common/v2.0", "another issuer")]
    // A token for the resource manager, which every service of the tenant can ask for.
    [InlineData("aud=https://management.azure.com/", "another audience")]
    public async Task Attack_19_Azure_refuses_the_others(string token, string reason) => await RefusesAsync("azure", $"tid={Tenant};oid=0a1b", Azure(), token, reason);

    [Theory]
    [InlineData("oid=0a1b", "name the tenant")]
    [InlineData("tid=common;oid=0a1b", "name the tenant")]
    [InlineData($"tid={Tenant}", "everybody in the tenant")]
    [InlineData($"tid={Tenant};oid=*", "everybody in the tenant")]
    public void Attack_19_Azure_trusts_that_are_too_wide_are_not_made(string claims, string reason) => TrustWorld.RefusesPreset("azure", claims, reason);

    [Theory]
    [InlineData("email=ci@acme.iam.gserviceaccount.com", "")]
    [InlineData("sub=1122334455", "email_verified=false")]
    public async Task Google_takes_the_identity_that_is_meant(string trust, string token) => await TakesAsync("google", trust, Google(), token);

    [Theory]
    [InlineData("email=ci@acme.iam.gserviceaccount.com", "email_verified=false", NoMatch)]
    [InlineData("email=ci@acme.iam.gserviceaccount.com", "email=ci@acme.iam.gserviceaccount.com.evil.example", NoMatch)]
    [InlineData("email=ci@acme.iam.gserviceaccount.com", "email=CI@acme.iam.gserviceaccount.com", NoMatch)]
    [InlineData("sub=1122334455", "sub=11223344556", NoMatch)]
    [InlineData("sub=1122334455", "iss=accounts.google.com", "another issuer")]
    public async Task Attack_19_Google_refuses_the_others(string trust, string token, string reason) => await RefusesAsync("google", trust, Google(), token, reason);

    [Fact]
    public async Task A_cluster_s_tokens_are_taken_by_its_keys_alone()
    {
        await StartAsync("kubernetes", "namespace=shop;serviceaccount=api", Cluster);
        await _world.TakesAsync(Proof(Kubernetes()));
        await _world.RefusesAsync(Proof(Kubernetes(space: "shop-evil")), NoMatch);
        await _world.RefusesAsync(Proof(Kubernetes(account: "default")), NoMatch);
        await _world.RefusesAsync(Proof(Changed(Kubernetes(), "iss=https://other.cluster")), "another issuer");
        // What a pod has for the API server itself.
        await _world.RefusesAsync(Proof(Changed(Kubernetes(), "aud=https://kubernetes.default.svc.cluster.local")), "another audience");
        // The older tokens out of secrets: for nobody in particular, and without end.
        JsonObject old = Kubernetes();
        foreach (string name in new[] { "aud", "exp", "iat", "nbf" })
        {
            old.Remove(name);
        }

        await _world.RefusesAsync(Proof(old), "another audience");
        Assert.Empty(_world.Issuer.Server.Requests);
    }

    [Fact]
    public async Task A_member_of_another_name_is_no_namespace()
    {
        await StartAsync("kubernetes", "sub=system:serviceaccount:shop:api;namespace=shop", Cluster);
        JsonObject twice = Kubernetes(space: "evil");
        twice["sub"] = "system:serviceaccount:shop:api";
        twice["kubernetes.io.namespace"] = "shop";
        await _world.RefusesAsync(Proof(twice), "same name");
    }

    [Theory]
    [InlineData("", "pin the namespace")]
    [InlineData("serviceaccount=api", "pin the namespace")]
    [InlineData("namespace=shop-*", "pin the namespace")]
    [InlineData("sub=system:serviceaccount:*:api", "pin the namespace")]
    public void Attack_19_Kubernetes_trusts_that_are_too_wide_are_not_made(string claims, string reason) => TrustWorld.RefusesPreset("kubernetes", claims, reason, Cluster);

    [Fact]
    public void Presets_fill_in_and_what_was_given_goes_before()
    {
        NewTrust filled = TrustPresets.Apply("github", TrustWorld.New(TrustPresets.NoKind, "", "repository=acme/shop;ref=refs/heads/main", new() { ["maxTokenAge"] = 120 }));
        Assert.Equal((TrustKind.WebToken, PublicIssuers.GitHub), (filled.Kind, filled.Issuer));
        Assert.Equal("""{"maxTokenAge":120,"algorithms":["RS256"],"sessionOutlivesToken":true,"refused":{"event_name":"pull_request*"}}""", filled.Settings);
        Assert.Equal(CofferErrorCode.InvalidCombination, Assert.Throws<CofferException>(() => TrustPresets.Apply("github", filled with { Kind = TrustKind.AwsIdentity })).Code);
        Assert.Contains("aws, azure, github, gitlab, google, kubernetes", Assert.Throws<CofferException>(() => TrustPresets.Apply("jenkins", filled)).Message, StringComparison.Ordinal);
        Assert.Throws<CofferException>(() => TrustPresets.Apply("github", filled with { Settings = "[]" }));
        Assert.Throws<CofferException>(() => TrustPresets.Apply("github", filled with { Settings = """{"maxTokenAge":1,"maxTokenAge":2}""" }));
    }

    private async Task StartAsync(string preset, string claims, string issuer = "")
    {
        _world = await TrustWorld.StartAsync();
        await _world.PresetAsync(preset, claims, issuer);
    }

    private async Task TakesAsync(string preset, string trust, JsonObject claims, string changes)
    {
        await StartAsync(preset, trust);
        await _world.TakesAsync(Proof(Changed(claims, changes)));
    }

    private async Task RefusesAsync(string preset, string trust, JsonObject claims, string changes, string reason)
    {
        await StartAsync(preset, trust);
        await _world.RefusesAsync(Proof(Changed(claims, changes)), reason);
    }

    private TrustProof.WebToken Proof(JsonObject claims)
    {
        long now = _world.Issuer.Now;
        foreach ((string name, int offset) in new[] { ("iat", 0), ("nbf", -5), ("exp", 300) })
        {
            if (claims.TryGetPropertyValue(name, out JsonNode? at) && at is null)
            {
                claims[name] = now + offset;
            }
        }

        return new(_world.Issuer.Sign($$"""{"alg":"RS256","kid":"{{TestIssuer.KeyId}}","typ":"JWT","x5t":"abc"}""", claims.ToJsonString()));
    }

    private static JsonObject Changed(JsonObject claims, string changes)
    {
        foreach (string change in changes.Split(';', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] pair = change.Split('=', 2);
            claims[pair[0]] = claims[pair[0]]?.GetValueKind() is System.Text.Json.JsonValueKind.True ? pair[1] == "true" : pair[1];
        }

        return claims;
    }

    private static JsonObject GitHub() => Object("""
        {"jti":"4c1d","sub":"repo:acme/shop:ref:refs/heads/main","aud":"coffer","ref":"refs/heads/main","sha":"ac1e","repository":"acme/shop","repository_owner":"acme","repository_owner_id":"65","run_id":"177","run_number":"10",
        "run_attempt":"2","repository_visibility":"private","repository_id":"74","actor_id":"12","actor":"dora","workflow":"deploy","head_ref":"","base_ref":"","event_name":"push","ref_protected":"true","ref_type":"branch",
        "workflow_ref":"acme/shop/.github/workflows/deploy.yml@refs/heads/main","job_workflow_ref":"acme/shop/.github/workflows/deploy.yml@refs/heads/main","runner_environment":"github-hosted",
        "iss":"https://token.actions.githubusercontent.com","nbf":null,"exp":null,"iat":null}
        """);

    private static JsonObject GitLab() => Object("""
        {"namespace_id":"72","namespace_path":"acme","project_id":"20","project_path":"acme/shop","user_id":"1","user_login":"dora","user_email":"dora@acme.example","user_access_level":"developer","pipeline_id":"574","pipeline_source":"push",
        "job_id":"302","ref":"main","ref_type":"branch","ref_path":"refs/heads/main","ref_protected":"true","environment":"production","environment_protected":"true","deployment_tier":"production","runner_id":1,
        "runner_environment":"gitlab-hosted","sha":"714a","project_visibility":"private","ci_config_ref_uri":"gitlab.com/acme/shop//.gitlab-ci.yml@refs/heads/main","jti":"4aaf","iat":null,"nbf":null,"exp":null,
        "iss":"https://gitlab.com","sub":"project_path:acme/shop:ref_type:branch:ref:main","aud":"coffer"}
        """);

    private static JsonObject Azure() => Object($$"""
        {"aud":"coffer","iss":"{{AzureIssuer}}","iat":null,"nbf":null,"exp":null,"aio":"E2","azp":"app-1","azpacr":"2","oid":"0a1b","rh":"0.A","roles":["Secrets.List","Secrets.Read"],"sub":"0a1b","tid":"{{Tenant}}","uti":"u","ver":"2.0"}
        """);

    private static JsonObject Google() => Object("""
        {"aud":"coffer","azp":"1122334455","email":"ci@acme.iam.gserviceaccount.com","email_verified":true,"exp":null,"iat":null,"iss":"https://accounts.google.com","sub":"1122334455"}
        """);

    private static JsonObject Kubernetes(string space = "shop", string account = "api") => Object($$"""
        {"aud":["coffer"],"exp":null,"iat":null,"iss":"{{Cluster}}","jti":"ea28","kubernetes.io":{"namespace":"{{space}}","node":{"name":"node-1","uid":"646e"},"pod":{"name":"api-0","uid":"5e0b"},
        "serviceaccount":{"name":"{{account}}","uid":"14ee"},"warnafter":1700000000},"nbf":null,"sub":"system:serviceaccount:{{space}}:{{account}}"}
        """);

    private static JsonObject Object(string text) => JsonNode.Parse(text)!.AsObject();
}
