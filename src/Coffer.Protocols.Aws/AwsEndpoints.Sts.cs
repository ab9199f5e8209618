using System.Security;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;

namespace Coffer.Protocols.Aws;

/// <summary>The part of STS that clients of Secrets Manager need: who am I.</summary>
internal sealed partial class AwsEndpoints
{
    private const string StsVersion = "2011-06-15";
    private const int MaxParameters = 100;

    private static Task StsAsync(HttpContext context, AwsExchange exchange, RequestBody body)
    {
        (string? action, string? version) = Parameters(context.Request, body);
        if (action is null)
        {
            throw new AwsRefusal(AwsError.Query(400, "MissingAction", "The request must contain the parameter Action."));
        }

        if (action != "GetCallerIdentity" || version != StsVersion)
        {
            throw new AwsRefusal(AwsError.Query(400, "InvalidAction", $"Could not find operation {Plain(action)} for version {Plain(version ?? "NO_VERSION_SPECIFIED")}"));
        }

        exchange.WireOperation = action;
        return GetCallerIdentityAsync(context, exchange);
    }

    /// <summary>Needs no permission: whoever proved who they are may hear it.</summary>
    private static async Task GetCallerIdentityAsync(HttpContext context, AwsExchange exchange)
    {
        string requestId = context.RequestId();
        string arn = SecurityElement.Escape(exchange.CallerArn);
        string userId = SecurityElement.Escape(AwsNames.CallerId(exchange.Identity!));
        using AwsBuffer answer = new(1024);
        answer.Write(
            $"<GetCallerIdentityResponse xmlns=\"{AwsWire.StsNamespace}\"><GetCallerIdentityResult><Arn>{arn}</Arn><UserId>{userId}</UserId><Account>{exchange.Account}</Account></GetCallerIdentityResult><ResponseMetadata><RequestId>{requestId}</RequestId></ResponseMetadata></GetCallerIdentityResponse>\n");
        context.Response.Headers["x-amzn-RequestId"] = requestId;
        await AwsWire.SendAsync(context, answer, AwsWire.XmlContentType).ConfigureAwait(false);
    }

    /// <summary>Action and version, from the form of a POST or else the query. One that comes twice is none.</summary>
    private static (string? Action, string? Version) Parameters(HttpRequest request, RequestBody body)
    {
        if (!AwsExchange.IsForm(request))
        {
            return (request.Query["Action"] is [var one] ? one : null, request.Query["Version"] is [var other] ? other : null);
        }

        string? action = null, version = null;
        int actions = 0, versions = 0, count = 0;
        foreach (QueryStringEnumerable.EncodedNameValuePair pair in new QueryStringEnumerable(Encoding.UTF8.GetString(body.Span)))
        {
            if (++count > MaxParameters)
            {
                throw new AwsRefusal(AwsError.Query(400, "MalformedQueryString", "The request has too many parameters."));
            }

            switch (pair.DecodeName().Span)
            {
                case "Action":
                    action = ++actions == 1 ? pair.DecodeValue().ToString() : null;
                    break;
                case "Version":
                    version = ++versions == 1 ? pair.DecodeValue().ToString() : null;
                    break;
                default:
                    break;
            }
        }

        return (action, version);
    }

    private static string Plain(string text)
    {
        foreach (char c in text)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_'))
            {
                return "(not a name)";
            }
        }

        return text.Length <= 64 ? text : "(not a name)";
    }
}
