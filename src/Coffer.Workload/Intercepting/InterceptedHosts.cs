using System.Text.RegularExpressions;

namespace Coffer.Workload.Intercepting;

/// <summary>Set on a request that arrived under a vendor's host name.</summary>
/// <param name="Host">The name, lower-case.</param>
/// <param name="Wire">The wire it belongs to: <c>aws</c>, <c>azure</c>, <c>google</c>.</param>
public sealed record InterceptedName(string Host, string Wire);

/// <summary>One row of the table: names of one service of one vendor.</summary>
/// <param name="Wire">The wire.</param>
/// <param name="Service">The service, for people.</param>
/// <param name="Pattern">Exact lower-case names.</param>
/// <param name="OnByDefault">
/// False for sign-in hosts: intercepting those would break the program's other uses of them (object stores, directories).
/// </param>
public sealed record HostRow(string Wire, string Service, Regex Pattern, bool OnByDefault = true);

/// <summary>
/// The vendors' host names that are answered locally, on port 443; their other ports are refused. A listed host is never tunnelled
/// to the real service, whatever state Coffer is in: a local mistake must not read or write production. HashiCorp Vault has no row,
/// since it has no host name of its own.
/// </summary>
public static partial class InterceptedHosts
{
    /// <summary>All rows. A wire adds its own here and nowhere else.</summary>
    public static IReadOnlyList<HostRow> Rows { get; } =
    [
        new("aws", "secretsmanager", SecretsManager()),
        new("aws", "sts", SecurityTokenService(), OnByDefault: false),
        new("azure", "keyvault", KeyVault()),
        new("azure", "login", AzureLogin(), OnByDefault: false),
        new("google", "secretmanager", SecretManager()),
        new("google", "oauth2", GoogleToken(), OnByDefault: false),
    ];

    /// <summary>The listed name that a host is, on whatever port, or null. One trailing dot does not make another name.</summary>
    public static InterceptedName? Find(string host, IReadOnlySet<string> alsoServices)
    {
        if (host.Length is 0 or > 254)
        {
            return null;
        }

        string name = (host[^1] == '.' ? host[..^1] : host).ToLowerInvariant();
        HostRow? row = Listed(alsoServices).FirstOrDefault(r => r.Pattern.IsMatch(name));
        return row is null ? null : new(name, row.Wire);
    }

    /// <summary>One expression for all listed names, in the syntax that JavaScript shares with .NET.</summary>
    internal static string ToJavaScript(IReadOnlySet<string> alsoServices) =>
        "^(?:" + string.Join('|', Listed(alsoServices).Select(r => r.Pattern.ToString().Replace("\\A", "", StringComparison.Ordinal).Replace("\\z", "", StringComparison.Ordinal))) + ")$";

    private static IEnumerable<HostRow> Listed(IReadOnlySet<string> alsoServices) => Rows.Where(r => r.OnByDefault || alsoServices.Contains(r.Service));

    [GeneratedRegex(@"\Asecretsmanager(-fips)?\.[a-z0-9-]{1,63}\.(amazonaws\.com(\.cn)?|amazonaws\.eu|api\.aws|api\.amazonwebservices\.com\.cn)\z", RegexOptions.CultureInvariant)]
    private static partial Regex SecretsManager();

    [GeneratedRegex(@"\Asts(-fips)?(\.[a-z0-9-]{1,63})?\.(amazonaws\.com(\.cn)?|amazonaws\.eu|api\.aws)\z", RegexOptions.CultureInvariant)]
    private static partial Regex SecurityTokenService();

    [GeneratedRegex(@"\A[a-z0-9-]{1,63}\.vault\.(azure\.net|azure\.cn|usgovcloudapi\.net)\z", RegexOptions.CultureInvariant)]
    private static partial Regex KeyVault();

    [GeneratedRegex(@"\Alogin\.microsoftonline\.com\z", RegexOptions.CultureInvariant)]
    private static partial Regex AzureLogin();

    [GeneratedRegex(@"\Asecretmanager(\.[a-z0-9-]{1,63}\.rep)?\.googleapis\.com\z", RegexOptions.CultureInvariant)]
    private static partial Regex SecretManager();

    [GeneratedRegex(@"\Aoauth2\.googleapis\.com\z", RegexOptions.CultureInvariant)]
    private static partial Regex GoogleToken();
}
