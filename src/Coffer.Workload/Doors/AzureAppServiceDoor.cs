using Microsoft.AspNetCore.Http;

namespace Coffer.Workload.Doors;

/// <summary>
/// The managed identity endpoint of Azure's App Service: a GET with the random header that came with its address. It is the one
/// of Azure's doors that every client finds by variables alone and that has a secret of the child.
/// </summary>
public sealed class AzureAppServiceDoor : ICredentialDoor
{
    private const string ApiVersion = "2019-08-01";

    private readonly AzureTokens _tokens;
    private readonly string _header = DoorSecret.Draw();
    private readonly DoorSecret _expected;

    /// <summary>Over the tokens of one identity.</summary>
    public AzureAppServiceDoor(AzureTokens tokens)
    {
        _tokens = tokens;
        _expected = new(_header);
    }

    /// <inheritdoc/>
    public string Prefix => "/msi/token";

    /// <inheritdoc/>
    public string Wire => "azure";

    /// <inheritdoc/>
    public IReadOnlyList<string> Overridden => AzureVariables.Credentials;

    /// <inheritdoc/>
    public IEnumerable<KeyValuePair<string, string>> Variables(string address) => [new("IDENTITY_ENDPOINT", address + Prefix), new("IDENTITY_HEADER", _header)];

    /// <inheritdoc/>
    public IEnumerable<KeyValuePair<string, string>> Hiding => [];

    /// <inheritdoc/>
    public Task AnswerAsync(HttpContext context)
    {
        HttpRequest request = context.Request;
        if (!HttpMethods.IsGet(request.Method))
        {
            return RefuseAsync(context, StatusCodes.Status405MethodNotAllowed, "only GET");
        }

        if (!_expected.Is(request.Headers["X-IDENTITY-HEADER"].ToString()) || request.Headers.ContainsKey("X-Forwarded-For"))
        {
            return RefuseAsync(context, StatusCodes.Status403Forbidden, "X-IDENTITY-HEADER is not this program's");
        }

        if (request.Query["api-version"] != ApiVersion)
        {
            return RefuseAsync(context, StatusCodes.Status400BadRequest, $"api-version must be {ApiVersion}");
        }

        string resource = request.Query["resource"].ToString();
        if (_tokens.AudienceOf(resource) is not { } audience)
        {
            return RefuseAsync(context, StatusCodes.Status400BadRequest, AzureVariables.OnlyKeyVault);
        }

        // Never 404, which clients try again.
        return _tokens.IsIdentity(request.Query["client_id"], request.Query["object_id"].ToString() + request.Query["principal_id"], request.Query["mi_res_id"])
            ? DoorAnswer.TryAsync(context, stop => _tokens.DocumentAsync(audience, resource, isInstance: false, stop), (status, message) => RefuseAsync(context, status, message))
            : RefuseAsync(context, StatusCodes.Status400BadRequest, AzureVariables.NoIdentity);
    }

    /// <inheritdoc/>
    public Task TurnAwayAsync(HttpContext context, string message) => RefuseAsync(context, StatusCodes.Status403Forbidden, message);

    /// <inheritdoc/>
    public Task PrimeAsync(CancellationToken cancellationToken) => _tokens.PrimeAsync(cancellationToken);

    /// <inheritdoc/>
    public void Dispose() => _tokens.Dispose();

    private static Task RefuseAsync(HttpContext context, int status, string message) => DoorAnswer.WriteAsync(context, status, DoorAnswer.Object(writer =>
    {
        writer.WriteNumber("statusCode"u8, status);
        writer.WriteString("message"u8, message);
    }));
}

/// <summary>Variables and words that Azure's doors share.</summary>
internal static class AzureVariables
{
    public const string OnlyKeyVault = "Coffer gives tokens for Key Vault only (https://vault.azure.net); this program's other Azure resources need credentials of their own";
    public const string NoIdentity = "Identity not found: the program was started as another identity than the one it asks for";

    /// <summary>Those that win over what a door gives, or lead past it.</summary>
    public static IReadOnlyList<string> Credentials { get; } =
    [
        "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_CLIENT_CERTIFICATE_PASSWORD", "AZURE_USERNAME", "AZURE_PASSWORD",
        "AZURE_FEDERATED_TOKEN_FILE", "AZURE_TOKEN_CREDENTIALS", "IDENTITY_ENDPOINT", "IDENTITY_HEADER", "IDENTITY_SERVER_THUMBPRINT", "IMDS_ENDPOINT", "MSI_ENDPOINT",
        "MSI_SECRET", "AZURE_POD_IDENTITY_AUTHORITY_HOST",
    ];
}
