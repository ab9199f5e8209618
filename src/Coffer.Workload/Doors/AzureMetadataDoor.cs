using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace Coffer.Workload.Doors;

/// <summary>
/// The instance metadata service of Azure: a GET with <c>Metadata: true</c>, which no web page can send and no proxy adds. It has no
/// secret; who may ask is for the peer check of its listener.
/// </summary>
public sealed class AzureMetadataDoor(AzureTokens tokens) : ICredentialDoor
{
    private const string FirstVersion = "2018-02-01";

    /// <inheritdoc/>
    public string Prefix => "/metadata/identity/oauth2/token";

    /// <inheritdoc/>
    public string Wire => "azure";

    /// <inheritdoc/>
    public IReadOnlyList<string> Overridden => AzureVariables.Credentials;

    /// <inheritdoc/>
    public IEnumerable<KeyValuePair<string, string>> Variables(string address) => [new("AZURE_POD_IDENTITY_AUTHORITY_HOST", address)];

    /// <inheritdoc/>
    public IEnumerable<KeyValuePair<string, string>> Hiding => [];

    /// <inheritdoc/>
    public Task AnswerAsync(HttpContext context)
    {
        HttpRequest request = context.Request;
        if (!HttpMethods.IsGet(request.Method))
        {
            return RefuseAsync(context, StatusCodes.Status405MethodNotAllowed, "method_not_allowed", "only GET");
        }

        if (!string.Equals(request.Headers["Metadata"].ToString(), "true", StringComparison.OrdinalIgnoreCase) || request.Headers.ContainsKey("X-Forwarded-For"))
        {
            return RefuseAsync(context, StatusCodes.Status400BadRequest, "invalid_request", "Required metadata header not specified");
        }

        string version = request.Query["api-version"].ToString();
        if (version.Length != FirstVersion.Length || string.CompareOrdinal(version, FirstVersion) < 0 || !DateOnly.TryParseExact(version, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out _))
        {
            return RefuseAsync(context, StatusCodes.Status400BadRequest, "invalid_request", $"api-version must be {FirstVersion} or later");
        }

        string resource = request.Query["resource"].ToString();
        if (tokens.AudienceOf(resource) is not { } audience)
        {
            return RefuseAsync(context, StatusCodes.Status400BadRequest, "invalid_resource", AzureVariables.OnlyKeyVault);
        }

        return tokens.IsIdentity(request.Query["client_id"], request.Query["object_id"], request.Query["msi_res_id"].ToString() + request.Query["mi_res_id"])
            ? DoorAnswer.TryAsync(
                context,
                stop => tokens.DocumentAsync(audience, resource, isInstance: true, stop),
                (status, message) => RefuseAsync(context, status, status == StatusCodes.Status403Forbidden ? "access_denied" : "service_unavailable", message))
            : RefuseAsync(context, StatusCodes.Status400BadRequest, "invalid_request", AzureVariables.NoIdentity);
    }

    /// <inheritdoc/>
    public Task TurnAwayAsync(HttpContext context, string message) => RefuseAsync(context, StatusCodes.Status403Forbidden, "access_denied", message);

    /// <inheritdoc/>
    public Task PrimeAsync(CancellationToken cancellationToken) => tokens.PrimeAsync(cancellationToken);

    /// <inheritdoc/>
    public void Dispose() => tokens.Dispose();

    private static Task RefuseAsync(HttpContext context, int status, string error, string description) => DoorAnswer.WriteAsync(context, status, DoorAnswer.Object(writer =>
    {
        writer.WriteString("error"u8, error);
        writer.WriteString("error_description"u8, description);
    }));
}
