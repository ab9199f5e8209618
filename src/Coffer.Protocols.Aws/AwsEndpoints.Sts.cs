using System.Security;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;

namespace Coffer.Protocols.Aws;

/// <summary>STS: who am I, and temporary keys.</summary>
internal sealed partial class AwsEndpoints
{
    private const string StsVersion = "2011-06-15";
    private const int MaxParameters = 300;

    private async Task StsAsync(HttpContext context, AwsExchange exchange, RequestBody body)
    {
        Dictionary<string, string?> parameters = Parameters(context.Request, body);
        string? action = parameters.GetValueOrDefault("Action"), version = parameters.GetValueOrDefault("Version");
        if (action is null)
        {
            throw new AwsRefusal(AwsError.Query(400, "MissingAction", "The request must contain the parameter Action."));
        }

        if (exchange.Service == AwsExchange.Iam)
        {
            if (!await _iam.TryHandleAsync(context, exchange, action, version ?? "", parameters).ConfigureAwait(false))
            {
                throw new AwsRefusal(AwsError.Query(400, "InvalidAction", $"Could not find operation {Plain(action)} for version {Plain(version ?? "NO_VERSION_SPECIFIED")}"));
            }

            return;
        }

        Func<HttpContext, AwsExchange, IReadOnlyDictionary<string, string?>, Task>? operation = version != StsVersion ? null : action switch
        {
            "GetCallerIdentity" => (http, asked, _) => GetCallerIdentityAsync(http, asked),
            "AssumeRole" => AssumeRoleAsync,
            "GetSessionToken" => GetSessionTokenAsync,
            _ => null,
        };
        if (operation is null)
        {
            throw new AwsRefusal(AwsError.Query(400, "InvalidAction", $"Could not find operation {Plain(action)} for version {Plain(version ?? "NO_VERSION_SPECIFIED")}"));
        }

        exchange.Asks(action);
        exchange.Parameters = parameters;
        await operation(context, exchange, parameters).ConfigureAwait(false);
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

    /// <summary>Parameters of the form of a POST, or else of the query. One that comes twice is none.</summary>
    private static Dictionary<string, string?> Parameters(HttpRequest request, RequestBody body)
    {
        Dictionary<string, string?> parameters = new(StringComparer.Ordinal);
        ReadOnlyMemory<char> text = AwsExchange.IsForm(request) ? Encoding.UTF8.GetString(body.Span).AsMemory() : (request.QueryString.Value ?? "").AsMemory();
        foreach (QueryStringEnumerable.EncodedNameValuePair pair in new QueryStringEnumerable(text))
        {
            if (parameters.Count >= MaxParameters)
            {
                throw new AwsRefusal(AwsError.Query(400, "MalformedQueryString", "The request has too many parameters."));
            }

            string name = pair.DecodeName().ToString();
            if (!parameters.TryAdd(name, pair.DecodeValue().ToString()))
            {
                parameters[name] = null;
            }
        }

        return parameters;
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
