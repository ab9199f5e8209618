using System.Globalization;
using System.Security;
using Coffer.Core;
using Coffer.Core.Access;
using Coffer.Core.Errors;
using Microsoft.AspNetCore.Http;

namespace Coffer.Protocols.Aws;

internal sealed partial class AwsEndpoints
{
    private const int DefaultRoleSeconds = 3600, MaxTokenSeconds = 129_600;
    private const string SessionNamePattern = "[\\w+=,.@-]*", NoMfa = "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user.";

    /// <summary>Parameters that change what a session may do. What cannot be honoured is refused, not passed over.</summary>
    private static readonly (string Prefix, AwsError Error)[] Unserved =
    [
        ("Policy", AwsError.Query(400, "MalformedPolicyDocument", "Session policies are not supported by this server.")),
        ("Tags.", AwsError.Query(400, "InvalidParameterValue", "Session tags are not supported by this server.")),
        ("TransitiveTagKeys.", AwsError.Query(400, "InvalidParameterValue", "Session tags are not supported by this server.")),
        ("SourceIdentity", AwsError.Query(400, "InvalidParameterValue", "A source identity is not supported by this server.")),
        ("SerialNumber", AwsError.Query(403, "AccessDenied", NoMfa)),
        ("TokenCode", AwsError.Query(403, "AccessDenied", NoMfa)),
    ];

    /// <summary>A key of another principal, where it names the caller as one who may act as it. An ExternalId is no condition of any, and passed over.</summary>
    private async Task AssumeRoleAsync(HttpContext context, AwsExchange exchange, IReadOnlyDictionary<string, string?> parameters)
    {
        string? arn = parameters.GetValueOrDefault("RoleArn"), session = parameters.GetValueOrDefault("RoleSessionName");
        AwsViolations found = default;
        Role(ref found, arn, session);
        int seconds = SecondsOf(ref found, parameters, DefaultRoleSeconds, CredentialService.MaxSessionSeconds);
        found.ThrowIfAny();
        Serve(parameters);
        try
        {
            if (AwsNames.RoleOf(arn!, core.Access) is { } role)
            {
                using TemporaryAccessKey key = await core.Credentials.IssueSessionAsync(exchange.Caller!, exchange.Identity, role.Name, null, seconds, session!, context.RequestAborted).ConfigureAwait(false);
                await SendAsync(context, key, AssumedUser(role, key, session!), exchange.WireOperation).ConfigureAwait(false);
                return;
            }

            Caller caller = exchange.Caller!;
            await core.Credentials.RefusedAsync(caller.Dialect, caller.WireOperation, caller.Credential, "no workload is that role", caller.Address, caller.UserAgent, caller.RequestId).ConfigureAwait(false);
        }
        catch (CofferException refused) when (refused.Code is CofferErrorCode.AccessDenied or CofferErrorCode.NotFound)
        {
            // A role that is not there and one that may not be assumed are one.
        }

        string resource = AwsNames.IsPlainArn(arn!) ? arn! : "*";
        throw new AwsRefusal(AwsError.Query(403, "AccessDenied", $"User: {exchange.CallerArn} is not authorized to perform: sts:AssumeRole on resource: {resource}"));
    }

    /// <summary>A temporary key of the caller's own. AWS lets one last 36 hours; here it is 12, and the answer says when it ends.</summary>
    private async Task GetSessionTokenAsync(HttpContext context, AwsExchange exchange, IReadOnlyDictionary<string, string?> parameters)
    {
        AwsViolations found = default;
        int seconds = SecondsOf(ref found, parameters, CredentialService.MaxSessionSeconds, MaxTokenSeconds);
        found.ThrowIfAny();
        Serve(parameters);
        if (exchange.Identity!.Credential.StartsWith("ASIA", StringComparison.Ordinal))
        {
            throw new AwsRefusal(AwsError.Query(403, "AccessDenied", "Cannot call GetSessionToken with session credentials"));
        }

        using TemporaryAccessKey key = await core.Credentials.IssueSessionAsync(
            exchange.Caller!, exchange.Identity, null, null, Math.Min(seconds, CredentialService.MaxSessionSeconds), "", context.RequestAborted).ConfigureAwait(false);
        await SendAsync(context, key, "", exchange.WireOperation).ConfigureAwait(false);
    }

    private string AssumedUser(Principal role, TemporaryAccessKey key, string session)
    {
        Identity assumed = new() { Principal = role, Credential = key.AccessKeyId, Root = key.AccessKeyId, Session = session };
        string arn = SecurityElement.Escape(AwsNames.CallerArn(assumed, AwsNames.Account(role.Home, core.Access)));
        return $"<AssumedRoleUser><AssumedRoleId>{AwsNames.CallerId(assumed)}</AssumedRoleId><Arn>{arn}</Arn></AssumedRoleUser>";
    }

    private static void Role(ref AwsViolations found, string? arn, string? session)
    {
        Bounded(ref found, "roleArn", arn, 20, 2048);
        Bounded(ref found, "roleSessionName", session, 2, 64);
        if (session is not null && session.AsSpan().ContainsAnyExcept(SessionNameCharacters))
        {
            found.Add("roleSessionName", $"satisfy regular expression pattern: {SessionNamePattern}", null);
        }
    }

    private static void Serve(IReadOnlyDictionary<string, string?> parameters)
    {
        foreach ((string prefix, AwsError error) in Unserved)
        {
            if (parameters.Keys.Any(k => k.StartsWith(prefix, StringComparison.Ordinal)))
            {
                throw new AwsRefusal(error);
            }
        }
    }

    private static void Bounded(ref AwsViolations found, string path, string? text, int least, int most)
    {
        if (text is null)
        {
            found.Missing(path);
        }
        else
        {
            found.Length(path, text.Length, least, most, text);
        }
    }

    private static int SecondsOf(ref AwsViolations found, IReadOnlyDictionary<string, string?> parameters, int usual, int most)
    {
        if (!parameters.TryGetValue("DurationSeconds", out string? text))
        {
            return usual;
        }

        if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int seconds))
        {
            throw new AwsRefusal(AwsError.Query(400, "MalformedInput", "DurationSeconds is no whole number."));
        }

        AwsWire.Number(ref found, "durationSeconds", seconds, CredentialService.MinSessionSeconds, most);
        return seconds;
    }

    private static async Task SendAsync(HttpContext context, TemporaryAccessKey key, string user, string operation)
    {
        string requestId = context.RequestId();
        using AwsBuffer answer = new(8192);
        answer.Write($"<{operation}Response xmlns=\"{AwsWire.StsNamespace}\"><{operation}Result>{user}<Credentials><AccessKeyId>{key.AccessKeyId}</AccessKeyId><SecretAccessKey>");
        // Base64 needs no escaping, and goes from its own buffer into the answer's.
        answer.Write(key.SecretAccessKey.Span);
        answer.Write($"</SecretAccessKey><SessionToken>{key.SessionToken}</SessionToken><Expiration>{Microseconds.ToTime(key.Expires):yyyy-MM-dd'T'HH:mm:ss'Z'}</Expiration></Credentials></{operation}Result><ResponseMetadata><RequestId>{requestId}</RequestId></ResponseMetadata></{operation}Response>\n");
        context.Response.Headers["x-amzn-RequestId"] = requestId;
        await AwsWire.SendAsync(context, answer, AwsWire.XmlContentType).ConfigureAwait(false);
    }

    private static readonly System.Buffers.SearchValues<char> SessionNameCharacters =
        System.Buffers.SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+=,.@-");
}
