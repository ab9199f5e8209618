using Coffer.Client;
using Coffer.Contracts;

namespace Coffer.Login.Issuers;

/// <summary>What a person needs to log in on another device.</summary>
/// <param name="Address">Where to go.</param>
/// <param name="Code">What to type there.</param>
/// <param name="Expires">Until when.</param>
public sealed record DevicePrompt(string Address, string Code, DateTimeOffset Expires);

/// <summary>
/// Logs a person in through an OIDC issuer. This side carries: it asks the issuer, and shows its ID token to the Coffer server, which
/// alone verifies it. Both ways throw <see cref="LoginException"/> and <see cref="CofferClientException"/>.
/// </summary>
/// <param name="client">The Coffer server.</param>
/// <param name="http">The way to the issuer.</param>
/// <param name="clock">The clock.</param>
public sealed class IssuerLogin(CofferClient client, IssuerHttp http, TimeProvider clock)
{
    private const string DeviceGrant = "urn:ietf:params:oauth:grant-type:device_code";
    private const int DefaultInterval = 5, SlowDown = 5, LongestInterval = 300;

    // As long as the server waits, but measured here: its clock may be another.
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(10);

    /// <summary>By browser: authorization code with PKCE, to a loopback address. Dispose the answer.</summary>
    /// <param name="provider">The issuer.</param>
    /// <param name="open">Opens an address in a browser.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<LoginResult> ByBrowserAsync(LoginProvider provider, Action<Uri> open, CancellationToken cancellationToken)
    {
        IssuerDocument issuer = await IssuerDocument.ReadAsync(http, provider.Issuer, cancellationToken).ConfigureAwait(false);
        BrowserLoginInfo begun = await client.BeginBrowserLoginAsync(new() { Trust = provider.Trust }, cancellationToken).ConfigureAwait(false);
        using LoopbackListener listener = new(clock);
        string verifier = OAuthText.NewVerifier();
        open(OAuthText.With(
            issuer.Authorization,
            ("response_type", "code"),
            ("client_id", provider.ClientId),
            ("redirect_uri", listener.RedirectUri),
            ("scope", string.Join(' ', provider.Scopes)),
            ("state", begun.State),
            ("nonce", begun.Nonce),
            ("code_challenge", OAuthText.Challenge(verifier)),
            ("code_challenge_method", "S256")));
        string code = await WithinAsync(Longest, stop => listener.WaitAsync(q => BrowserAnswer.Of(q, begun.State, provider.Issuer, issuer.NamesItself), stop), cancellationToken).ConfigureAwait(false) switch
        {
            BrowserAnswer.Code { Text: { } text } => text,
            BrowserAnswer.Declined { Reason: { } reason } => throw new LoginException(LoginFault.Declined, $"the issuer declined: {reason}"),
            _ => throw new LoginException(LoginFault.Refused, "the browser's answer is from another issuer", "somebody may have mixed two logins up on purpose: begin anew, and look at the address in the browser"),
        };
        using IssuerAnswer answer = await http.PostAsync(
            issuer.Token,
            cancellationToken,
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", listener.RedirectUri),
            ("client_id", provider.ClientId),
            ("code_verifier", verifier)).ConfigureAwait(false);
        return await FinishAsync(begun, answer, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>By device code (RFC 8628): the person confirms on another device. Dispose the answer.</summary>
    /// <param name="provider">The issuer.</param>
    /// <param name="show">Shows where to go and what to type.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<LoginResult> ByDeviceAsync(LoginProvider provider, Action<DevicePrompt> show, CancellationToken cancellationToken)
    {
        IssuerDocument issuer = await IssuerDocument.ReadAsync(http, provider.Issuer, cancellationToken).ConfigureAwait(false);
        Uri place = issuer.Device ?? throw new LoginException(LoginFault.Unavailable, "the issuer offers no logins by device code", "log in with --browser");
        BrowserLoginInfo begun = await client.BeginBrowserLoginAsync(new() { Trust = provider.Trust, Device = true }, cancellationToken).ConfigureAwait(false);
        using IssuerAnswer device = await http.PostAsync(place, cancellationToken, ("client_id", provider.ClientId), ("scope", string.Join(' ', provider.Scopes))).ConfigureAwait(false);
        if (device.Status != 200)
        {
            throw new LoginException(LoginFault.Declined, $"the issuer declined: {OAuthText.Code(device.Text("error"))}");
        }

        if (device.Text("device_code") is not { Length: > 0 and <= 4096 } code || device.Text("user_code") is not { Length: > 0 and <= 64 } shown || shown.AsSpan().ContainsAnyExceptInRange(' ', '~')
            || IssuerHttp.Endpoint(device.Text("verification_uri")) is not { } address || device.Number("expires_in") is not (> 0 and var seconds))
        {
            throw new LoginException(LoginFault.Refused, "the issuer's answer is not one to a login by device code");
        }

        // Ours ends as well, whatever the issuer allows.
        TimeSpan time = TimeSpan.FromSeconds(seconds) is var theirs && theirs < Longest ? theirs : Longest;
        show(new(address.AbsoluteUri, shown, clock.GetUtcNow() + time));
        using IssuerAnswer answer = await WithinAsync(time, stop => PollAsync(issuer.Token, provider.ClientId, code, device.Number("interval") ?? DefaultInterval, stop), cancellationToken).ConfigureAwait(false);
        return await FinishAsync(begun, answer, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Asks until there is an answer: no more often than the issuer said, five seconds less often each time it says so, half as often after each time-out.</summary>
    private async Task<IssuerAnswer> PollAsync(Uri token, string clientId, string code, int interval, CancellationToken stop)
    {
        interval = Math.Clamp(interval, 1, LongestInterval);
        while (true)
        {
            await Task.Delay(TimeSpan.FromSeconds(interval), clock, stop).ConfigureAwait(false);
            IssuerAnswer answer;
            try
            {
                answer = await http.PostAsync(token, stop, ("grant_type", DeviceGrant), ("device_code", code), ("client_id", clientId)).ConfigureAwait(false);
            }
            catch (LoginException failure) when (failure.Fault == LoginFault.Unavailable)
            {
                interval = Math.Min(interval * 2, LongestInterval);
                continue;
            }

            if (answer.Status == 200)
            {
                return answer;
            }

            using (answer)
            {
                switch (answer.Text("error"))
                {
                    case "authorization_pending":
                        break;
                    case "slow_down":
                        interval = Math.Min(interval + SlowDown, LongestInterval);
                        break;
                    case "expired_token":
                        throw TooLate();
                    case "access_denied":
                        throw new LoginException(LoginFault.Declined, "the login was declined");
                    default:
                        throw new LoginException(LoginFault.Declined, $"the issuer declined: {OAuthText.Code(answer.Text("error"))}");
                }
            }
        }
    }

    private async Task<LoginResult> FinishAsync(BrowserLoginInfo begun, IssuerAnswer answer, CancellationToken cancellationToken)
    {
        if (answer.Status != 200)
        {
            throw new LoginException(LoginFault.Declined, $"the issuer declined: {OAuthText.Code(answer.Text("error"))}");
        }

        if (answer.Text("id_token") is not { Length: > 0 } text)
        {
            throw new LoginException(LoginFault.Refused, "the issuer gave no ID token", "the trust's scopes must hold openid");
        }

        using BrowserLoginProof proof = new() { Login = begun.Login, IdToken = SecretText.From(text) };
        return await client.FinishBrowserLoginAsync(proof, cancellationToken).ConfigureAwait(false);
    }

    private async Task<T> WithinAsync<T>(TimeSpan time, Func<CancellationToken, Task<T>> work, CancellationToken cancellationToken)
    {
        using CancellationTokenSource late = new(time, clock);
        using CancellationTokenSource both = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellationToken);
        try
        {
            return await work(both.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw TooLate();
        }
    }

    private static LoginException TooLate() => new(LoginFault.Declined, "nobody confirmed the login in time", "begin anew");
}
