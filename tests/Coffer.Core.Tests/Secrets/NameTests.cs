using System.Text.RegularExpressions;
using Coffer.Core.Access;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;
using CsCheck;
using Xunit;

namespace Coffer.Core.Tests.Secrets;

/// <summary>Every kind of name against the rule of the model, written down a second time as a plain pattern.</summary>
public sealed partial class NameTests
{
    private static readonly Gen<string> SecretNames =
        Gen.String[HostileText.Pick("ABCXYZabcxyz0189/_+=.@-!:,~ ".ToCharArray()), 1, 60].Where(s => SecretRule().IsMatch(s));

    [Fact]
    public void A_vault_name_passes_exactly_when_the_rule_says_so() =>
        HostileText.Any.Sample(
            text => VaultName.TryParse(text, out VaultName name) == VaultRule().IsMatch(text) && (name.Value is null || name.Value == text),
            print: HostileText.Show, iter: HostileText.Iterations);

    [Fact]
    public void A_secret_name_passes_exactly_when_the_rule_says_so() =>
        Gen.OneOf(HostileText.Any, SecretNames).Sample(
            text => SecretName.TryParse(text, out SecretName name) == SecretRule().IsMatch(text) && (name.Value is null || name.Value == text),
            print: HostileText.Show, iter: HostileText.Iterations);

    [Fact]
    public void A_principal_name_passes_exactly_when_the_rule_says_so() =>
        HostileText.Any.Sample(
            text => PrincipalName.TryParse(text, out PrincipalName name) == (PrincipalRule().IsMatch(text) && text is not ("." or "..")) && (name.Value is null || name.Value == text),
            print: HostileText.Show, iter: HostileText.Iterations);

    [Fact]
    public void A_label_passes_exactly_when_it_is_printable_ascii() =>
        HostileText.Any.Sample(
            text => VersionLabel.TryParse(text, out VersionLabel label) == (text.Length is >= 1 and <= 256 && text.All(c => c is >= ' ' and <= '~')) && (label.Value is null || label.Value == text),
            print: HostileText.Show, iter: HostileText.Iterations);

    [Fact]
    public void A_request_token_passes_exactly_when_it_is_32_to_64_printable_characters() =>
        HostileText.Any.Sample(
            text => RequestToken.TryParse(text, out RequestToken token) == (text.Length is >= 32 and <= 64 && text.All(c => c is > ' ' and <= '~')) && (token.Value is null || token.Value == text),
            print: HostileText.Show, iter: HostileText.Iterations);

    [Fact]
    public void A_vault_number_passes_exactly_when_it_is_twelve_ascii_digits_without_a_leading_zero() =>
        Gen.OneOf(HostileText.Any, Gen.String[HostileText.Pick("0123456789\u0660\uff11 +-".ToCharArray()), 10, 14]).Sample(
            text => VaultNumber.TryParse(text, out VaultNumber number) == NumberRule().IsMatch(text) && (number.Value == 0 || number.ToString() == text),
            print: HostileText.Show, iter: HostileText.Iterations);

    [Fact]
    public void A_pattern_of_a_grant_holds_what_a_name_may_and_the_two_wildcards() =>
        HostileText.Any.Sample(
            text => Refused(() => Grant.Parse(Source(text))) != PatternRule().IsMatch(text),
            print: HostileText.Show, iter: HostileText.Iterations);

    [Fact]
    public void Every_legal_name_is_kept_character_for_character() =>
        SecretNames.Sample(text => SecretName.Parse(text).Value == text && SecretName.Parse(text).ToString() == text);

    [Fact]
    public void One_hostile_piece_in_a_legal_name_never_changes_what_the_name_is() =>
        HostileText.Spoilt(SecretNames).Sample(
            spoilt => !SecretName.TryParse(spoilt.Text, out SecretName name) || (name.Value == spoilt.Text && SecretRule().IsMatch(spoilt.Text)),
            print: s => HostileText.Show(s.Text), iter: HostileText.Iterations);

    [Fact]
    public void Names_that_differ_in_one_character_are_different_names() =>
        Gen.Select(SecretNames, SecretNames).Sample((a, b) =>
            (SecretName.Parse(a) == SecretName.Parse(b)) == string.Equals(a, b, StringComparison.Ordinal)
            && Math.Sign(SecretName.Parse(a).CompareTo(SecretName.Parse(b))) == Math.Sign(string.CompareOrdinal(a, b)));

    [Fact]
    public void Folding_lowers_ascii_letters_and_nothing_else() =>
        SecretNames.Sample(text => SecretName.Parse(text).Fold() == string.Concat(text.Select(c => c is >= 'A' and <= 'Z' ? (char)(c + 32) : c)));

    [Theory]
    [InlineData("abc", true)]
    [InlineData("ab", false)]
    [InlineData("shop-production-eu-west1", true)]
    [InlineData("shop-production-eu-west11", false)]
    [InlineData("Shop", false)]
    [InlineData("1shop", false)]
    [InlineData("-shop", false)]
    [InlineData("shop-", false)]
    [InlineData("sh--op", false)]
    [InlineData("sh_op", false)]
    [InlineData("shop ", false)]
    [InlineData("shop\n", false)]
    [InlineData(null, false)]
    public void Vault_names_at_their_edges(string? text, bool legal) => Assert.Equal(legal, VaultName.TryParse(text, out _));

    [Theory]
    [InlineData("a", true)]
    [InlineData("/", true)]
    [InlineData("a/b/c", true)]
    [InlineData("/a//b/", true)]
    [InlineData("db password", true)]
    [InlineData("v1.2", true)]
    [InlineData("...", true)]
    [InlineData(".a/b.", true)]
    [InlineData(".", false)]
    [InlineData("..", false)]
    [InlineData("a/..", false)]
    [InlineData("../a", false)]
    [InlineData("a/./b", false)]
    [InlineData(" a", false)]
    [InlineData("a ", false)]
    [InlineData("", false)]
    [InlineData(null, false)]
    public void Secret_names_at_their_edges(string? text, bool legal) => Assert.Equal(legal, SecretName.TryParse(text, out _));

    [Fact]
    public void Lengths_are_checked_at_the_last_character()
    {
        Assert.True(SecretName.TryParse(new string('a', 512), out _));
        Assert.False(SecretName.TryParse(new string('a', 513), out _));
        Assert.True(PrincipalName.TryParse(new string('a', 64), out _));
        Assert.False(PrincipalName.TryParse(new string('a', 65), out _));
        Assert.True(VersionLabel.TryParse(new string('a', 256), out _));
        Assert.False(VersionLabel.TryParse(new string('a', 257), out _));
        Assert.True(RequestToken.TryParse(new string('a', 32), out _));
        Assert.False(RequestToken.TryParse(new string('a', 31), out _));
        Assert.True(RequestToken.TryParse(new string('a', 64), out _));
        Assert.False(RequestToken.TryParse(new string('a', 65), out _));
    }

    /// <summary>Attack 12: path tricks. No encoding, dot, backslash or NUL makes a name that leads to another one.</summary>
    [Theory]
    [InlineData("app/../db")]
    [InlineData("app/./db")]
    [InlineData("..%2fdb")]
    [InlineData("app%2fdb")]
    [InlineData("app%252fdb")]
    [InlineData("app%2e%2e/db")]
    [InlineData("app\\..\\db")]
    [InlineData("db\0")]
    [InlineData("db\0.txt")]
    [InlineData("app/\u2025/db")]
    [InlineData("app\uff0fdb")]
    [InlineData("app\u2215db")]
    [InlineData("app/\uff0e\uff0e/db")]
    public void Attack_12_a_path_trick_is_not_a_name(string text)
    {
        Assert.False(SecretName.TryParse(text, out SecretName name));
        Assert.Equal(default, name);
        Assert.Equal(CofferErrorCode.InvalidName, Assert.Throws<CofferException>(() => SecretName.Parse(text)).Code);
        Assert.Equal(CofferErrorCode.InvalidName, Assert.Throws<CofferException>(() => Grant.Parse(Source(text))).Code);
    }

    /// <summary>Attack 13: look-alikes. Confusable letters, case, combining and invisible characters, white space at the ends.</summary>
    [Theory]
    [InlineData("db-p\u0430ss")]
    [InlineData("db-pass\u200b")]
    [InlineData("\ufeffdb-pass")]
    [InlineData("db-pass\u00a0")]
    [InlineData("db-pass ")]
    [InlineData("db-pass\n")]
    [InlineData("db-pas\u017f")]
    [InlineData("\u212aey")]
    [InlineData("d\u0131sk")]
    [InlineData("caf\u00e9")]
    [InlineData("cafe\u0301")]
    [InlineData("db\u202epass")]
    [InlineData("pass\uff11")]
    [InlineData("pass\u0661")]
    public void Attack_13_a_look_alike_is_not_a_name(string text)
    {
        Assert.False(SecretName.TryParse(text, out _));
        Assert.False(VaultName.TryParse(text, out _));
        Assert.False(PrincipalName.TryParse(text, out _));
        Assert.Equal(CofferErrorCode.InvalidName, Assert.Throws<CofferException>(() => Grant.Parse(Source(text))).Code);
    }

    [Fact]
    public void Attack_13_names_that_differ_in_case_are_different_secrets_with_one_folded_form()
    {
        SecretName upper = SecretName.Parse("DB-Pass"), lower = SecretName.Parse("db-pass");
        Assert.NotEqual(upper, lower);
        Assert.NotEqual(upper.GetHashCode(), lower.GetHashCode());
        Assert.Equal(lower.Fold(), upper.Fold());
    }

    /// <summary>A default-constructed name is no name: it must never come out of a parser that answered true.</summary>
    [Fact]
    public void No_text_parses_to_a_default_name() =>
        HostileText.Any.Sample(text =>
            (!SecretName.TryParse(text, out SecretName secret) || secret != default)
            && (!VaultName.TryParse(text, out VaultName vault) || vault != default)
            && (!PrincipalName.TryParse(text, out PrincipalName principal) || principal != default)
            && (!VersionLabel.TryParse(text, out VersionLabel label) || label != default)
            && (!RequestToken.TryParse(text, out RequestToken token) || token != default));

    private static string Source(string pattern) =>
        $$"""{"effect":"allow","actions":["read"],"names":{{System.Text.Json.Nodes.JsonValue.Create(pattern).ToJsonString()}}}""";

    private static bool Refused(Action action)
    {
        try
        {
            action();
            return false;
        }
        catch (CofferException e) when (e.Code is CofferErrorCode.InvalidName or CofferErrorCode.InvalidRequest)
        {
            return true;
        }
    }

    [GeneratedRegex(@"\A(?=.{3,24}\z)[a-z](?:-?[a-z0-9])*\z", RegexOptions.CultureInvariant)]
    private static partial Regex VaultRule();

    [GeneratedRegex(@"\A(?=[\s\S]{1,512}\z)(?! )(?!(?:[\s\S]*/)?\.\.?(?:/|\z))[A-Za-z0-9/_+=.@\-!:,~ ]*(?<! )\z", RegexOptions.CultureInvariant)]
    private static partial Regex SecretRule();

    [GeneratedRegex(@"\A(?=[\s\S]{1,512}\z)(?! )(?!(?:[\s\S]*/)?\.\.?(?:/|\z))[A-Za-z0-9/_+=.@\-!:,~ *?]*(?<! )\z", RegexOptions.CultureInvariant)]
    private static partial Regex PatternRule();

    [GeneratedRegex(@"\A[a-z0-9._-]{1,64}\z", RegexOptions.CultureInvariant)]
    private static partial Regex PrincipalRule();

    [GeneratedRegex(@"\A[1-9][0-9]{11}\z", RegexOptions.CultureInvariant)]
    private static partial Regex NumberRule();
}
