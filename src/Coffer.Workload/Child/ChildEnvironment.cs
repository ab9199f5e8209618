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

    public required string NodeExtra { get; init; }

    public required string Hook { get; init; }

    public required string Gcloud { get; init; }

    public string VaultToken { get; init; } = "";

    /// <summary>Port without password and trust store, or null where the child has no Java.</summary>
    public (int Port, string TrustStore)? Java { get; init; }
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
    private static readonly string[] VendorDomains = ["amazonaws.com", "amazonaws.com.cn", "amazonaws.eu", "api.aws", "api.amazonwebservices.com.cn", "azure.net", "azure.cn", "usgovcloudapi.net", "googleapis.com", "login.microsoftonline.com"];

    public static Dictionary<string, string> Create(WorkloadOptions options, ChildPlaces places)
    {
        Dictionary<string, string> child = new(options.Inherited, StringComparer.Ordinal);
        string address = $"https://127.0.0.1:{places.TlsPort}";
        SetProxy(child, options.Inherited, places);
        SetTrust(child, places);
        SetLaunchers(child, places);
        HashSet<string> own = new(StringComparer.Ordinal);
        HashSet<string> led = new(StringComparer.Ordinal);
        foreach (ICredentialDoor door in options.Doors)
        {
            // Credentials that the child brings along are another identity's; whether they stay is the caller's choice.
            if (options.KeepCredentials && door.Overridden.Any(n => !led.Contains(n) && !string.IsNullOrEmpty(child.GetValueOrDefault(n))))
            {
                continue;
            }

            if (!options.KeepCredentials)
            {
                own.Add(door.Wire);
            }

            // What another door of the same wire set stays.
            foreach (string name in door.Overridden.Where(n => !led.Contains(n)))
            {
                child.Remove(name);
            }

            foreach ((string name, string value) in options.KeepCredentials ? door.Variables(places.DoorAddress) : door.Variables(places.DoorAddress).Concat(door.Hiding))
            {
                child[name] = value;
                led.Add(name);
            }
        }

        SetWires(child, options, places, address, own);
        SetVaultToken(child, options, places);
        foreach ((string name, string value) in options.ApiToken?.Variables() ?? [])
        {
            child[name] = value;
        }

        child["COFFER_ADDR"] = address;
        child["COFFER_CACERT"] = places.Authority;
        child["COFFER_VAULT"] = options.Vault;
        if (options.Socket is { } socket)
        {
            child["COFFER_SOCKET"] = socket;
        }

        return child;
    }

    private static void SetProxy(Dictionary<string, string> child, IReadOnlyDictionary<string, string> inherited, ChildPlaces places)
    {
        string noProxy = CleanNoProxy(inherited, "NO_PROXY", "no_proxy");
        Both(child, "HTTPS_PROXY", places.ProxyUrl);
        child["grpc_proxy"] = places.ProxyUrl;
        Both(child, "NO_PROXY", noProxy);
        child["no_grpc_proxy"] = CleanNoProxy(inherited, "NO_PROXY", "no_proxy", "no_grpc_proxy");
    }

    private static void SetTrust(Dictionary<string, string> child, ChildPlaces places)
    {
        foreach (string name in (ReadOnlySpan<string>)["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE", "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"])
        {
            child[name] = places.Bundle;
        }

        // These win over the ones above where they are set; where not, they are not needed.
        foreach (string name in (ReadOnlySpan<string>)["CURL_CA_BUNDLE", "HTTPLIB2_CA_CERTS", "VAULT_CACERT"])
        {
            if (!string.IsNullOrEmpty(child.GetValueOrDefault(name)))
            {
                child[name] = places.Bundle;
            }
        }

        child["NODE_EXTRA_CA_CERTS"] = places.NodeExtra;
    }

    private static void SetLaunchers(Dictionary<string, string> child, ChildPlaces places)
    {
        string hook = places.Hook.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal);
        child["NODE_OPTIONS"] = $"{child.GetValueOrDefault("NODE_OPTIONS")} --require=\"{hook}\"".TrimStart();
        child["COFFER_TLS_PORT"] = places.TlsPort.ToString(CultureInfo.InvariantCulture);
        if (places.Java is { } java)
        {
            string port = java.Port.ToString(CultureInfo.InvariantCulture);
            string options = $"-Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort={port} -Dhttp.nonProxyHosts=127.0.0.1|localhost "
                + $"-Djavax.net.ssl.trustStore={java.TrustStore} -Djavax.net.ssl.trustStoreType=JKS -Djavax.net.ssl.trustStorePassword={JavaTrustStore.Password}";
            child["JAVA_TOOL_OPTIONS"] = $"{child.GetValueOrDefault("JAVA_TOOL_OPTIONS")} {options}".TrimStart();
        }
    }

    /// <summary>Where each wire's clients find it. <paramref name="own"/>: wires whose credentials are all Coffer's.</summary>
    private static void SetWires(Dictionary<string, string> child, WorkloadOptions options, ChildPlaces places, string address, HashSet<string> own)
    {
        bool ownAws = own.Contains("aws");
        if (options.Wires.Contains("aws"))
        {
            child["AWS_ENDPOINT_URL_SECRETS_MANAGER"] = address;
            child.Remove("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
            if (ownAws || options.AlsoServices.Contains("sts"))
            {
                // The real one could make nothing of Coffer's credentials, and must not see them; with the child's own it stays in use.
                child["AWS_ENDPOINT_URL_STS"] = address;
            }
        }

        if (ownAws)
        {
            string region = new[] { "AWS_REGION", "AWS_DEFAULT_REGION" }.Select(n => child.GetValueOrDefault(n)).FirstOrDefault(v => !string.IsNullOrEmpty(v)) ?? "us-east-1";
            foreach (string name in (ReadOnlySpan<string>)["AWS_REGION", "AWS_DEFAULT_REGION"])
            {
                child[name] = child.GetValueOrDefault(name) is { Length: > 0 } set ? set : region;
            }
        }

        if (options.Wires.Contains("azure"))
        {
            child["AZURE_KEYVAULT_URL"] = child["VAULT_URL"] = $"https://{options.Vault}.vault.azure.net/";
        }

        if (options.Wires.Contains("google") || own.Contains("google"))
        {
            child["GOOGLE_CLOUD_PROJECT"] = options.Vault;
            if (!options.KeepCredentials)
            {
                // The developer's own gcloud login would win over the door.
                child["CLOUDSDK_CONFIG"] = places.Gcloud;
            }
        }

        if (options.Wires.Contains("vault"))
        {
            child["VAULT_ADDR"] = address;
            child["VAULT_CACERT"] = places.Bundle;
        }
    }

    private static void SetVaultToken(Dictionary<string, string> child, WorkloadOptions options, ChildPlaces places)
    {
        if (options.VaultToken is not { } sink || (options.KeepCredentials && VaultTokenSink.Overridden.Any(n => !string.IsNullOrEmpty(child.GetValueOrDefault(n)))))
        {
            return;
        }

        foreach (string name in VaultTokenSink.Overridden)
        {
            child.Remove(name);
        }

        foreach ((string name, string value) in sink.Variables(places.VaultToken))
        {
            child[name] = value;
        }
    }

    /// <summary>Loopback, and what was there but for entries that would bypass the interception. <c>*</c> means everything to some clients and nothing to others: it goes.</summary>
    private static string CleanNoProxy(IReadOnlyDictionary<string, string> inherited, params ReadOnlySpan<string> names)
    {
        List<string> entries = [.. Loopback.Split(',')];
        foreach (string name in names)
        {
            string text = inherited.GetValueOrDefault(name) ?? "";
            entries.AddRange(text.Split([',', ' '], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Where(e => !Bypasses(e)));
        }

        return string.Join(',', entries.Distinct(StringComparer.OrdinalIgnoreCase));
    }

    private static bool Bypasses(string entry)
    {
        string name = entry.TrimStart('*').TrimStart('.').Split(':')[0].TrimEnd('.').ToLowerInvariant();
        // Some clients compare the ends of two texts and not labels: "aws.com" covers amazonaws.com to them.
        return entry.Contains('*', StringComparison.Ordinal) && name.Length == 0
            || (name.Length > 0 && VendorDomains.Any(d => d.EndsWith(name, StringComparison.Ordinal) || name.EndsWith("." + d, StringComparison.Ordinal)));
    }

    private static void Both(Dictionary<string, string> child, string name, string value)
    {
        child[name] = value;
        child[name.ToLowerInvariant()] = value;
    }
}
