using Coffer.Core.Errors;
using Coffer.Core.Secrets;
using Coffer.Launch;

namespace Coffer.Cli.Commands;

/// <summary>What a person types for a secret: <c>vault/name</c>, or <c>name</c> alone where COFFER_VAULT (or --vault) says the vault.</summary>
internal static class SecretAddress
{
    public static SecretPath Parse(string text, string? vault)
    {
        string? home = vault ?? Environment.GetEnvironmentVariable("COFFER_VAULT");
        try
        {
            if (!string.IsNullOrEmpty(home))
            {
                return new(VaultName.Parse(home), SecretName.Parse(text));
            }

            int slash = text.IndexOf('/', StringComparison.Ordinal);
            return slash > 0
                ? new(VaultName.Parse(text[..slash]), SecretName.Parse(text[(slash + 1)..]))
                : throw new CliException(CofferExit.Usage, "which vault?", "write vault/name, or set COFFER_VAULT or --vault");
        }
        catch (CofferException invalid)
        {
            throw new CliException(CofferExit.Invalid, invalid.Message);
        }
    }
}
