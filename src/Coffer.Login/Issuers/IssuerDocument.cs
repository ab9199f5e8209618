namespace Coffer.Login.Issuers;

/// <summary>What an issuer says about itself (OpenID Connect Discovery), as far as a login needs it.</summary>
/// <param name="Authorization">Where the browser goes.</param>
/// <param name="Token">Where the code is exchanged.</param>
/// <param name="Device">Where a device's login begins, or null.</param>
/// <param name="NamesItself">Whether every answer of the browser carries <c>iss</c> (RFC 9207).</param>
internal sealed record IssuerDocument(Uri Authorization, Uri Token, Uri? Device, bool NamesItself)
{
    /// <summary>Reads it. Throws <see cref="LoginException"/> where it is not this issuer's, or an endpoint is not https.</summary>
    public static async Task<IssuerDocument> ReadAsync(IssuerHttp http, string issuer, CancellationToken cancellationToken)
    {
        Uri place = IssuerHttp.Endpoint(issuer.TrimEnd('/') + "/.well-known/openid-configuration") ?? throw new LoginException(LoginFault.Refused, "the issuer is not an https address");
        using IssuerAnswer answer = await http.GetAsync(place, cancellationToken).ConfigureAwait(false);
        if (answer is not { Status: 200, Json: not null })
        {
            throw new LoginException(LoginFault.Unavailable, $"{place.Authority} answered {answer.Status} where its document should be");
        }

        // Compared exactly: who serves a document of another issuer may not stand in for it.
        if (!string.Equals(answer.Text("issuer"), issuer, StringComparison.Ordinal))
        {
            throw new LoginException(LoginFault.Refused, "the issuer's document is of another issuer");
        }

        Uri Required(string name) => IssuerHttp.Endpoint(answer.Text(name)) ?? throw new LoginException(LoginFault.Refused, $"the issuer's {name} is not an https address");
        return new(
            Required("authorization_endpoint"),
            Required("token_endpoint"),
            answer.Text("device_authorization_endpoint") is null ? null : Required("device_authorization_endpoint"),
            answer.Flag("authorization_response_iss_parameter_supported"));
    }
}
