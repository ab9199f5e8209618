using System.Collections.Immutable;
using Coffer.Core;
using Coffer.Core.Access;
using Coffer.Core.Errors;
using Coffer.Core.Rotations;
using Coffer.Core.Secrets;
using Coffer.Protocols.Aws.Policies;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Coffer.Protocols.Aws;

/// <summary>
/// The wire of AWS Secrets Manager (JSON 1.1) and the part of AWS STS (query protocol) that its clients need, so that
/// unmodified AWS SDK programs work against Coffer. Regions are echoed, never a boundary; an account is a vault.
/// </summary>
public sealed class AwsDialect : IDialect, IDisposable
{
    internal const string DialectName = "aws";

    private readonly CofferCore _core;
    private readonly AwsAuthentication _authentication;
    private readonly AwsEndpoints _endpoints;

    /// <summary>Makes the dialect over a core, which may still be sealed.</summary>
    public AwsDialect(DialectOptions options)
    {
        _core = options.Core;
        _authentication = new(options.Core, options.Rates);
        _endpoints = new(options.Core, options.Rates);
    }

    /// <summary>The event that a rotation function is called with: JSON, nothing secret in it.</summary>
    public static byte[] RotationEvent(RotationCall call) => AwsWire.RotationEvent(call, RegionOf(call));

    /// <summary>The region in which the rotation was asked for, else the function's own: the one in which the secret may be written.</summary>
    public static string RegionOf(RotationCall call) => call.Place ?? AwsNames.ParseFunction(call.Function)?.Region ?? AwsNames.DefaultRegion;

    /// <summary>What a function's ARN says: its name (1 to 140 of <c>A-Za-z0-9-_</c>), version or alias, and region; null where it is no such ARN.</summary>
    public static (string Name, string? Qualifier, string Region)? FunctionOf(string arn) => AwsNames.ParseFunction(arn);

    /// <inheritdoc/>
    public string Name => DialectName;

    /// <inheritdoc/>
    public long MaxBodyBytes => AwsWire.MaxBodyBytes;

    /// <summary>
    /// A request with an <c>X-Amz-Target</c>, a Signature Version 4 in header or query, or the query protocol's
    /// <c>Action</c> and <c>Version</c>: in the query, or, at the root, in a form (whose body is not looked at here).
    /// </summary>
    public bool Claims(HttpContext context)
    {
        HttpRequest request = context.Request;
        if (request.Headers.ContainsKey("X-Amz-Target"))
        {
            return true;
        }

        foreach (string? value in request.Headers.Authorization)
        {
            if (value is not null && value.StartsWith("AWS4-", StringComparison.Ordinal))
            {
                return true;
            }
        }

        if (request.QueryString.HasValue && (request.Query.ContainsKey("X-Amz-Algorithm") || (request.Query.ContainsKey("Action") && request.Query.ContainsKey("Version"))))
        {
            return true;
        }

        return request.Path.Value is "/" or "" && (AwsExchange.IsForm(request) || AwsExchange.IsJson(request));
    }

    /// <inheritdoc/>
    public async Task HandleAsync(HttpContext context)
    {
        AwsExchange exchange = AwsExchange.Of(context);
        context.Features.Set(exchange);
        try
        {
            if (!_core.IsRunning)
            {
                _authentication.Forget();
                throw Error.Sealed();
            }

            if (exchange is { Shape: AwsShape.Json, Operation: AwsOperation.Unknown })
            {
                throw new AwsRefusal(AwsError.UnknownOperation);
            }

            if (exchange.Shape == AwsShape.Query && AwsAuthentication.IsUnsigned(context.Request) && await _endpoints.TryWebIdentityAsync(context, exchange).ConfigureAwait(false))
            {
                return;
            }

            RequestBody body = await _authentication.ProveAsync(context, exchange, MaxBodyBytes).ConfigureAwait(false);
            exchange.CallerIs(context, _core.Access);
            await _endpoints.HandleAsync(context, exchange, body).ConfigureAwait(false);
        }
        catch (AwsRefusal refusal)
        {
            await AwsErrors.WriteAsync(context, exchange.Shape, refusal.Error).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public async Task WriteErrorAsync(HttpContext context, CofferError error)
    {
        AwsExchange? exchange = context.Features.Get<AwsExchange>();
        await AwsErrors.WriteAsync(context, (exchange ?? AwsExchange.Of(context)).Shape, await AwsErrors.OfAsync(_core, error, exchange, context.RequestAborted).ConfigureAwait(false)).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public void Dispose() => _authentication.Dispose();
}

/// <summary>The operations that this wire serves.</summary>
internal enum AwsOperation
{
    /// <summary>None of ours, known to AWS or not.</summary>
    Unknown = 0,

    GetSecretValue = 1,
    CreateSecret = 2,
    PutSecretValue = 3,
    DescribeSecret = 4,
    ListSecrets = 5,
    DeleteSecret = 6,
    RestoreSecret = 7,
    UpdateSecret = 8,
    UpdateSecretVersionStage = 9,
    ListSecretVersionIds = 10,
    TagResource = 11,
    UntagResource = 12,
    GetRandomPassword = 13,
    BatchGetSecretValue = 14,
    ReplicateSecretToRegions = 15,
    RemoveRegionsFromReplication = 16,
    StopReplicationToReplica = 17,
    RotateSecret = 18,
    CancelRotateSecret = 19,
    PutResourcePolicy = 20,
    GetResourcePolicy = 21,
    DeleteResourcePolicy = 22,
    ValidateResourcePolicy = 23,
}

/// <summary>One request as it becomes known: first its protocol and operation, then who asks, then about what. Error texts are made from it.</summary>
internal sealed class AwsExchange
{
    public const string SecretsManager = "secretsmanager";

    public const string Sts = "sts";

    public const string Iam = "iam";

    private const string JsonType = "application/x-amz-json-1.1";
    private const string FormType = "application/x-www-form-urlencoded";

    private string? _callerArn;

    private AwsExchange(AwsShape shape, AwsOperation operation, string wireOperation)
    {
        Shape = shape;
        Operation = operation;
        WireOperation = wireOperation;
        Service = shape == AwsShape.Query ? Sts : SecretsManager;
    }

    public AwsShape Shape { get; }

    public AwsOperation Operation { get; }

    /// <summary>The operation's own name; for the query protocol known once the form was read.</summary>
    public string WireOperation { get; private set; }

    /// <summary>The service asked; of the two that speak the query protocol, the one that the request was signed for.</summary>
    public string Service { get; set; }

    /// <summary>The action's name in policies.</summary>
    public string Action => $"{Service}:{WireOperation}";

    /// <summary>The body of a JSON request while it is answered: what conditions may ask about.</summary>
    public AwsInput? Input { get; set; }

    /// <summary>The parameters of a query request while it is answered.</summary>
    public IReadOnlyDictionary<string, string?>? Parameters { get; set; }

    /// <summary>Tags that a session is asked with.</summary>
    public ImmutableSortedDictionary<string, string>? RequestTags { get; set; }

    /// <summary>Claims of the token by which a role is asked for.</summary>
    public AwsTokenClaims? TokenClaims { get; set; }

    /// <summary>The ARN that the call is about, where it is no secret's.</summary>
    public string? ResourceArn { get; set; }

    /// <summary>The same as a denial tells it: from what was sent, without a path that the caller may not know.</summary>
    public string? ResourceShown { get; set; }

    /// <summary>The region the caller signed for.</summary>
    public string Region { get; set; } = "us-east-1";

    public Identity? Identity { get; set; }

    public Caller? Caller { get; private set; }

    /// <summary>The caller's account: its home vault's number.</summary>
    public string Account { get; private set; } = AwsNames.NoAccount;

    /// <summary>The caller's ARN.</summary>
    public string CallerArn => _callerArn ??= AwsNames.CallerArn(Identity!, Account);

    /// <summary>Whether the id sent is of the secret of this name: of a batch each item has its own.</summary>
    public bool IsAbout(SecretName? name) => Operation != AwsOperation.BatchGetSecretValue && Path?.Name == name;

    /// <summary>The SecretId or name as sent; a legal one.</summary>
    public string? SecretId { get; set; }

    /// <summary>Where it points.</summary>
    public SecretPath? Path { get; set; }

    /// <summary>Which version was asked for.</summary>
    public VersionSelector? Selector { get; set; }

    /// <summary>Why a write was refused, where only this wire could say so.</summary>
    public AwsError? Refused { get; set; }

    /// <summary>Which versions a label is to be taken from and put on.</summary>
    public (VersionSelector? From, VersionSelector? To) Move { get; set; }

    /// <summary>What a rotation is asked with.</summary>
    public AwsRotationRequest? Rotation { get; set; }

    /// <summary>
    /// The protocol and operation of a request. Which service: by target, else by the query protocol's own marks. A target
    /// sent twice is none.
    /// </summary>
    public static AwsExchange Of(HttpContext context)
    {
        HttpRequest request = context.Request;
        StringValues target = request.Headers["X-Amz-Target"];
        if (target.Count > 0 || IsJson(request))
        {
            AwsOperation operation = HttpMethods.IsPost(request.Method) && target is [{ } only] ? AwsEndpoints.OperationOf(only) : AwsOperation.Unknown;
            return new(AwsShape.Json, operation, AwsEndpoints.NameOf(operation));
        }

        bool query = IsForm(request) || (request.QueryString.HasValue && request.Query.ContainsKey("Action") && request.Query.ContainsKey("Version"));
        return new(query ? AwsShape.Query : AwsShape.Bare, AwsOperation.Unknown, "Unknown");
    }

    public static bool IsForm(HttpRequest request) => HttpMethods.IsPost(request.Method) && request.ContentType is { } type && type.StartsWith(FormType, StringComparison.OrdinalIgnoreCase);

    public static bool IsJson(HttpRequest request) => request.ContentType is { } type && type.StartsWith(JsonType, StringComparison.OrdinalIgnoreCase);

    /// <summary>One item of a batch, in whose errors it is told as if it had been read by itself.</summary>
    public AwsExchange ItemOf(string secretId, SecretPath path) => new(Shape, AwsOperation.GetSecretValue, nameof(AwsOperation.GetSecretValue))
    {
        Region = Region,
        Identity = Identity,
        Caller = Caller,
        Account = Account,
        SecretId = secretId,
        Path = path,
    };

    /// <summary>The query protocol's operation, known once the form was read.</summary>
    public void Asks(string wireOperation)
    {
        WireOperation = wireOperation;
        Caller = Caller is null ? null : Caller with { WireOperation = wireOperation };
    }

    /// <summary>Makes the core's caller of the proven identity.</summary>
    public void CallerIs(HttpContext context, AccessSnapshot access)
    {
        Identity identity = Identity!;
        Caller = context.CallerOf(identity, AwsDialect.DialectName, WireOperation, this);
        Account = AwsNames.Account(Caller.HomeOf(), access);
    }
}
