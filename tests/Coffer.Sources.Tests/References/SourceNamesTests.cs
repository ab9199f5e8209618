using Coffer.Core.Secrets;
using Coffer.Sources.References;
using CsCheck;
using Xunit;

namespace Coffer.Sources.Tests.References;

public sealed class SourceNamesTests
{
    [Fact]
    public void A_name_is_legal_here_exactly_if_it_is_in_the_core() =>
        Gen.OneOf("a", "z", "A", "0", "-", "--", "_", ".", "..", "/", "./", " ", "+", "=", "@", "!", ":", ",", "~", "%", "é", "\0", "\n", "İ", "aaaaaaaaaaaaaaaaaaaaaaaa", new string('x', 500)).Array[0, 8].Select(string.Concat).Sample(
            text =>
            {
                Assert.Equal(VaultName.TryParse(text, out _), SourceNames.IsVault(text));
                Assert.Equal(SecretName.TryParse(text, out _), SourceNames.IsSecret(text));
            },
            iter: 50_000);

    [Fact]
    public void Every_single_character_is_judged_as_in_the_core()
    {
        for (int c = 0; c <= char.MaxValue; c++)
        {
            string text = $"ab{(char)c}c";
            Assert.Equal(VaultName.TryParse(text, out _), SourceNames.IsVault(text));
            Assert.Equal(SecretName.TryParse(text, out _), SourceNames.IsSecret(text));
        }
    }
}
