using System.Text;
using Coffer.Sources.References;
using CsCheck;
using Xunit;

namespace Coffer.Sources.Tests.References;

public sealed class ReferenceParserTests
{
    [Theory]
    [InlineData("coffer://shop-dev/api-key", "shop-dev", "api-key", null, null)]
    [InlineData("coffer://shop-dev/db/main#password", "shop-dev", "db/main", "password", null)]
    [InlineData("coffer://shop-dev/db/main#password@3", "shop-dev", "db/main", "password", "3")]
    [InlineData("coffer://shop-dev/a@0123456789ABCDEF0123456789abcdef", "shop-dev", "a", null, "0123456789abcdef0123456789abcdef")]
    [InlineData("coffer://shop-dev/me@example.com", "shop-dev", "me@example.com", null, null)]
    [InlineData("coffer://shop-dev/a@1@2", "shop-dev", "a@1", null, "2")]
    [InlineData("coffer://shop-dev/a%401", "shop-dev", "a@1", null, null)]
    [InlineData("coffer://shop-dev/a@01", "shop-dev", "a@01", null, null)]
    [InlineData("coffer:///api key", null, "api key", null, null)]
    [InlineData("coffer://abc/n#f%23g%25", "abc", "n", "f#g%", null)]
    public void Coffer_references(string text, string? vault, string name, string? field, string? version) =>
        Assert.Equal(new CofferReference(vault, name, field, version), ReferenceParser.Recognize(text));

    [Fact]
    public void Env_and_dotenv_references()
    {
        Assert.Equal(new EnvReference("HOME"), ReferenceParser.Recognize("env://HOME"));
        Assert.Equal(new DotEnvReference("../shared/.env", "DB_PASSWORD"), ReferenceParser.Recognize("dotenv://../shared/.env#DB_PASSWORD"));
        Assert.Equal(new DotEnvReference("/a#b/.env", "K"), ReferenceParser.Recognize("dotenv:///a#b/.env#K"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("coffer")]
    [InlineData("coffer:/x")]
    [InlineData("Coffer://v/n")]
    [InlineData(" coffer://shop/n")]
    [InlineData("https://example.com")]
    [InlineData("postgres://u:p@h/db")]
    [InlineData("x coffer://shop/n")]
    public void Other_values_are_left_alone(string text) => Assert.Null(ReferenceParser.Recognize(text));

    [Theory]
    [InlineData("coffer://")]
    [InlineData("coffer://hunter2")]
    [InlineData("coffer://ab/n")]
    [InlineData("coffer://Shop/n")]
    [InlineData("coffer://shop--dev/n")]
    [InlineData("coffer://shop-/n")]
    [InlineData("coffer://shop/")]
    [InlineData("coffer://shop/../x")]
    [InlineData("coffer://shop/a/./b")]
    [InlineData("coffer://shop/ a")]
    [InlineData("coffer://shop/a ")]
    [InlineData("coffer://shop/a?x")]
    [InlineData("coffer://shop/a#")]
    [InlineData("coffer://shop/a%2")]
    [InlineData("coffer://shop/a%FF")]
    [InlineData("coffer://shop/a%00")]
    [InlineData("coffer://shop/%2e%2e/x")]
    [InlineData("env://")]
    [InlineData("env://A=B")]
    [InlineData("dotenv://.env")]
    [InlineData("dotenv://#A")]
    [InlineData("dotenv://.env#A B")]
    public void Malformed_references_are_errors_that_do_not_show_them(string text)
    {
        SourceException error = Assert.Throws<SourceException>(() => ReferenceParser.Recognize(text));
        Assert.Equal(SourceErrorKind.Invalid, error.Kind);
        Assert.NotNull(error.Hint);
        Assert.DoesNotContain("hunter2", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("aws")]
    [InlineData("azure")]
    [InlineData("gcp")]
    [InlineData("vault")]
    public void Services_of_a_later_release_say_so(string scheme)
    {
        SourceException error = Assert.Throws<SourceException>(() => ReferenceParser.Recognize($"{scheme}://x/y"));
        Assert.Equal($"references {scheme}:// are not available in this release", error.Problem);
    }

    [Fact]
    public void Every_reference_prints_as_text_that_reads_back() =>
        Gen.Select(
            Gen.OneOf(null, "abc", "shop-dev", "a1-b2-c3"),
            Gen.OneOf("a", "@", "1", "/", " ", ".", "~", "x@3", "%", "#").Array[1, 6].Select(string.Concat).Where(name => SourceNames.IsSecret(name)),
            Gen.OneOf(null, "f", "a@1", "%", "#", "f g", "é"),
            Gen.OneOf(null, "1", "999", "0123456789abcdef0123456789abcdef")).Sample(
            (vault, name, field, version) =>
            {
                CofferReference reference = new(vault, name, field, version);
                Assert.Equal(reference, ReferenceParser.Recognize(reference.ToString()));
            });

    [Fact]
    public void Any_text_is_a_reference_or_null_or_the_typed_error_and_the_test_on_bytes_agrees() =>
        Gen.OneOf("coffer", "env", "dotenv", "aws", "://", ":", "/", "#", "@", "%", "a", "shop", "..", "é", "\0", "\n").Array[0, 8].Select(string.Concat).Sample(
            text =>
            {
                bool may = ReferenceParser.MayBeReference(Encoding.UTF8.GetBytes(text));
                try
                {
                    return ReferenceParser.Recognize(text) is not null == may;
                }
                catch (SourceException)
                {
                    return may;
                }
            },
            iter: 20_000);
}
