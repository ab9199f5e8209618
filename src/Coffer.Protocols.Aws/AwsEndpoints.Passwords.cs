using System.Security.Cryptography;
using Coffer.Core.Secrets;

namespace Coffer.Protocols.Aws;

internal sealed partial class AwsEndpoints
{
    private const AwsMembers PasswordMembers = AwsMembers.PasswordLength | AwsMembers.ExcludeCharacters | AwsMembers.ExcludeNumbers | AwsMembers.ExcludePunctuation
        | AwsMembers.ExcludeUppercase | AwsMembers.ExcludeLowercase | AwsMembers.IncludeSpace | AwsMembers.RequireEachIncludedType;

    private const int DefaultPasswordLength = 32;

    private static readonly (AwsMembers Excluding, string Characters)[] PasswordTypes =
    [
        (AwsMembers.ExcludeLowercase, "abcdefghijklmnopqrstuvwxyz"),
        (AwsMembers.ExcludeUppercase, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
        (AwsMembers.ExcludeNumbers, "0123456789"),
        (AwsMembers.ExcludePunctuation, "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"),
    ];

    /// <summary>Needs no permission, since it tells nothing of the store; but a policy may deny it.</summary>
    private async Task<AwsBuffer> GetRandomPasswordAsync(AwsExchange exchange, AwsInput input, CancellationToken cancellationToken)
    {
        await core.Admin.CheckRandomPasswordAsync(exchange.Caller!, exchange.Caller!.HomeOf(), cancellationToken).ConfigureAwait(false);
        return GetRandomPassword(input);
    }

    private static AwsBuffer GetRandomPassword(AwsInput input)
    {
        string excluded = input.ExcludeCharacters ?? "";
        IEnumerable<string> included = PasswordTypes.Where(t => !input.Switches.HasFlag(t.Excluding)).Select(t => t.Characters);
        string[] types = [.. (input.Switches.HasFlag(AwsMembers.IncludeSpace) ? included.Append(" ") : included)
            .Select(t => string.Concat(t.Where(c => !excluded.Contains(c, StringComparison.Ordinal)))).Where(t => t.Length > 0)];
        int length = (int)(input.PasswordLength ?? DefaultPasswordLength);
        if (types.Length == 0)
        {
            throw new AwsRefusal(AwsError.InvalidParameter("You must include at least one type of character."));
        }

        if (input.RequireEachIncludedType != false && length < types.Length)
        {
            throw new AwsRefusal(AwsError.InvalidParameter("Password length is too short based on the required types."));
        }

        using SecretValue password = SecretValue.Rent(length);
        Draw(password.Buffer, types, input.RequireEachIncludedType != false);
        return AwsWire.WritePassword(password);
    }

    private static void Draw(Span<byte> password, string[] types, bool each)
    {
        string all = string.Concat(types);
        for (int i = 0; i < password.Length; i++)
        {
            string from = each && i < types.Length ? types[i] : all;
            password[i] = (byte)from[RandomNumberGenerator.GetInt32(from.Length)];
        }

        // Where each required one stands is as random as what it is.
        RandomNumberGenerator.Shuffle(password);
    }
}
