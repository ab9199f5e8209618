using System.Globalization;
using System.Text.Json;

namespace Coffer.Workload.Doors;

/// <summary>
/// Tokens of a managed identity, as both of Azure's doors give them. Only resources of Key Vault: what Coffer issues opens nothing
/// else, and a program should learn that here and not from a refusal of the real service.
/// </summary>
public sealed class AzureTokens : IDisposable
{
    private const int LongestResource = 200;
    private static readonly string[] KeyVaultDomains = ["vault.azure.net", "vault.azure.cn", "vault.usgovcloudapi.net", "managedhsm.azure.net"];

    private readonly TokenCache _tokens;
    private readonly WorkloadIdentity _identity;
    private readonly string? _ownHost;
    private readonly TimeProvider _clock;

    /// <summary>Over an issuer. <paramref name="ownAddress"/> is a further resource that is served: the server's own address, or null.</summary>
    public AzureTokens(TokenIssuer issue, WorkloadIdentity identity, Uri? ownAddress, TimeProvider clock, Renewal? renewal = null)
    {
        _tokens = new(issue, clock, renewal);
        _identity = identity;
        _ownHost = ownAddress?.Authority;
        _clock = clock;
    }

    /// <inheritdoc/>
    public void Dispose() => _tokens.Dispose();

    /// <summary>The audience of a resource: <c>azure:</c> and the resource without a slash at its end; null where it is none of Key Vault's.</summary>
    internal string? AudienceOf(string resource)
    {
        if (resource.Length is 0 or > LongestResource || resource.AsSpan().ContainsAnyExceptInRange('!', '~')
            || !Uri.TryCreate(resource, UriKind.Absolute, out Uri? uri) || uri is not { Scheme: "https", UserInfo: "", AbsolutePath: "/", Query: "", Fragment: "" })
        {
            return null;
        }

        string host = uri.Host;
        bool known = KeyVaultDomains.Any(d => host == d || host.EndsWith("." + d, StringComparison.Ordinal)) ? uri.IsDefaultPort : uri.Authority == _ownHost;
        return known ? "azure:" + resource.TrimEnd('/').ToLowerInvariant() : null;
    }

    /// <summary>Gets the token of Key Vault before anybody asks. Throws what the issuer throws.</summary>
    internal async Task PrimeAsync(CancellationToken cancellationToken) => await _tokens.UseAsync("azure:https://vault.azure.net", _ => true, cancellationToken).ConfigureAwait(false);

    /// <summary>Whether a request that names an identity names this one. All three names are optional; each that is given must be right.</summary>
    internal bool IsIdentity(string? clientId, string? objectId, string? resourceId) =>
        IsId(clientId) && IsId(objectId)
        && (string.IsNullOrEmpty(resourceId) || string.Equals(resourceId[(resourceId.LastIndexOf('/') + 1)..], _identity.Name, StringComparison.OrdinalIgnoreCase));

    /// <summary>The document: <c>resource</c> repeats what was asked for, since clients compare it.</summary>
    internal ValueTask<byte[]> DocumentAsync(string audience, string resource, bool isInstance, CancellationToken cancellationToken) => _tokens.UseAsync(
        audience,
        token => DoorAnswer.Object(writer =>
        {
            string end = token.Expires.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
            writer.WriteString("access_token"u8, token.Value);
            writer.WriteString("expires_on"u8, end);
            writer.WriteString("resource"u8, resource);
            writer.WriteString("token_type"u8, "Bearer"u8);
            writer.WriteString("client_id"u8, _identity.Id.ToString("D"));
            if (isInstance)
            {
                WriteInstance(writer, token);
            }
        }),
        cancellationToken);

    private void WriteInstance(Utf8JsonWriter writer, DoorToken token)
    {
        DateTimeOffset now = _clock.GetUtcNow();
        string left = ((long)(token.Expires - now).TotalSeconds).ToString(CultureInfo.InvariantCulture);
        writer.WriteString("expires_in"u8, left);
        writer.WriteString("ext_expires_in"u8, left);
        writer.WriteString("not_before"u8, now.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture));
    }

    private bool IsId(string? text) => string.IsNullOrEmpty(text) || (Guid.TryParse(text, out Guid id) && id == _identity.Id);
}
