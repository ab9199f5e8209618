using System.Text.Json;
using Coffer.Core.Secrets;

namespace Coffer.Protocols.Aws.Tests;

public sealed class FilterTests
{
    private static Secret Make(string name, string description = "", params (string Key, string Value)[] tags) => new()
    {
        Uid = new(1),
        VaultId = 1,
        Name = SecretName.Parse(name),
        Description = description,
        Created = 0,
        Changed = 0,
        Tags = Secret.NoTags.AddRange(tags.Select(t => KeyValuePair.Create(t.Key, t.Value))),
    };

    private static bool Holds(Secret secret, params (string Key, string[] Values)[] filters)
    {
        AwsFilters parsed = AwsFilters.Parse([.. filters.Select(f => new AwsFilter(f.Key, f.Values))]);
        return secret.Name.Value.StartsWith(parsed.NamePrefix, StringComparison.Ordinal) && parsed.Where?.Invoke(secret) != false && parsed.WhereAnnotation?.Holds(null) != false;
    }

    [Theory]
    [InlineData("name", "testing1", true)]
    [InlineData("name", "testing1/one", true)]
    [InlineData("name", "testing1 one", false)]
    [InlineData("name", "esting1", false)]
    [InlineData("name", "Testing1", false)]
    [InlineData("name", "!testing1", false)]
    [InlineData("name", "!/", true)]
    [InlineData("tag-key", "en", true)]
    [InlineData("tag-key", "EN", false)]
    [InlineData("tag-key", "v", false)]
    [InlineData("tag-value", "de", true)]
    [InlineData("tag-value", "ev", false)]
    [InlineData("tag-key", "!en", false)]
    [InlineData("tag-value", "!x", true)]
    [InlineData("description", "a", true)]
    [InlineData("description", "SECRET", true)]
    [InlineData("description", "secret an", true)]
    [InlineData("description", "sec", true)]
    [InlineData("description", "ret", false)]
    [InlineData("description", "a missing", false)]
    [InlineData("description", "!a", false)]
    [InlineData("description", "!zzz", true)]
    [InlineData("description", "/", false)]
    [InlineData("all", "one", true)]
    [InlineData("all", "testing", true)]
    [InlineData("all", "env secret", true)]
    [InlineData("all", "dev", true)]
    [InlineData("all", "ne", false)]
    [InlineData("all", "-", false)]
    [InlineData("all", "!one", false)]
    [InlineData("primary-region", "eu", false)]
    [InlineData("primary-region", "!eu", true)]
    [InlineData("owning-service", "rds", false)]
    public void One_filter_finds(string key, string value, bool found) =>
        Assert.Equal(found, Holds(Make("testing1/one", "an example secret", ("env", "dev")), (key, [value])));

    [Theory]
    [InlineData("a secret", "a secret", true)]
    [InlineData("an secret", "a secret", true)]
    [InlineData("asecret", "a secret", false)]
    [InlineData("asecret", "a", true)]
    [InlineData("", "a", false)]
    public void A_description_is_searched_by_words(string description, string value, bool found) =>
        Assert.Equal(found, Holds(Make("n", description), ("description", [value])));

    [Theory]
    [InlineData("SecretOne", "Secret|One")]
    [InlineData("secretOne", "secret|One")]
    [InlineData("COMPANYthings", "COMPAN|Ythings")]
    [InlineData("MyAPIKey", "My|API|Key")]
    [InlineData("my/secret", "my|secret")]
    [InlineData("my/secret+value", "my/secret+value")]
    [InlineData("a-b-c", "a|b|c")]
    [InlineData("two words", "two|words")]
    [InlineData("-", "")]
    [InlineData("test123", "test123")]
    [InlineData("", "")]
    public void Names_fall_into_words(string text, string words) => Assert.Equal(words, string.Join('|', AwsFilters.Words(text)));

    [Fact]
    public void Entries_must_all_hold_and_of_values_one()
    {
        Secret secret = Make("app/db", "the database", ("env", "dev"), ("team", "shop"));
        Assert.True(Holds(secret, ("name", ["zzz", "app"])));
        Assert.True(Holds(secret, ("tag-key", ["env"]), ("tag-key", ["team"])));
        Assert.False(Holds(secret, ("tag-key", ["env"]), ("tag-key", ["owner"])));
        Assert.True(Holds(secret, ("name", ["app"]), ("name", ["app/d"]), ("all", ["database"])));
        Assert.False(Holds(secret, ("name", ["app"]), ("name", ["x"])));
        Assert.True(Holds(secret, ("name", ["zzz", "!yyy"])));
        Assert.True(Holds(secret));
    }

    [Fact]
    public void Other_filters_are_another_listing()
    {
        static string Text(params (string Key, string[] Values)[] filters) => AwsFilters.Parse([.. filters.Select(f => new AwsFilter(f.Key, f.Values))]) is var p ? p.NamePrefix + "|" + p.Text : "";
        Assert.NotEqual(Text(("all", ["ab", "c"])), Text(("all", ["a", "bc"])));
        Assert.NotEqual(Text(("all", ["a"])), Text(("description", ["a"])));
        Assert.NotEqual(Text(("name", ["a", "b"])), Text(("name", ["a"]), ("name", ["b"])));
        Assert.Equal(Text(("all", ["ab", "c"])), Text(("all", ["ab", "c"])));
    }

    [Fact]
    public async Task A_filtered_listing_pages_through_everything_once()
    {
        await using AwsTestServer server = await AwsTestServer.StartAsync();
        for (int i = 0; i < 23; i++)
        {
            Assert.Equal("OK", (await server.CallAsync("CreateSecret", $$"""{"Name":"{{(i % 2 == 0 ? "even" : "odd")}}/s{{i:00}}","Tags":[{"Key":"n","Value":"{{i % 3}}"}]}""")).Outcome);
        }

        foreach (string filters in (string[])["[]", """[{"Key":"name","Values":["even/"]}]""", """[{"Key":"tag-value","Values":["1"]}]""", """[{"Key":"all","Values":["odd 2"]}]""", """[{"Key":"name","Values":["!even"]}]"""])
        {
            foreach (string order in (string[])["created-date", "last-changed-date", "name", "last-accessed-date"])
            {
                foreach (string direction in (string[])["asc", "desc"])
                {
                    List<string> whole = await PagesAsync(server, filters, order, direction, 100), paged = await PagesAsync(server, filters, order, direction, 3);
                    Assert.NotEmpty(whole);
                    Assert.Equal(whole, paged);
                    Assert.Equal(whole.Count, whole.Distinct(StringComparer.Ordinal).Count());
                }
            }
        }
    }

    private static async Task<List<string>> PagesAsync(AwsTestServer server, string filters, string order, string direction, int size)
    {
        List<string> names = [];
        string next = "";
        do
        {
            TestAnswer page = await server.CallAsync("ListSecrets", $$"""{"Filters":{{filters}},"SortBy":"{{order}}","SortOrder":"{{direction}}","MaxResults":{{size}}{{next}}}""");
            Assert.Equal("OK", page.Outcome);
            names.AddRange(page.Json["SecretList"]!.AsArray().Select(s => (string)s!["Name"]!));
            next = page["NextToken"] is { } token ? $",\"NextToken\":{JsonSerializer.Serialize(token)}" : "";
        }
        while (next.Length > 0);
        return names;
    }
}
