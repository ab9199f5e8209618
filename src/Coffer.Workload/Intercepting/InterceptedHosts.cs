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
/// The vendors' host names that are answered locally, port 443 only. A listed host is never tunnelled to the real service,
/// whatever state Coffer is in: a local mistake must not read or write production.
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

    /// <summary>The row of a name, or null where it is not a listed one. One trailing dot does not make another name.</summary>
    public static (InterceptedName Name, HostRow Row)? Find(string host, int port, IReadOnlySet<string> alsoServices)
    {
        if (port != 443 || host.Length is 0 or > 253)
        {
            return null;
        }

        string name = (host[^1] == '.' ? host[..^1] : host).ToLowerInvariant();
        foreach (HostRow row in Rows)
        {
            if ((row.OnByDefault || alsoServices.Contains(row.Service)) && row.Pattern.IsMatch(name))
            {
                return (new(name, row.Wire), row);
            }
        }

        return null;
    }

    [GeneratedRegex(@"\Asecretsmanager(-fips)?\.[a-z]{2}(-[a-z]+)+-[0-9]+\.(amazonaws\.com(\.cn)?|api\.aws|api\.amazonwebservices\.com\.cn)\z", RegexOptions.CultureInvariant)]
    private static partial Regex SecretsManager();

    [GeneratedRegex(@"\Asts(\.[a-z]{2}(-[a-z]+)+-[0-9]+)?\.amazonaws\.com(\.cn)?\z", RegexOptions.CultureInvariant)]
    private static partial Regex SecurityTokenService();

    [GeneratedRegex(@"\A[a-z0-9-]{1,63}\.vault\.(azure\.net|azure\.cn|usgovcloudapi\.net)\z", RegexOptions.CultureInvariant)]
    private static partial Regex KeyVault();

    [GeneratedRegex(@"\Alogin\.microsoftonline\.com\z", RegexOptions.CultureInvariant)]
    private static partial Regex AzureLogin();

    [GeneratedRegex(@"\Asecretmanager(\.[a-z0-9-]+\.rep)?\.googleapis\.com\z", RegexOptions.CultureInvariant)]
    private static partial Regex SecretManager();

    [GeneratedRegex(@"\Aoauth2\.googleapis\.com\z", RegexOptions.CultureInvariant)]
    private static partial Regex GoogleToken();
}
