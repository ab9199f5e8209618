using System.Collections.Immutable;
using System.Globalization;
using System.Security;
using Coffer.Core;
using Coffer.Core.Access;
using Coffer.Core.Errors;
using Coffer.Protocols.Aws.Policies;
using Microsoft.AspNetCore.Http;

namespace Coffer.Protocols.Aws;

internal sealed partial class AwsEndpoints
{
    private const int DefaultRoleSeconds = 3600, MaxTokenSeconds = 129_600;
    private const string SessionNamePattern = "[\\w+=,.@-]*", NoMfa = "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user.";

    /// <summary>Parameters that this server has nothing for. What cannot be honoured is refused, not passed over.</summary>
    private static readonly (string Prefix, AwsError Error)[] Unserved =
    [
        ("SourceIdentity", AwsError.Query(400, "InvalidParameterValue", "A source identity is not supported by this server.")),
        ("ProvidedContexts", AwsError.Query(400, "InvalidParameterValue", "Provided contexts are not supported by this server.")),
        ("SerialNumber", AwsError.Query(403, "AccessDenied", NoMfa)),
        ("TokenCode", AwsError.Query(403, "AccessDenied", NoMfa)),
    ];

    /// <summary>A key of another principal, where it names the caller as one who may act as it. </summary>
    private async Task AssumeRoleAsync(HttpContext context, AwsExchange exchange, IReadOnlyDictionary<string, string?> parameters)
    {
        string? arn = parameters.GetValueOrDefault("RoleArn"), session = parameters.GetValueOrDefault("RoleSessionName");
        AwsViolations found = default;
        Role(ref found, arn, session);
        int seconds = SecondsOf(ref found, parameters, DefaultRoleSeconds, CredentialService.MaxSessionSeconds);
        SessionTraits? asked = TraitsOf(ref found, exchange, parameters, exchange.Account);
        Bounded(ref found, "externalId", parameters.GetValueOrDefault("ExternalId") ?? "--", 2, 1224);
        found.ThrowIfAny();
        Serve(parameters);
        try
        {
            if (AwsNames.RoleOf(arn!, core.Access) is { } role)
            {
                exchange.ResourceArn = AwsIdentity.Of(core.Access, role).Arn;
                CheckTags(exchange, role);
                using TemporaryAccessKey key = await IssueAsync(exchange, role.Name, seconds, session!, asked, context.RequestAborted).ConfigureAwait(false);
                // Only who may have the role hears how long: a key that is too long is dropped again, and nothing of it was kept.
                CheckDuration(exchange, AwsIdentity.ProfileOf(role), seconds);
                await SendAsync(context, key, AssumedUser(role, key, session!) + PackedSize(key, asked), exchange.WireOperation).ConfigureAwait(false);
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

    /// <summary>
    /// Tags decide in policies of this language: to give a session some takes its own permission there (<c>sts:TagSession</c>),
    /// whoever else lets the caller have the role.
    /// </summary>
    private void CheckTags(AwsExchange exchange, Principal role)
    {
        if (exchange.RequestTags is { IsEmpty: false })
        {
            AccessRequest request = new() { Operation = Operation.Administer, Caller = exchange.Caller!, Now = Core.Microseconds.Now(core.Clock) };
            if (IamLanguage.Instance.JudgeAssuming(core.Access, request, role).Verdict != Verdict.Allow)
            {
                throw Error.AccessDenied("sts:TagSession", role.Name.Value, AccessEvaluator.NothingAllows);
            }
        }
    }

    private async Task<TemporaryAccessKey> IssueAsync(AwsExchange exchange, PrincipalName role, int seconds, string session, SessionTraits? asked, CancellationToken cancellationToken)
    {
        try
        {
            return await core.Credentials.IssueSessionAsync(exchange.Caller!, exchange.Identity, role, null, seconds, session, cancellationToken, asked).ConfigureAwait(false);
        }
        catch (CofferException large) when (large.Code == CofferErrorCode.TooLarge)
        {
            throw new AwsRefusal(PackedPolicyTooLarge);
        }
    }

    /// <summary>The longest session is the role's to say; of one that was itself got by assuming a role it is an hour.</summary>
    private static void CheckDuration(AwsExchange exchange, AwsProfile role, int seconds)
    {
        bool chained = exchange.Identity is { Issued: not null } identity && AwsIdentity.ProfileOf(identity.Principal).IsRole && identity.Credential.StartsWith("ASIA", StringComparison.Ordinal);
        if (chained && seconds > DefaultRoleSeconds)
        {
            throw new AwsRefusal(AwsError.Validation("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"));
        }

        if (role.MaxSessionSeconds > 0 && seconds > role.MaxSessionSeconds)
        {
            throw new AwsRefusal(AwsError.Validation("The requested DurationSeconds exceeds the MaxSessionDuration set for this role."));
        }
    }

    /// <summary>Session policies, which only narrow, and session tags. Managed policies are those of the account given, or of AWS.</summary>
    private SessionTraits? TraitsOf(ref AwsViolations found, AwsExchange exchange, IReadOnlyDictionary<string, string?> parameters, string account)
    {
        List<string> sources = [];
        if (parameters.GetValueOrDefault("Policy") is { } policy)
        {
            found.Length("policy", policy.Length, 1, 2048, null);
            sources.Add(policy);
        }

        string[] arns = [.. parameters.Where(p => p.Key.StartsWith("PolicyArns.member.", StringComparison.Ordinal)).OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => p.Value ?? "")];
        found.Length("policyArns", arns.Length, 0, 10, null);
        foreach (string arn in arns)
        {
            bool near = arn.Split(':') is [_, _, _, _, var of, _] && (of == "aws" || of == account);
            sources.Add((near ? IamService.DocumentOf(core.Access, arn) : null) ?? throw new AwsRefusal(AwsError.Query(400, "MalformedPolicyDocument", "A policy of PolicyArns is not there.")));
        }

        foreach (string source in sources)
        {
            try
            {
                IamParser.Parse(source, "of the session", PolicyUse.Session);
            }
            catch (CofferException malformed)
            {
                throw new AwsRefusal(AwsError.Query(400, "MalformedPolicyDocument", $"{char.ToUpperInvariant(malformed.Message[0])}{malformed.Message.AsSpan(1)}."));
            }
        }

        ImmutableSortedDictionary<string, string> tags = AwsTags.Of(parameters, ref found);
        string[] transitive = [.. parameters.Where(p => p.Key.StartsWith("TransitiveTagKeys.member.", StringComparison.Ordinal)).Select(p => p.Value ?? "")];
        if (transitive.Any(t => !tags.Keys.Contains(t, StringComparer.OrdinalIgnoreCase)))
        {
            throw new AwsRefusal(AwsError.Query(400, "InvalidParameterValue", "The specified transitive tag key must be included in the requested tags."));
        }

        if (exchange.Identity?.TransitiveTags.FirstOrDefault(t => tags.Keys.Contains(t, StringComparer.OrdinalIgnoreCase)) is not null)
        {
            throw new AwsRefusal(AwsError.Query(400, "InvalidParameterValue", "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session."));
        }

        exchange.RequestTags = tags;
        return sources.Count == 0 && tags.IsEmpty
            ? null
            : new() { Limits = sources.Count == 0 ? [] : [new(IamLanguage.LanguageName, [.. sources])], Tags = tags, TransitiveTags = [.. transitive] };
    }

    /// <summary>How much of the room for policies and tags is taken, in percent; told only where some were asked for.</summary>
    private static string PackedSize(TemporaryAccessKey key, SessionTraits? asked) =>
        asked is null ? "" : string.Create(CultureInfo.InvariantCulture, $"<PackedPolicySize>{Math.Clamp(key.SessionToken.Length * 100 / CredentialService.MaxSessionTokenCharacters, 1, 100)}</PackedPolicySize>");

    private static AwsError PackedPolicyTooLarge { get; } = AwsError.Query(400, "PackedPolicyTooLarge", "Packed size of session policies and tags consumes more than 100% of allotted space.");

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
