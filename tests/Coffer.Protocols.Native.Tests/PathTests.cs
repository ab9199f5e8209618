namespace Coffer.Protocols.Native.Tests;

/// <summary>Attack 13: no spelling of a path reaches another secret than the one it names, and none reaches one twice decoded.</summary>
public sealed class PathTests
{
    private const string Secrets = "/coffer/v1/vaults/shop-dev/secrets";

    [Theory]
    [InlineData("db%2Fpassword", 200)]
    [InlineData("db%2fpassword", 200)]
    [InlineData("%64b%2Fpassword", 200)]
    [InlineData("db/password", 404)]
    [InlineData("db%252Fpassword", 400)]
    [InlineData("db%252fpassword", 400)]
    [InlineData("db%2F%2Fpassword", 404)]
    [InlineData("db%2F.%2Fpassword", 400)]
    [InlineData("x%2F..%2Fdb%2Fpassword", 400)]
    [InlineData("db%2Fpassword%2F", 404)]
    [InlineData("%2Fdb%2Fpassword", 404)]
    [InlineData("db%2Fpassword%00", 400)]
    [InlineData("db%2Fpassword%20", 400)]
    [InlineData("%20db%2Fpassword", 400)]
    [InlineData("db%C0%AFpassword", 400)]
    [InlineData("db%E0%80%AFpassword", 400)]
    [InlineData("db%5Cpassword", 400)]
    [InlineData("DB%2Fpassword", 404)]
    [InlineData("db%2Fpassword;x=1", 400)]
    [InlineData("db%EF%BC%8Fpassword", 400)]
    [InlineData("..", 400)]
    [InlineData("%2E%2E", 400)]
    [InlineData(".", 400)]
    public async Task A_name_has_one_meaning_in_a_path(string part, int expected)
    {
        await using NativeTestServer server = await NativeTestServer.StartAsync();
        await server.SendAsync("PUT", $"{Secrets}/db%2Fpassword", "{\"text\":\"right\"}");
        TestAnswer answer = await server.SendAsync("GET", $"{Secrets}/{part}/value");
        Assert.Equal(expected, answer.Status);
        Assert.Equal(expected == 200, answer.Body.Contains("right", StringComparison.Ordinal));
        Assert.DoesNotContain(part.Length > 3 && expected == 400 ? part : "\0", answer.Body, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/coffer/v1/vaults/shop-dev/secrets/")]
    [InlineData("/coffer/v1/vaults/shop-dev/secrets//value")]
    [InlineData("/coffer/v1//vaults")]
    [InlineData("//coffer/v1/vaults")]
    [InlineData("/coffer/v1/vaults/")]
    [InlineData("/coffer/v1/./vaults")]
    [InlineData("/coffer/v1/x/../vaults")]
    [InlineData("/x/../coffer/v1/vaults")]
    [InlineData("/coffer/v1/%76aults")]
    [InlineData("/COFFER/v1/vaults")]
    [InlineData("/coffer/V1/vaults")]
    [InlineData("/coffer%2Fv1%2Fvaults")]
    [InlineData("/coffer/v1/vaults%3Fx")]
    [InlineData("/coffer/v1/vaults;a")]
    [InlineData("/coffer/v1/a/b/c/d/e/f/g/h/i/j/k")]
    public async Task Any_other_spelling_of_a_path_is_nothing(string path)
    {
        await using NativeTestServer server = await NativeTestServer.StartAsync();
        TestAnswer answer = await server.SendAsync("GET", path);
        Assert.Equal(404, answer.Status);
        Assert.Contains("\"code\":\"not_found\"", answer.Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_absolute_form_is_the_same_path()
    {
        await using NativeTestServer server = await NativeTestServer.StartAsync();
        TestAnswer answer = await server.SendAsync("GET", "http://coffer.test/coffer/v1/whoami");
        Assert.Equal(200, answer.Status);
    }

    [Fact]
    public async Task What_the_trail_names_is_what_was_read()
    {
        await using NativeTestServer server = await NativeTestServer.StartAsync();
        await server.SendAsync("PUT", $"{Secrets}/a%2Fb:c~d%20e", "{\"text\":\"v\"}");
        await server.SendAsync("GET", $"{Secrets}/a%2Fb%3Ac%7Ed%20e/value");
        TestAnswer trail = await server.SendAsync("GET", "/coffer/v1/audit?action=getValue");
        Assert.Contains("\"name\":\"a/b:c~d e\"", trail.Body, StringComparison.Ordinal);
        Assert.Contains("\"decision\":\"allow\"", trail.Body, StringComparison.Ordinal);
    }
}
