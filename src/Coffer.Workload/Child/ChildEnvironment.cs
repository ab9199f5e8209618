using System.Globalization;
using Coffer.Workload.Doors;

namespace Coffer.Workload.Child;

/// <summary>Where things are for one run.</summary>
internal sealed record ChildPlaces
{
    public required string ProxyUrl { get; init; }

    public required int TlsPort { get; init; }

    public required string DoorAddress { get; init; }

    public required string Bundle { get; init; }

    public required string Authority { get; init; }

    public required string Hook { get; init; }

    public required string Gcloud { get; init; }
}

/// <summary>
/// The child's whole environment from the one it would have had: a pure function, variable by variable as
/// <c>docs/workload.md</c> tells. Three layers, because no single one reaches every client: a proxy, endpoint variables, and a
/// preload for Node.
/// </summary>
internal static class ChildEnvironment
{
    private const string Loopback = "127.0.0.1,localhost,::1";

    // Entries that would send a vendor's name around the proxy; the parent still obeys them for blind tunnels.
    private static readonly string[] VendorDomains = ["amazonaws.com", "amazonaws.com.cn", "api.aws", "azure.net", "azure.cn", "usgovcloudapi.net", "googleapis.com"];

    public static Dictionary<string, string> Create(WorkloadOptions options, ChildPlaces places)
    {
        Dictionary<string, string> child = new(options.Inherited, StringComparer.Ordinal);
        string noProxy = CleanNoProxy(options.Inherited);
        Both(child, "HTTPS_PROXY", places.ProxyUrl);
        child["grpc_proxy"] = places.ProxyUrl;
        Both(child, "NO_PROXY", noProxy);
        child["no_grpc_proxy"] = noProxy;

        child["SSL_CERT_FILE"] = places.Bundle;
        child["REQUESTS_CA_BUNDLE"] = places.Bundle;
        child["AWS_CA_BUNDLE"] = places.Bundle;
        if (child.ContainsKey("CURL_CA_BUNDLE"))
        {
            child["CURL_CA_BUNDLE"] = places.Bundle;
        }

        // It adds to Node's own roots: the CA alone is enough, unless there was a bundle whose roots must stay.
        child["NODE_EXTRA_CA_CERTS"] = options.Inherited.ContainsKey("NODE_EXTRA_CA_CERTS") ? places.Bundle : places.Authority;
        child["GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"] = places.Bundle;
        child["VAULT_CACERT"] = places.Bundle;
        child["NODE_OPTIONS"] = $"{options.Inherited.GetValueOrDefault("NODE_OPTIONS")} --require=\"{places.Hook}\"".TrimStart();
        child["COFFER_TLS_PORT"] = places.TlsPort.ToString(CultureInfo.InvariantCulture);

        string address = $"https://127.0.0.1:{places.TlsPort}";
        if (options.Wires.Contains("aws"))
        {
            child["AWS_ENDPOINT_URL_SECRETS_MANAGER"] = address;
            child["AWS_ENDPOINT_URL_STS"] = address;
            string region = child.GetValueOrDefault("AWS_REGION") ?? child.GetValueOrDefault("AWS_DEFAULT_REGION") ?? "us-east-1";
            child["AWS_REGION"] = region;
            child["AWS_DEFAULT_REGION"] = child.GetValueOrDefault("AWS_DEFAULT_REGION") ?? region;
            child["AWS_EC2_METADATA_DISABLED"] = "true";
        }

        child["CLOUDSDK_CONFIG"] = places.Gcloud;
        foreach (ICredentialDoor door in options.Doors)
        {
            if (options.KeepCredentials && door.Overridden.Any(child.ContainsKey))
            {
                continue;
            }

            foreach (string name in door.Overridden)
            {
                child.Remove(name);
            }

            foreach ((string name, string value) in door.Variables(places.DoorAddress))
            {
                child[name] = value;
            }
        }

        if (!options.KeepCredentials && options.Doors.Count > 0)
        {
            // A default profile in the user's files comes before the container door in botocore's chain; an empty file holds none.
            child["AWS_SHARED_CREDENTIALS_FILE"] = "/dev/null";
            child["AWS_CONFIG_FILE"] = "/dev/null";
        }

        child["COFFER_ADDR"] = address;
        child["COFFER_CACERT"] = places.Authority;
        child["COFFER_VAULT"] = options.Vault;
        if (options.Socket is { } socket)
        {
            child["COFFER_SOCKET"] = socket;
        }

        child.Remove("IDENTITY_SERVER_THUMBPRINT");
        child.Remove("IMDS_ENDPOINT");
        return child;
    }

    /// <summary>Loopback, and what was there but for entries that would bypass the interception. <c>*</c> means everything to some clients and nothing to others: it goes.</summary>
    private static string CleanNoProxy(IReadOnlyDictionary<string, string> inherited)
    {
        string text = inherited.GetValueOrDefault("NO_PROXY") ?? inherited.GetValueOrDefault("no_proxy") ?? "";
        IEnumerable<string> kept = text.Split([',', ' '], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Where(e => !Bypasses(e));
        return string.Join(',', Loopback.Split(',').Concat(kept).Distinct(StringComparer.OrdinalIgnoreCase));
    }

    private static bool Bypasses(string entry)
    {
        string name = entry.TrimStart('*').TrimStart('.').Split(':')[0].ToLowerInvariant();
        return entry == "*" || VendorDomains.Any(d => d == name || d.EndsWith("." + name, StringComparison.Ordinal) || name.EndsWith("." + d, StringComparison.Ordinal));
    }

    private static void Both(Dictionary<string, string> child, string name, string value)
    {
        child[name] = value;
        child[name.ToLowerInvariant()] = value;
    }
}
