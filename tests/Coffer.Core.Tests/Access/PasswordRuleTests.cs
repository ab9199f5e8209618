using System.Text;
using Coffer.Core.Access;
using Coffer.Core.Access.People;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;
using Xunit;

namespace Coffer.Core.Tests.Access;

public class PasswordRuleTests
{
    [Theory]
    [InlineData("correct zebra, wired lamp")]
    [InlineData("aq8Zk2!vPq0m")]
    [InlineData("дождь идёт с утра")]
    [InlineData("ฝนตกตั้งแต่เช้า")]
    [InlineData("雨が朝からずっと降っている")]
    [InlineData("🙂🙃🙂🦓🦓🙃🙂🦓🙃🦒🦒🦓")]
    public void A_long_password_of_any_script_is_taken(string password) => Check(password);

    [Theory]
    [InlineData("short of 12")]
    [InlineData("e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301")]
    public void Fewer_than_twelve_characters_are_refused(string password) => Assert.Contains("12 to 256", Refusal(password), StringComparison.Ordinal);

    [Fact]
    public void The_longest_is_256_characters()
    {
        string longest = string.Concat(Enumerable.Range(0, 256).Select(i => (char)('\u0400' + (i * 7 % 200))));
        Check(longest);
        Assert.Contains("12 to 256", Refusal(longest + "x"), StringComparison.Ordinal);
        Refusal(new string('x', PasswordRules.MaxBytes + 1));
    }

    [Theory]
    [InlineData("passwordpassword")]
    [InlineData("Password1234!")]
    [InlineData("P@ssw0rd2026!!")]
    [InlineData("qwertyuiop123")]
    [InlineData("1q2w3e4r5t6y")]
    [InlineData("123456789012")]
    [InlineData("098765432109")]
    [InlineData("abcabcabcabc")]
    [InlineData("aaaaaaaaaaaaaaaa")]
    [InlineData("lmnopqrstuvw")]
    [InlineData("correcthorsebatterystaple")]
    [InlineData("correct horse battery staple")]
    [InlineData("Welcome-To-The-Company-2026")]
    [InlineData("letmeinplease")]
    [InlineData("admin-admin-admin")]
    [InlineData("Summer2026Summer")]
    [InlineData("2026-01-02 03:04:05")]
    [InlineData("carol-password-1")]
    [InlineData("Carol1990!!!!")]
    public void What_is_tried_first_is_refused(string password) => Refusal(password);

    [Theory]
    [InlineData("twelve\u0000chars!")]
    [InlineData("twelve\nchars!!")]
    public void Control_characters_are_refused(string password) => Assert.Contains("control", Refusal(password), StringComparison.Ordinal);

    [Fact]
    public void Bytes_that_are_no_text_are_refused()
    {
        using SecretValue bytes = SecretValue.Copy([.. "twelve chars"u8, 0xFF]);
        Assert.Equal(CofferErrorCode.InvalidRequest, Assert.Throws<CofferException>(() => PasswordRules.Check(bytes, PrincipalName.Parse("carol"))).Code);
        Assert.Null(PasswordRules.Canonical(bytes));
    }

    [Fact]
    public void A_refusal_does_not_repeat_the_password() => Assert.DoesNotContain("horse", Refusal("correcthorsebatterystaple"), StringComparison.Ordinal);

    private static void Check(string password)
    {
        using SecretValue typed = SecretValue.Copy(Encoding.UTF8.GetBytes(password));
        using SecretValue canonical = PasswordRules.Check(typed, PrincipalName.Parse("carol"));
        Assert.True(canonical.Length > 0);
    }

    private static string Refusal(string password)
    {
        using SecretValue typed = SecretValue.Copy(Encoding.UTF8.GetBytes(password));
        CofferException refused = Assert.Throws<CofferException>(() => PasswordRules.Check(typed, PrincipalName.Parse("carol")));
        Assert.Equal(CofferErrorCode.InvalidRequest, refused.Code);
        return refused.Message;
    }
}
