using System.Collections.Immutable;
using System.Security;
using Coffer.Core.Access;
using Coffer.Core.Errors;
using Coffer.Protocols.Aws.Policies;
using Microsoft.AspNetCore.Http;

namespace Coffer.Protocols.Aws;

internal sealed partial class AwsEndpoints
{
    private const string WebIdentity = "AssumeRoleWithWebIdentity";
    private const int MaxWebToken = 20_000;
    private const long MaxFormBytes = 64 * 1024;

    /// <summary>
    /// AssumeRoleWithWebIdentity, the one operation that is not signed: the token is the proof. Whether the request was one; any other
    /// is left to be told that it proves nothing.
    /// </summary>
    public async Task<bool> TryWebIdentityAsync(HttpContext context, AwsExchange exchange)
    {
        Dictionary<string, string?> parameters;
        using (RequestBody body = await RequestBody.ReadAsync(context, MaxFormBytes).ConfigureAwait(false))
        {
            parameters = Parameters(context.Request, body);
        }

        // The token in the query of a GET would be in the log of every proxy on the way.
        if (!AwsExchange.IsForm(context.Request) || parameters.GetValueOrDefault("Action") != WebIdentity || parameters.GetValueOrDefault("Version") != StsVersion)
        {
            return false;
        }

        exchange.Asks(WebIdentity);
        string? arn = parameters.GetValueOrDefault("RoleArn"), session = parameters.GetValueOrDefault("RoleSessionName"), token = parameters.GetValueOrDefault("WebIdentityToken");
        AwsViolations found = default;
        Role(ref found, arn, session);
        if (token is null)
        {
            found.Missing("webIdentityToken");
        }
        else
        {
            found.Length("webIdentityToken", token.Length, 4, MaxWebToken, null);
        }

        int seconds = SecondsOf(ref found, parameters, DefaultRoleSeconds, CredentialService.MaxSessionSeconds);
        found.ThrowIfAny();
        Serve(parameters);
        // There is no such parameter here, as in AWS: whoever holds a token would choose what policies decide on.
        if (parameters.Keys.Any(k => k.StartsWith("Tags.", StringComparison.Ordinal) || k.StartsWith("TransitiveTagKeys.", StringComparison.Ordinal)))
        {
            throw new AwsRefusal(AwsError.Query(400, "InvalidParameterValue", "Session tags come with no web identity."));
        }

        Principal? role = AwsNames.RoleOf(arn!, core.Access);
        LoginContext from = new(AwsDialect.DialectName, WebIdentity, context.RequestId(), context.PeerAddress(), context.UserAgent());
        Identity identity;
        try
        {
            identity = await core.Logins.ProvePrincipalAsync(from, role, TrustKind.WebToken, new TrustProof.WebToken(token!), context.RequestAborted).ConfigureAwait(false);
        }
        catch (CofferException refused) when (refused.Code == CofferErrorCode.Unauthenticated)
        {
            // A role that is not there, one without such a trust, and a token that the trust does not take are told alike.
            rates.Failed(context.PeerAddress());
            throw new AwsRefusal(AwsError.Query(403, "AccessDenied", $"Not authorized to perform sts:{WebIdentity}"));
        }

        rates.Admit(identity);
        // What policies there are is told to nobody who proved nothing.
        SessionTraits? asked = TraitsOf(ref found, exchange, parameters, AwsNames.Account(identity.Principal.Home, core.Access));
        found.ThrowIfAny();
        CheckDuration(exchange, AwsIdentity.ProfileOf(identity.Principal), seconds);
        string provider = core.Access.Trusts.FirstOrDefault(t => t.Name.Value == identity.Credential)?.Issuer ?? "";
        await CheckTrustAsync(context, exchange, identity, provider, parameters).ConfigureAwait(false);
        using TemporaryAccessKey key = KeyOf(identity, seconds, session!, asked);
        await SendAsync(
            context,
            key,
            $"<Audience>{Claim(identity, "aud")}</Audience>{AssumedUser(identity.Principal, key, session!)}<Provider>{SecurityElement.Escape(provider)}</Provider><SubjectFromWebIdentityToken>{Claim(identity, "sub")}</SubjectFromWebIdentityToken>{PackedSize(key, asked)}",
            WebIdentity).ConfigureAwait(false);
        return true;
    }

    private TemporaryAccessKey KeyOf(Identity identity, int seconds, string session, SessionTraits? asked)
    {
        try
        {
            return core.Logins.AccessKey(identity, seconds, session, asked);
        }
        catch (CofferException large) when (large.Code == CofferErrorCode.TooLarge)
        {
            throw new AwsRefusal(PackedPolicyTooLarge);
        }
    }

    /// <summary>A role's trust policy that names issuers narrows what the server's own trusts prove.</summary>
    private async Task CheckTrustAsync(HttpContext context, AwsExchange exchange, Identity identity, string provider, IReadOnlyDictionary<string, string?> parameters)
    {
        string issuer = provider.StartsWith("https://", StringComparison.Ordinal) ? provider["https://".Length..] : provider;
        exchange.Parameters = parameters;
        exchange.TokenClaims = new(issuer + ":", identity.Claims?.Values ?? System.Collections.Frozen.FrozenDictionary<string, ImmutableArray<string>>.Empty);
        Caller caller = context.CallerOf(identity, AwsDialect.DialectName, WebIdentity, exchange);
        if (!IamLanguage.AllowsToken(core.Access, new() { Operation = Operation.WhoAmI, Caller = caller, Now = Core.Microseconds.Now(core.Clock) }, identity.Principal, issuer))
        {
            await core.Credentials.RefusedAsync(caller.Dialect, WebIdentity, identity.Credential, "the role's trust policy does not allow it", caller.Address, caller.UserAgent, caller.RequestId).ConfigureAwait(false);
            throw new AwsRefusal(AwsError.Query(403, "AccessDenied", $"Not authorized to perform sts:{WebIdentity}"));
        }
    }

    private static string Claim(Identity identity, string name) =>
        SecurityElement.Escape(identity.Claims?.Values.TryGetValue(name, out ImmutableArray<string> values) == true && values is [var first, ..] ? first : "");
}
