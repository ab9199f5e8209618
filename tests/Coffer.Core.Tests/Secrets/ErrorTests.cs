using System.Reflection;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;
using Xunit;

namespace Coffer.Core.Tests.Secrets;

/// <summary>The closed list of errors and the one place where they are made.</summary>
public sealed class ErrorTests
{
    /// <summary>A word that stands for raw input: it must be in no message.</summary>
    private const string Raw = "hunter2";

    private static readonly MethodInfo[] Makers = [.. typeof(Error).GetMethods(BindingFlags.Public | BindingFlags.Static).Where(m => m.ReturnType == typeof(CofferException))];

    /// <summary>Parameters that are sentences of the code itself, never of a caller.</summary>
    private static readonly string[] OwnWords = ["message", "kind", "rule", "what", "action", "reason", "parameter"];

    [Fact]
    public void Every_code_is_made_by_the_factory_and_every_maker_makes_one()
    {
        CofferErrorCode[] made = [.. Makers.Select(m => Make(m).Code)];
        Assert.Equal(Enum.GetValues<CofferErrorCode>().Order(), made.Distinct().Order());
        Assert.All(Makers, m => Assert.Equal(m.Name, Make(m).Code.ToString()));
    }

    [Fact]
    public void Codes_are_numbered_without_gaps_from_1() =>
        Assert.Equal(Enumerable.Range(1, Enum.GetValues<CofferErrorCode>().Length), Enum.GetValues<CofferErrorCode>().Select(c => (int)c));

    [Fact]
    public void No_message_contains_what_a_caller_sent() =>
        Assert.All(Makers, m =>
        {
            CofferException made = Make(m);
            Assert.DoesNotContain(Raw, made.Message, StringComparison.Ordinal);
            Assert.DoesNotContain(Raw, made.Error.Message, StringComparison.Ordinal);
            Assert.NotEmpty(made.Message);
        });

    [Fact]
    public void No_parser_repeats_what_it_refused()
    {
        string raw = Raw + "\u0000%2f";
        Action[] parsers =
        [
            () => VaultName.Parse(raw), () => SecretName.Parse(raw), () => VersionLabel.Parse(raw), () => RequestToken.Parse(raw),
            () => Core.Access.PrincipalName.Parse(raw), () => Core.Access.Grant.ParseNetwork(raw), () => Core.Access.ActionNames.Read([raw]),
        ];
        Assert.All(parsers, parse =>
        {
            CofferException refusal = Assert.Throws<CofferException>(parse);
            Assert.DoesNotContain(Raw, refusal.ToString(), StringComparison.Ordinal);
            Assert.DoesNotContain(Raw, refusal.Error.ToString(), StringComparison.Ordinal);
        });
    }

    [Fact]
    public void The_cause_stays_behind_the_message()
    {
        CofferException made = Error.Unavailable("the store cannot be reached", new InvalidOperationException(Raw));
        Assert.Equal("the store cannot be reached", made.Error.Message);
        Assert.NotNull(made.InnerException);
        Assert.DoesNotContain(Raw, made.Error.ToString(), StringComparison.Ordinal);
    }

    private static CofferException Make(MethodInfo maker) => (CofferException)maker.Invoke(null, [.. maker.GetParameters().Select(Argument)])!;

    private static object? Argument(ParameterInfo parameter) => parameter.ParameterType switch
    {
        var t when t == typeof(string) => OwnWords.Contains(parameter.Name) ? "own words" : Raw,
        var t when t == typeof(SecretPath) => new SecretPath(VaultName.Parse("shop"), SecretName.Parse(Raw)),
        var t when t == typeof(VersionLabel) => VersionLabel.Parse(Raw),
        var t when t == typeof(bool) => true,
        var t when t == typeof(int) => 7,
        var t when t == typeof(long) => 8L,
        var t when t == typeof(TimeSpan?) => TimeSpan.FromSeconds(1),
        var t when t == typeof(Coffer.Core.Access.PolicyUse?) => Coffer.Core.Access.PolicyUse.Boundary,
        var t when t == typeof(Exception) => new InvalidOperationException(Raw),
        var t => throw new Xunit.Sdk.XunitException($"no argument is known for {t.Name}"),
    };
}
