using System.Collections.Immutable;
using System.Text.Json;

namespace Coffer.Protocols.Aws.Policies;

/// <summary>How closely a principal element names a caller; a delegation to the account leaves it to the account's own policies.</summary>
internal enum IamNaming
{
    None = 0,
    Account = 1,
    Role = 2,
    Everyone = 3,

    /// <summary>A user, or one session of a role: permissions given in this way are not narrowed by boundaries and session policies.</summary>
    Exact = 4,
}

/// <summary>Whom a statement of a resource's policy is for.</summary>
internal sealed class IamPrincipals
{
    private readonly bool _not, _everyone;
    private readonly ImmutableArray<string> _accounts, _arns, _federated;

    private IamPrincipals(bool not, bool everyone, ImmutableArray<string> accounts, ImmutableArray<string> arns, ImmutableArray<string> federated)
    {
        _not = not;
        _everyone = everyone;
        _accounts = accounts;
        _arns = arns;
        _federated = federated;
    }

    /// <summary>Whether it is for everybody there is.</summary>
    public bool IsEveryone => _everyone && !_not;

    /// <summary>The users and roles that it names, as written.</summary>
    public ImmutableArray<string> Arns => _arns;

    /// <summary>The providers of tokens that it names.</summary>
    public ImmutableArray<string> Federated => _federated;

    /// <summary>The accounts that it names.</summary>
    public ImmutableArray<string> Accounts => _accounts;

    public static IamPrincipals Parse(JsonElement element, bool not)
    {
        if (element.ValueKind == JsonValueKind.String)
        {
            return element.GetString() == "*" ? new(not, true, [], [], []) : throw IamParser.Malformed("a principal that is text is \"*\"");
        }

        if (element.ValueKind != JsonValueKind.Object || !element.EnumerateObject().Any())
        {
            throw IamParser.Malformed("a principal is \"*\" or a JSON object");
        }

        bool everyone = false;
        List<string> accounts = [], arns = [], federated = [];
        foreach (JsonProperty kind in element.EnumerateObject())
        {
            foreach (string text in IamParser.Texts(kind.Value))
            {
                switch (kind.Name)
                {
                    case "AWS" when text == "*":
                        everyone = true;
                        break;
                    case "AWS" when AccountOf(text) is { } account:
                        accounts.Add(account);
                        break;
                    case "AWS" when IsIdentity(text):
                        arns.Add(text);
                        break;
                    case "Federated" when IsProvider(text):
                        federated.Add(text);
                        break;
                    case "Service" when IsService(text):
                        // No service of AWS calls this server: it names nobody here, as it does there where none calls.
                        break;
                    default:
                        throw IamParser.Malformed("a principal is no account, user, role, session, provider or service");
                }
            }
        }

        return new(not, everyone, [.. accounts], [.. arns], [.. federated]);
    }

    /// <summary>How the caller is named. Of <c>NotPrincipal</c> everybody is but one whose account and every identity stand in the list.</summary>
    public IamNaming Names(AwsIdentity caller)
    {
        if (_not)
        {
            bool spared = _everyone || (_accounts.Contains(caller.Account) && _arns.Contains(caller.Arn) && (!caller.IsRole || _arns.Contains(caller.SessionArn)));
            return spared ? IamNaming.None : IamNaming.Everyone;
        }

        return _arns.Contains(caller.SessionArn) ? IamNaming.Exact
            : _everyone ? IamNaming.Everyone
            : _arns.Contains(caller.Arn) ? IamNaming.Role
            : _accounts.Contains(caller.Account) ? IamNaming.Account : IamNaming.None;
    }

    /// <summary>Whether it names the provider of a token.</summary>
    public bool NamesProvider(string arn) => !_not && _federated.Contains(arn);

    private static string? AccountOf(string text)
    {
        string digits = text.StartsWith("arn:aws:iam::", StringComparison.Ordinal) && text.EndsWith(":root", StringComparison.Ordinal) ? text["arn:aws:iam::".Length..^":root".Length] : text;
        return digits.Length == 12 && digits.All(char.IsAsciiDigit) ? digits : null;
    }

    private static bool IsIdentity(string text) =>
        text.Split(':') is ["arn", "aws", var service, "", { Length: 12 } account, { Length: > 0 } relative] && account.All(char.IsAsciiDigit)
        && text.AsSpan().IndexOfAny('*', '?') < 0 && text.Length <= 2048
        && service switch
        {
            "iam" => (relative.StartsWith("user/", StringComparison.Ordinal) || relative.StartsWith("role/", StringComparison.Ordinal)) && relative[^1] != '/',
            "sts" => relative.Split('/') is ["assumed-role", { Length: > 0 }, { Length: > 0 }],
            _ => false,
        };

    private static bool IsProvider(string text) =>
        text.Split(':', 6) is ["arn", "aws", "iam", "", { Length: 12 } account, var relative] && account.All(char.IsAsciiDigit)
        && relative.StartsWith("oidc-provider/", StringComparison.Ordinal) && relative.Length > "oidc-provider/".Length && text.AsSpan().IndexOfAny('*', '?') < 0;

    private static bool IsService(string text) =>
        text.Length is > 0 and <= 256 && text.EndsWith(".amazonaws.com", StringComparison.Ordinal) && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-');
}
