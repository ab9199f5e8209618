using System.Text;
using Coffer.Launch.Environments;
using Coffer.Sources;
using Coffer.Sources.CofferApi;
using Coffer.Sources.DotEnv;
using Coffer.Sources.References;
using Xunit;

namespace Coffer.Launch.Tests.Environments;

public sealed class EnvironmentPlanTests
{
    private readonly Dictionary<string, string> _secrets = new(StringComparer.Ordinal) { ["coffer://shop-dev/pw"] = "s3cret", ["coffer://shop-dev/empty"] = "", ["coffer://shop-dev/trap"] = "coffer://shop-dev/pw" };
    private readonly Dictionary<string, string> _files = new(StringComparer.Ordinal);
    private readonly List<int> _rounds = [];

    [Fact]
    public void The_environment_wins_then_the_last_file() =>
        Assert.Equal("A=env|B=second|C=first|D=second", Compute(["A=env"], false, "A=first\nB=first\nC=first", "A=second\nB=second\nD=second"));

    [Fact]
    public void With_override_the_files_win() =>
        Assert.Equal("A=second|Z=env|B=first", Compute(["A=env", "Z=env"], true, "A=first\nB=first", "A=second"));

    [Fact]
    public void An_expansion_sees_what_the_program_will_see()
    {
        Assert.Equal("A=env|B=env", Compute(["A=env"], false, "A=file\nB=$A"));
        Assert.Equal("A=file|B=file", Compute(["A=env"], true, "A=file\nB=$A"));
        Assert.Equal("A=1|B=1", Compute([], false, "A=1", "B=$A"));
        Assert.Equal("PATH=/bin:/x", Compute(["PATH=/bin"], true, "PATH=$PATH:/x"));
        Assert.Equal("E=|B=", Compute(["E="], false, "E=file\nB=$E"));
    }

    [Fact]
    public void References_are_resolved_in_files_and_in_the_environment_in_one_round_trip()
    {
        Assert.Equal("X=s3cret|A=s3cret|B=|C=not coffer://shop-dev/pw", Compute(["X=coffer://shop-dev/pw"], false, "A=coffer://shop-dev/pw\nB=coffer://shop-dev/empty\nC='not coffer://shop-dev/pw'"));
        Assert.Equal([2], _rounds);
    }

    [Fact]
    public void A_value_may_be_built_from_a_secret()
    {
        Assert.Equal("PW=s3cret|URL=postgres://app:s3cret@db", Compute([], false, "PW=coffer://shop-dev/pw\nURL=postgres://app:${PW}@db"));
        Assert.Equal("PW=s3cret|URL=<s3cret>", Compute(["PW=coffer://shop-dev/pw"], false, "URL=<$PW>"));
        Assert.Equal("E=|A=default|B=|C=is set", Compute([], false, "E=coffer://shop-dev/empty\nA=${E:-default}\nB=${E:+x}\nC=${E+is set}"));
        Assert.Equal("V=shop-dev|A=s3cret", Compute([], false, "V=shop-dev\nA=coffer://$V/pw"));
    }

    [Fact]
    public void What_a_secret_says_is_text_and_never_a_reference_or_an_expansion()
    {
        _secrets["coffer://shop-dev/dollar"] = "$A ${A} $(id)";
        Assert.Equal("A=coffer://shop-dev/pw|B=coffer://shop-dev/pw", Compute([], false, "A=coffer://shop-dev/trap\nB=$A"));
        Assert.Equal("A=$A ${A} $(id)|B=[$A ${A} $(id)]", Compute([], false, "A=coffer://shop-dev/dollar\nB=[$A]"));
        Assert.Equal([1, 1], _rounds);
    }

    [Fact]
    public void A_default_that_is_a_reference_is_resolved_when_it_comes_to_be_used() =>
        Assert.Equal("A=s3cret", Compute([], false, "A=${NOPE:-coffer://shop-dev/pw}"));

    [Fact]
    public void What_the_program_will_not_see_is_not_asked_for()
    {
        Assert.Equal("A=env", Compute(["A=env"], false, "A=coffer://shop-dev/missing"));
        Assert.Equal("A=file", Compute(["A=coffer://shop-dev/missing"], true, "A=file"));
        Assert.Empty(_rounds);
    }

    [Fact]
    public void Env_references_read_the_callers_environment()
    {
        EnvironmentBlock caller = Block(["HIDDEN=h", "REF=coffer://shop-dev/pw"]);
        Assert.Equal("A=h|B=s3cret|C=<h>", Text(Plan(caller, Block([]), false).Compute([Parse("A=env://HIDDEN\nB=env://REF\nC=<$A>", ".env")])));
        AssertError(SourceErrorKind.NotFound, () => Compute([], false, "A=env://NOPE"));
        AssertError(SourceErrorKind.Invalid, () => Compute(["A=env://A"], false));
        AssertError(SourceErrorKind.Invalid, () => Compute(["A=env://B", "B=env://A"], false));
    }

    [Fact]
    public void Dotenv_references_read_a_file_relative_to_the_one_they_stand_in()
    {
        _files["conf/shared/.env"] = "K=v\nR=coffer://shop-dev/pw\nU=<${R}>\nN=dotenv://../more/.env#X";
        _files["conf/shared/../more/.env"] = "X=deep";
        EnvironmentBlock result = Plan(Block([]), Block([]), false).Compute([Parse("A=dotenv://shared/.env#K\nB=dotenv://shared/.env#R\nC=dotenv://shared/.env#U\nD=dotenv://shared/.env#N\nE=[$B$D]", "conf/.env")]);
        Assert.Equal("A=v|B=s3cret|C=<s3cret>|D=deep|E=[s3cretdeep]", Text(result));
        _files["f"] = "K=v";
        Assert.Equal("X=v", Compute(["X=dotenv://f#K"], false));
        AssertError(SourceErrorKind.NotFound, () => Compute([], false, "A=dotenv://f#NOPE"));
        AssertError(SourceErrorKind.NotFound, () => Compute([], false, "A=dotenv://nope#K"));
    }

    [Fact]
    public void A_circle_of_references_is_an_error()
    {
        _files["a"] = "K=dotenv://b#K";
        _files["b"] = "K=dotenv://a#K";
        Assert.Contains("circle", AssertError(SourceErrorKind.Invalid, () => Compute([], false, "A=dotenv://a#K")).Message, StringComparison.Ordinal);
        Assert.Contains("circle", AssertError(SourceErrorKind.Invalid, () => Compute(["X=dotenv://a#K"], false)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_reference_without_a_vault_means_the_home_vault()
    {
        Assert.Equal("A=s3cret", Compute([], false, "A=coffer:///pw"));
        EnvironmentPlan homeless = new(Block([]), Block([]), new(null, Load, Resolve), false);
        AssertError(SourceErrorKind.Invalid, () => homeless.Compute([Parse("A=coffer:///pw", ".env")]));
    }

    [Fact]
    public void Every_secret_that_fails_is_named_and_none_is_half_used()
    {
        LaunchException error = Assert.Throws<LaunchException>(() => Compute([], false, "A=coffer://shop-dev/x\nB=coffer://shop-dev/y\nC=coffer://shop-dev/pw"));
        Assert.Equal(CofferExit.NotFound, error.Exit);
        Assert.Equal(["coffer://shop-dev/x cannot be read", "coffer://shop-dev/y cannot be read"], error.Problems);
    }

    [Fact]
    public void A_bad_reference_says_where_it_stands_and_not_what_it_is()
    {
        SourceException error = AssertError(SourceErrorKind.Invalid, () => Compute([], false, "\nA=coffer://hunter2"));
        Assert.StartsWith(".env: line 2, column 1: ", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", error.Message, StringComparison.Ordinal);
        Assert.StartsWith("the environment variable A: ", AssertError(SourceErrorKind.Invalid, () => Compute(["A=aws://x"], false)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Bytes_that_are_not_text_pass_through_untouched()
    {
        byte[][] raw = [[(byte)'A', (byte)'=', 0xFF, 0xFE], "no equals"u8.ToArray(), "=C:=x"u8.ToArray(), "B=1"u8.ToArray(), "B=2"u8.ToArray()];
        EnvironmentBlock result = Plan(new(raw), new(raw), false).Compute([Parse("C=3", ".env")]);
        Assert.Equal([.. raw, "C=3"u8.ToArray()], result.Entries);
        AssertError(SourceErrorKind.Invalid, () => Plan(new(raw), new(raw), false).Compute([Parse("C=$A", ".env")]));
        EnvironmentBlock replaced = Plan(new(raw), new(raw), true).Compute([Parse("B=3", ".env")]);
        Assert.Equal("B=3", Assert.Single(replaced.Entries.Select(Encoding.Latin1.GetString), entry => entry.StartsWith("B=", StringComparison.Ordinal)));
    }

    private string Compute(string[] environment, bool filesWin, params string[] files) =>
        Text(Plan(Block(environment), Block(environment), filesWin).Compute([.. files.Select(text => Parse(text, ".env"))]));

    private EnvironmentPlan Plan(EnvironmentBlock caller, EnvironmentBlock inherited, bool filesWin) => new(caller, inherited, new("shop-dev", Load, Resolve), filesWin);

    private DotEnvDocument Load(string path) => Parse(_files.TryGetValue(path, out string? text) ? text : throw new SourceException(SourceErrorKind.NotFound, "no such file"), path);

    private IReadOnlyList<ResolvedSecret> Resolve(IReadOnlyList<CofferReference> references)
    {
        _rounds.Add(references.Count);
        return [.. references.Select(reference => _secrets.TryGetValue(reference.ToString(), out string? text)
            ? new ResolvedSecret(text)
            : new ResolvedSecret(new SourceException(SourceErrorKind.NotFound, $"{reference} cannot be read")))];
    }

    private static DotEnvDocument Parse(string text, string file) => DotEnvDocument.Parse(text, file);

    private static EnvironmentBlock Block(string[] entries) => new(entries.Select(Encoding.UTF8.GetBytes));

    private static string Text(EnvironmentBlock block) => string.Join('|', block.Entries.Select(Encoding.UTF8.GetString));

    private static SourceException AssertError(SourceErrorKind kind, Action action)
    {
        SourceException error = Assert.Throws<SourceException>(action);
        Assert.Equal(kind, error.Kind);
        return error;
    }
}
