using Coffer.Workload.Child;
using Coffer.Workload.Doors;

namespace Coffer.Workload.Tests.Child;

public sealed class ChildEnvironmentTests
{
    private static readonly ChildPlaces Places = new()
    {
        ProxyUrl = "http://kid:pw@127.0.0.1:1001",
        TlsPort = 1002,
        DoorAddress = "http://127.0.0.1:1003",
        Bundle = "/run/b/bundle.pem",
        Authority = "/run/b/ca.pem",
        NodeExtra = "/run/b/node.pem",
        Hook = "/run/b/hook.cjs",
        Gcloud = "/run/b/gcloud",
    };

    private static Dictionary<string, string> Create(Dictionary<string, string>? inherited = null, Func<WorkloadOptions, WorkloadOptions>? change = null, ChildPlaces? places = null)
    {
        WorkloadOptions options = new()
        {
            Handler = _ => Task.CompletedTask,
            Wires = new HashSet<string> { "aws" },
            Doors = [new AwsContainerDoor(_ => throw new InvalidOperationException(), TimeProvider.System)],
            Inherited = inherited ?? [],
            Vault = "shop-dev",
            Clock = TimeProvider.System,
        };
        return ChildEnvironment.Create(change?.Invoke(options) ?? options, places ?? Places);
    }

    [Theory]
    [InlineData("HTTPS_PROXY", "http://kid:pw@127.0.0.1:1001")]
    [InlineData("https_proxy", "http://kid:pw@127.0.0.1:1001")]
    [InlineData("grpc_proxy", "http://kid:pw@127.0.0.1:1001")]
    [InlineData("NO_PROXY", "127.0.0.1,localhost,::1")]
    [InlineData("no_proxy", "127.0.0.1,localhost,::1")]
    [InlineData("no_grpc_proxy", "127.0.0.1,localhost,::1")]
    [InlineData("SSL_CERT_FILE", "/run/b/bundle.pem")]
    [InlineData("REQUESTS_CA_BUNDLE", "/run/b/bundle.pem")]
    [InlineData("AWS_CA_BUNDLE", "/run/b/bundle.pem")]
    [InlineData("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", "/run/b/bundle.pem")]
    [InlineData("NODE_EXTRA_CA_CERTS", "/run/b/node.pem")]
    [InlineData("NODE_OPTIONS", "--require=\"/run/b/hook.cjs\"")]
    [InlineData("COFFER_TLS_PORT", "1002")]
    [InlineData("AWS_ENDPOINT_URL_SECRETS_MANAGER", "https://127.0.0.1:1002")]
    [InlineData("AWS_ENDPOINT_URL_STS", "https://127.0.0.1:1002")]
    [InlineData("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1003/aws/credentials")]
    [InlineData("AWS_REGION", "us-east-1")]
    [InlineData("AWS_DEFAULT_REGION", "us-east-1")]
    [InlineData("AWS_EC2_METADATA_DISABLED", "true")]
    [InlineData("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")]
    [InlineData("AWS_CONFIG_FILE", "/dev/null")]
    [InlineData("COFFER_ADDR", "https://127.0.0.1:1002")]
    [InlineData("COFFER_CACERT", "/run/b/ca.pem")]
    [InlineData("COFFER_VAULT", "shop-dev")]
    public void A_child_finds(string name, string value) => Assert.Equal(value, Create()[name]);

    [Theory]
    [InlineData("HTTP_PROXY")]
    [InlineData("http_proxy")]
    [InlineData("ALL_PROXY")]
    [InlineData("CURL_CA_BUNDLE")]
    [InlineData("VAULT_CACERT")]
    [InlineData("VAULT_ADDR")]
    [InlineData("AZURE_KEYVAULT_URL")]
    [InlineData("CLOUDSDK_CONFIG")]
    [InlineData("GOOGLE_CLOUD_PROJECT")]
    [InlineData("JAVA_TOOL_OPTIONS")]
    [InlineData("NODE_USE_ENV_PROXY")]
    [InlineData("COFFER_SOCKET")]
    public void A_child_does_not_find(string name) => Assert.False(Create().ContainsKey(name));

    [Theory]
    [InlineData("HTTP_PROXY", "http://corporate:8080")]
    [InlineData("ALL_PROXY", "socks5://corporate:1080")]
    [InlineData("NODE_USE_ENV_PROXY", "1")]
    [InlineData("IDENTITY_SERVER_THUMBPRINT", "abc")]
    [InlineData("GOOGLE_APPLICATION_CREDENTIALS", "/key.json")]
    [InlineData("AWS_ENDPOINT_URL", "http://localhost:4566")]
    [InlineData("LANG", "C")]
    public void What_is_not_ours_stays_as_it_was(string name, string value) => Assert.Equal(value, Create(new() { [name] = value })[name]);

    [Theory]
    [InlineData("CURL_CA_BUNDLE")]
    [InlineData("VAULT_CACERT")]
    [InlineData("HTTPLIB2_CA_CERTS")]
    public void A_bundle_that_wins_over_the_others_is_replaced_where_it_is_set(string name) =>
        Assert.Equal("/run/b/bundle.pem", Create(new() { [name] = "/corporate.pem" })[name]);

    [Theory]
    [InlineData("*")]
    [InlineData(".amazonaws.com")]
    [InlineData("*.amazonaws.com")]
    [InlineData("amazonaws.com:443")]
    [InlineData("AmazonAWS.com.")]
    [InlineData("aws.com")]
    [InlineData("com")]
    [InlineData("us-east-1.amazonaws.com")]
    [InlineData("secretsmanager.us-east-1.amazonaws.com")]
    [InlineData(".azure.net")]
    [InlineData("demo.vault.azure.net")]
    [InlineData("googleapis.com")]
    [InlineData("login.microsoftonline.com")]
    public void An_entry_of_no_proxy_that_would_go_around_the_proxy_is_dropped(string entry)
    {
        Assert.Equal("127.0.0.1,localhost,::1", Create(new() { ["NO_PROXY"] = entry })["NO_PROXY"]);
        Assert.Equal("127.0.0.1,localhost,::1", Create(new() { ["no_proxy"] = entry })["no_proxy"]);
        Assert.Equal("127.0.0.1,localhost,::1", Create(new() { ["no_grpc_proxy"] = entry })["no_grpc_proxy"]);
    }

    [Fact]
    public void Other_entries_stay_from_either_spelling_and_each_once()
    {
        Dictionary<string, string> child = Create(new() { ["NO_PROXY"] = "intra.example, 10.0.0.0/8 localhost,.amazonaws.com", ["no_proxy"] = "INTRA.example,fd00::/8", ["no_grpc_proxy"] = "grpc.example" });

        Assert.Equal("127.0.0.1,localhost,::1,intra.example,10.0.0.0/8,fd00::/8", child["NO_PROXY"]);
        Assert.Equal(child["NO_PROXY"], child["no_proxy"]);
        Assert.Equal(child["NO_PROXY"] + ",grpc.example", child["no_grpc_proxy"]);
    }

    [Fact]
    public void Nodes_options_are_kept_and_the_path_is_quoted()
    {
        Dictionary<string, string> child = Create(new() { ["NODE_OPTIONS"] = "--max-old-space-size=512" }, places: Places with { Hook = "/run/a \"b\\/hook.cjs" });

        Assert.Equal("""--max-old-space-size=512 --require="/run/a \"b\\/hook.cjs" """.TrimEnd(), child["NODE_OPTIONS"]);
    }

    [Theory]
    [InlineData("AWS_REGION", "eu-west-1", "eu-west-1", "eu-west-1")]
    [InlineData("AWS_DEFAULT_REGION", "eu-west-1", "eu-west-1", "eu-west-1")]
    [InlineData("AWS_REGION", "", "us-east-1", "us-east-1")]
    public void A_region_that_is_there_stays(string name, string value, string region, string byDefault)
    {
        Dictionary<string, string> child = Create(new() { [name] = value });

        Assert.Equal((region, byDefault), (child["AWS_REGION"], child["AWS_DEFAULT_REGION"]));
    }

    [Fact]
    public void Leftover_credentials_do_not_win_over_the_door()
    {
        Dictionary<string, string> inherited = new AwsContainerDoor(_ => throw new InvalidOperationException(), TimeProvider.System).Overridden.ToDictionary(n => n, _ => "left over");
        inherited["AWS_SHARED_CREDENTIALS_FILE"] = "/home/me/.aws/credentials";
        inherited["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] = "true";

        Dictionary<string, string> child = Create(inherited);

        Assert.DoesNotContain("left over", child.Values);
        Assert.Equal("/dev/null", child["AWS_SHARED_CREDENTIALS_FILE"]);
        Assert.False(child.ContainsKey("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"));
        Assert.False(child.ContainsKey("AWS_PROFILE"));
    }

    [Theory]
    [InlineData("AWS_ACCESS_KEY_ID")]
    [InlineData("AWS_PROFILE")]
    [InlineData("AWS_WEB_IDENTITY_TOKEN_FILE")]
    [InlineData("AWS_CONTAINER_CREDENTIALS_FULL_URI")]
    public void Credentials_that_are_to_be_kept_are_and_the_rest_of_their_world_with_them(string name)
    {
        Dictionary<string, string> child = Create(new() { [name] = "mine" }, o => o with { KeepCredentials = true });

        Assert.Equal("mine", child[name]);
        foreach (string absent in (string[])["AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE", "AWS_EC2_METADATA_DISABLED", "AWS_REGION", "AWS_ENDPOINT_URL_STS"])
        {
            Assert.False(child.ContainsKey(absent), absent);
        }

        Assert.Equal("https://127.0.0.1:1002", child["AWS_ENDPOINT_URL_SECRETS_MANAGER"]);
    }

    [Fact]
    public void With_nothing_to_keep_the_door_is_open_but_files_are_not_hidden()
    {
        Dictionary<string, string> child = Create(change: o => o with { KeepCredentials = true });

        Assert.True(child.ContainsKey("AWS_CONTAINER_CREDENTIALS_FULL_URI"));
        Assert.False(child.ContainsKey("AWS_SHARED_CREDENTIALS_FILE"));
    }

    [Fact]
    public void Without_a_door_nothing_of_the_childs_credentials_changes()
    {
        Dictionary<string, string> child = Create(new() { ["AWS_PROFILE"] = "mine" }, o => o with { Doors = [] });

        Assert.Equal("mine", child["AWS_PROFILE"]);
        Assert.False(child.ContainsKey("AWS_CONFIG_FILE"));
        Assert.False(child.ContainsKey("AWS_ENDPOINT_URL_STS"));
    }

    [Fact]
    public void Other_wires_bring_their_own_variables()
    {
        Dictionary<string, string> child = Create(change: o => o with { Wires = new HashSet<string> { "azure", "google", "vault" }, Doors = [], Socket = "/run/coffer.sock" });

        Assert.Equal("https://shop-dev.vault.azure.net/", child["AZURE_KEYVAULT_URL"]);
        Assert.Equal("https://shop-dev.vault.azure.net/", child["VAULT_URL"]);
        Assert.Equal("shop-dev", child["GOOGLE_CLOUD_PROJECT"]);
        Assert.Equal("/run/b/gcloud", child["CLOUDSDK_CONFIG"]);
        Assert.Equal("https://127.0.0.1:1002", child["VAULT_ADDR"]);
        Assert.Equal("/run/b/bundle.pem", child["VAULT_CACERT"]);
        Assert.Equal("/run/coffer.sock", child["COFFER_SOCKET"]);
        Assert.False(child.ContainsKey("AWS_ENDPOINT_URL_SECRETS_MANAGER"));
    }

    [Fact]
    public void Java_gets_the_port_without_password_and_its_own_trust_store()
    {
        Dictionary<string, string> child = Create(new() { ["JAVA_TOOL_OPTIONS"] = "-Xmx1g" }, places: Places with { Java = (1004, "/run/b/trust.jks") });

        Assert.Equal(
            "-Xmx1g -Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=1004 -Dhttp.nonProxyHosts=127.0.0.1|localhost "
            + "-Djavax.net.ssl.trustStore=/run/b/trust.jks -Djavax.net.ssl.trustStoreType=JKS -Djavax.net.ssl.trustStorePassword=changeit",
            child["JAVA_TOOL_OPTIONS"]);
    }

    [Fact]
    public void What_was_inherited_is_not_changed()
    {
        Dictionary<string, string> inherited = new() { ["NO_PROXY"] = "a", ["AWS_PROFILE"] = "p" };

        Create(inherited);

        Assert.Equal(new() { ["NO_PROXY"] = "a", ["AWS_PROFILE"] = "p" }, inherited);
    }
}
