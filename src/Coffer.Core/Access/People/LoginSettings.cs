using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Serialization;
using Coffer.Core.Errors;

namespace Coffer.Core.Access.People;

/// <summary>The member <c>login</c> of a trust's settings: people may log in through its issuer. The rest is the verifier's. Members have setters, since generated readers drop the defaults of the others.</summary>
internal sealed record LoginSettings
{
    // A changed trust is another object.
    private static readonly ConditionalWeakTable<Trust, Box> Known = [];

    /// <summary>Coffer's client id at the issuer, of a public client; one of the trust's audiences.</summary>
    public string? ClientId { get; set; }

    /// <summary>What to ask for; <c>openid</c> is always among it.</summary>
    public IReadOnlyList<string> Scopes { get; set; } = ["openid"];

    /// <summary>Whether logins by device code are taken, whose tokens carry no nonce.</summary>
    public bool Device { get; set; }

    /// <summary>Those of a trust that is stored, read once; null where it has none, or none that are sound: nothing that was stored is in the way of others.</summary>
    public static LoginSettings? Of(Trust trust) => Known.GetValue(trust, static t =>
    {
        try
        {
            return new(Read(t.Kind, t.Settings, t.Audiences));
        }
        catch (CofferException)
        {
            return new(null);
        }
    }).Value;

    /// <summary>Reads the member where there is one. Throws InvalidRequest where it is not sound.</summary>
    public static LoginSettings? Read(TrustKind kind, string settings, IEnumerable<string> audiences)
    {
        if (settings.Length == 0)
        {
            return null;
        }

        LoginSettings? login;
        try
        {
            login = JsonSerializer.Deserialize(settings, LoginSettingsJson.Default.WithLogin)?.Login;
        }
        catch (JsonException)
        {
            throw Error.InvalidRequest("the settings are not JSON of the expected form", "settings");
        }

        if (login is null)
        {
            return null;
        }

        if (kind != TrustKind.WebToken)
        {
            throw Error.InvalidRequest("people log in through an issuer of web tokens", "settings.login");
        }

        if (login.ClientId is null || !audiences.Contains(login.ClientId, StringComparer.Ordinal))
        {
            throw Error.InvalidRequest("the client id is one of the trust's audiences", "settings.login.clientId");
        }

        // RFC 6749, appendix A.4.
        static bool IsScope(string scope) => scope.Length is > 0 and <= 128 && !scope.AsSpan().ContainsAnyExceptInRange('!', '~') && !scope.AsSpan().ContainsAny('"', '\\');
        return login.Scopes.Contains("openid") && login.Scopes.Count <= 16 && login.Scopes.All(IsScope)
            ? login
            : throw Error.InvalidRequest("scopes are up to 16 words of visible ASCII, openid among them", "settings.login.scopes");
    }

    private sealed record Box(LoginSettings? Value);
}

internal sealed record WithLogin
{
    public LoginSettings? Login { get; set; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true, AllowDuplicateProperties = false)]
[JsonSerializable(typeof(WithLogin))]
internal sealed partial class LoginSettingsJson : JsonSerializerContext;
