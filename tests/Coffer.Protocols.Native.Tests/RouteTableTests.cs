using System.Collections.Immutable;
using CsCheck;
using Coffer.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Coffer.Protocols.Native.Tests;

public sealed class RouteTableTests
{
    private static readonly NativeEndpoints Endpoints = new(
        new()
        {
            Core = new(new() { Store = new InMemoryStore(), AuditDirectory = Path.GetTempPath(), Clock = TimeProvider.System }),
            Rates = new(new()),
            Loggers = NullLoggerFactory.Instance,
        },
        null!);

    internal static ImmutableArray<NativeRoute> Routes => Endpoints.Routes;

    [Fact]
    public void Every_operation_has_its_own_id_path_and_words()
    {
        Assert.Equal(Routes.Length, Routes.Select(r => r.Id).Distinct().Count());
        Assert.Equal(Routes.Length, Routes.Select(r => $"{r.Method} {r.Template}").Distinct().Count());
        Assert.All(Routes, r => Assert.EndsWith(".", r.Summary, StringComparison.Ordinal));
        Assert.All(Routes, r => Assert.StartsWith("/coffer/", r.Template, StringComparison.Ordinal));
    }

    [Fact]
    public void Every_route_is_found_by_its_own_path()
    {
        foreach (NativeRoute route in Routes)
        {
            string path = Fill(route.Template, "x");
            Assert.Same(route, Endpoints.Match(route.Method, path).Route);
            Assert.Null(Endpoints.Match("BREW", path).Route);
            Assert.Contains(route.Method, Endpoints.Match("BREW", path).Allow, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void No_path_of_one_operation_can_be_read_as_another_whatever_the_name()
    {
        string[] hostile = ["value", "versions", "recover", "a%2Fvalue", "..", "%2E%2E", "local", "follow", "secrets", "a:b", "a%2Fb%2Fc"];
        foreach (NativeRoute route in Routes)
        {
            foreach (string name in hostile)
            {
                (NativeRoute? found, _, _) = Endpoints.Match(route.Method, Fill(route.Template, name));
                Assert.True(found == route || name == "local", $"{route.Id} with {name} is {found?.Id}");
            }
        }
    }

    [Fact]
    public void Only_one_spelling_of_a_path_matches() =>
        Gen.Select(Gen.Int[0, Routes.Length - 1], Gen.OneOf("/", "//", ".", "/.", "%20", "%00", ";", "/..", "%2F")).Sample((index, junk) =>
        {
            string path = Fill(Routes[index].Template, "x");
            if (Routes[index].Template.EndsWith('}'))
            {
                Assert.Null(Endpoints.Match(Routes[index].Method, path + "/").Route);
            }
            else
            {
                Assert.NotSame(Routes[index], Endpoints.Match(Routes[index].Method, path + junk).Route);
            }

            Assert.Null(Endpoints.Match(Routes[index].Method, path.Replace("/coffer", "/Coffer", StringComparison.Ordinal)).Route);
            Assert.Null(Endpoints.Match(Routes[index].Method, path.Replace("/coffer", "/cof%66er", StringComparison.Ordinal)).Route);
            Assert.Null(Endpoints.Match(Routes[index].Method, "/" + path).Route);
        });

    [Fact]
    public void Only_health_the_document_the_seal_and_the_login_are_open_to_anyone() =>
        Assert.Equal(
            ["acceptInvitation", "beginBrowserLogin", "finishBrowserLogin", "getHealth", "getLiveness", "getOpenApi", "getReadiness", "getStatus", "listLoginProviders", "loginByCertificate", "loginByTrust", "loginWithPassword", "unseal"],
            Routes.Where(r => r.Access != NativeAccess.Proven).Select(r => r.Id).Order(StringComparer.Ordinal));

    private static string Fill(string template, string name) => string.Join('/', template.Split('/').Select(p => p is ['{', ..] ? name : p));
}
