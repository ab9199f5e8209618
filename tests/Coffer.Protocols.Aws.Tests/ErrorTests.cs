using System.Reflection;
using System.Text;
using Coffer.Core.Errors;
using Coffer.Core.Stores;
using Microsoft.AspNetCore.Http;

namespace Coffer.Protocols.Aws.Tests;

public sealed class ErrorTests(SharedServer shared) : IClassFixture<SharedServer>
{
    /// <summary>Every error of the core, as the JSON protocol writes it; a new one fails until it is listed.</summary>
    private static readonly Dictionary<CofferErrorCode, (int Status, string Type)> Json = new()
    {
        [CofferErrorCode.InvalidRequest] = (400, "InvalidParameterException"),
        [CofferErrorCode.InvalidName] = (400, "ValidationException"),
        [CofferErrorCode.InvalidCombination] = (400, "InvalidParameterException"),
        [CofferErrorCode.Unauthenticated] = (400, "UnrecognizedClientException"),
        [CofferErrorCode.CredentialExpired] = (400, "ExpiredTokenException"),
        [CofferErrorCode.AccessDenied] = (400, "AccessDeniedException"),
        [CofferErrorCode.NotFound] = (400, "ResourceNotFoundException"),
        [CofferErrorCode.VersionNotFound] = (400, "ResourceNotFoundException"),
        [CofferErrorCode.LabelNotFound] = (400, "ResourceNotFoundException"),
        [CofferErrorCode.AlreadyExists] = (400, "ResourceExistsException"),
        [CofferErrorCode.TokenInUse] = (400, "ResourceExistsException"),
        [CofferErrorCode.VersionConflict] = (400, "ThrottlingException"),
        [CofferErrorCode.LabelConflict] = (400, "InvalidRequestException"),
        [CofferErrorCode.Deleted] = (400, "InvalidRequestException"),
        [CofferErrorCode.Disabled] = (400, "ResourceNotFoundException"),
        [CofferErrorCode.Destroyed] = (400, "ResourceNotFoundException"),
        [CofferErrorCode.PreconditionFailed] = (400, "InvalidRequestException"),
        [CofferErrorCode.TooLarge] = (413, "RequestEntityTooLargeException"),
        [CofferErrorCode.QuotaExceeded] = (400, "LimitExceededException"),
        [CofferErrorCode.Throttled] = (400, "ThrottlingException"),
        [CofferErrorCode.InvalidPageToken] = (400, "InvalidNextTokenException"),
        [CofferErrorCode.Sealed] = (503, "ServiceUnavailable"),
        [CofferErrorCode.Unavailable] = (503, "InternalServiceError"),
        [CofferErrorCode.Unsupported] = (400, "UnknownOperationException"),
        [CofferErrorCode.Integrity] = (400, "DecryptionFailure"),
        [CofferErrorCode.Internal] = (500, "InternalServiceError"),
    };

    private static readonly Dictionary<string, (int Status, string Code)> Query = new()
    {
        ["UnrecognizedClientException"] = (403, "InvalidClientTokenId"),
        ["ExpiredTokenException"] = (403, "ExpiredToken"),
        ["AccessDeniedException"] = (403, "AccessDenied"),
        ["ValidationException"] = (400, "ValidationError"),
        ["ThrottlingException"] = (400, "Throttling"),
        ["RequestEntityTooLargeException"] = (413, "RequestEntityTooLarge"),
        ["UnknownOperationException"] = (400, "InvalidAction"),
    };

    public static TheoryData<CofferErrorCode> Codes => [.. Enum.GetValues<CofferErrorCode>()];

    [Theory]
    [MemberData(nameof(Codes))]
    public async Task Every_error_of_the_core_has_its_answer_in_every_protocol(CofferErrorCode code)
    {
        CofferError error = new(code, "the reason") { Subject = "s", Related = "r" };
        (int status, string type) = Json[code];

        (int jsonStatus, string jsonBody) = await WriteAsync(r => r.Headers["X-Amz-Target"] = "secretsmanager.GetSecretValue", error);
        Assert.Equal(status, jsonStatus);
        Assert.StartsWith($$"""{"__type":"{{type}}" """.TrimEnd(), jsonBody, StringComparison.Ordinal);

        (int queryStatus, string queryBody) = await WriteAsync(r => r.ContentType = "application/x-www-form-urlencoded", error);
        (int expected, string name) = Query.GetValueOrDefault(type, (status, type == "InternalServiceError" ? "InternalFailure" : type));
        Assert.Equal(expected, queryStatus);
        Assert.Contains($"<Type>{(status >= 500 ? "Receiver" : "Sender")}</Type><Code>{name}</Code>", queryBody, StringComparison.Ordinal);

        (int bareStatus, string bareBody) = await WriteAsync(_ => { }, error);
        Assert.Equal(status == 400 ? 403 : status, bareStatus);
        Assert.StartsWith("<" + type, bareBody, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(CofferErrorCode.NotFound, true)]
    [InlineData(CofferErrorCode.Deleted, true)]
    [InlineData(CofferErrorCode.Internal, true)]
    [InlineData(CofferErrorCode.AccessDenied, false)]
    [InlineData(CofferErrorCode.Throttled, false)]
    [InlineData(CofferErrorCode.InvalidName, false)]
    [InlineData(CofferErrorCode.Sealed, false)]
    public async Task Errors_of_the_model_say_Message_and_those_of_the_framework_message(CofferErrorCode code, bool modelled)
    {
        (_, string body) = await WriteAsync(r => r.Headers["X-Amz-Target"] = "secretsmanager.GetSecretValue", new(code, "the reason"));
        Assert.Contains(modelled ? "\"Message\":" : "\"message\":", body, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(typeof(InvalidOperationException), 500)]
    [InlineData(typeof(NullReferenceException), 500)]
    public async Task A_crash_is_answered_in_the_wire_s_shape_and_tells_nothing(Type kind, int status)
    {
        bool broken = false;
        await using AwsTestServer server = await AwsTestServer.StartAsync(around: store => Breaking.Around(store, () => broken ? (Exception)Activator.CreateInstance(kind, "hunter2 in a stack trace")! : null));
        await server.CallAsync("CreateSecret", """{"Name":"app/db"}""");
        broken = true;
        TestAnswer answer = await server.CallAsync("GetSecretValue", """{"SecretId":"app/other"}""");
        Assert.Equal((status, """{"__type":"InternalServiceError","Message":"An error occurred on the server side."}"""), (answer.Status, answer.Body));
        Assert.Contains(server.Log, line => line.Contains(answer.Header("x-amzn-RequestId")!, StringComparison.Ordinal));
        broken = false;
        Assert.Equal("ResourceNotFoundException", (await server.CallAsync("GetSecretValue", """{"SecretId":"app/other"}""")).Outcome);
    }

    [Fact]
    public async Task A_store_that_cannot_be_reached_is_an_answer_that_clients_retry()
    {
        bool broken = false;
        await using AwsTestServer server = await AwsTestServer.StartAsync(around: store => Breaking.Around(store, () => broken ? Error.Unavailable("the disk is gone") : null));
        await server.CallAsync("ListSecrets", "{}");
        broken = true;
        TestAnswer answer = await server.CallAsync("GetSecretValue", """{"SecretId":"app/other"}""");
        Assert.Equal((503, "InternalServiceError", "The service is temporarily unavailable."), (answer.Status, answer.Outcome, answer.Message));
    }

    private async Task<(int Status, string Body)> WriteAsync(Action<HttpRequest> shape, CofferError error)
    {
        using RateGate rates = new(new());
        using AwsDialect dialect = new(new() { Core = shared.Server.Core, Rates = rates, Loggers = Microsoft.Extensions.Logging.Abstractions.NullLoggerFactory.Instance });
        using MemoryStream body = new();
        DefaultHttpContext context = new() { TraceIdentifier = "id" };
        context.Request.Method = "POST";
        context.Response.Body = body;
        shape(context.Request);
        await dialect.WriteErrorAsync(context, error);
        return (context.Response.StatusCode, Encoding.UTF8.GetString(body.ToArray()));
    }

    /// <summary>A store whose look-ups of secrets fail on demand.</summary>
    public class Breaking : DispatchProxy
    {
        private object _inner = null!;
        private Func<Exception?> _failure = null!;

        public static IStore Around(IStore store, Func<Exception?> failure)
        {
            IStore outer = Create<IStore, Breaking>();
            ISecretStore secrets = Create<ISecretStore, Breaking>();
            (((Breaking)(object)outer)._inner, ((Breaking)(object)outer)._failure) = (store, failure);
            (((Breaking)(object)secrets)._inner, ((Breaking)(object)secrets)._failure) = (store.Secrets, failure);
            ((Breaking)(object)outer)._secrets = secrets;
            return outer;
        }

        private ISecretStore? _secrets;

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
        {
            if (targetMethod!.Name == "get_Secrets" && _secrets is not null)
            {
                return _secrets;
            }

            return targetMethod.Name == nameof(ISecretStore.FindCurrentAsync) && _failure() is { } failure
                ? throw failure
                : targetMethod.Invoke(_inner, args);
        }
    }
}
