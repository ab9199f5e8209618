using System.Collections.Immutable;
using Coffer.Core;
using Coffer.Core.Errors;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Coffer.Protocols;

/// <summary>
/// What every request goes through whatever its wire: a request id, the rate of its address, the choice of the dialect,
/// and the one place where an exception becomes an answer in that dialect's own shape.
/// </summary>
public sealed partial class DialectPipeline
{
    private readonly ImmutableArray<IDialect> _dialects;
    private readonly IDialect _fallback;
    private readonly RateGate _rates;
    private readonly ILogger _log;

    /// <summary>The first dialect that claims a request gets it; the last one gets what nobody claims.</summary>
    public DialectPipeline(ImmutableArray<IDialect> dialects, RateGate rates, ILogger log)
    {
        _dialects = dialects;
        _fallback = dialects[^1];
        _rates = rates;
        _log = log;
    }

    /// <summary>Answers one request. Never throws but for a client that went away.</summary>
    public async Task HandleAsync(HttpContext context)
    {
        context.TraceIdentifier = RandomIds.Version4().ToString("D");
        IDialect dialect = Choose(context);
        try
        {
            _rates.Admit(context.PeerAddress());
            await dialect.HandleAsync(context).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // The client went away; what was committed stays committed.
        }
        catch (Exception failure)
        {
            CofferError error = Explain(failure, context.RequestId(), dialect.Name);
            if (context.Response.HasStarted)
            {
                context.Abort();
                return;
            }

            context.Response.Clear();
            await dialect.WriteErrorAsync(context, error).ConfigureAwait(false);
        }
    }

    private IDialect Choose(HttpContext context)
    {
        string? host = context.Features.Get<InterceptedHost>()?.Dialect;
        foreach (IDialect dialect in _dialects)
        {
            if (host is not null ? string.Equals(dialect.Name, host, StringComparison.Ordinal) : dialect.Claims(context))
            {
                return dialect;
            }
        }

        return _fallback;
    }

    private CofferError Explain(Exception failure, string requestId, string dialect)
    {
        switch (failure)
        {
            case CofferException { Code: CofferErrorCode.Integrity or CofferErrorCode.Internal } serious:
                LogFailure(requestId, dialect, serious.Error.Related ?? serious.Message, serious.InnerException);
                return serious.Error;
            case CofferException { Code: CofferErrorCode.Unavailable } unavailable:
                LogUnavailable(requestId, dialect, unavailable.Message, unavailable.InnerException);
                return unavailable.Error;
            case CofferException known:
                return known.Error;
            case BadHttpRequestException { StatusCode: StatusCodes.Status413PayloadTooLarge }:
                return Error.TooLarge("request body", 0).Error with { Message = "the request body is too large" };
            case BadHttpRequestException or IOException:
                return Error.InvalidRequest("the request could not be read").Error;
            default:
                LogFailure(requestId, dialect, failure.GetType().Name, failure);
                return Error.Internal().Error;
        }
    }

    [LoggerMessage(EventId = 2001, Level = LogLevel.Error, Message = "request {RequestId} on {Dialect} failed: {What}")]
    private partial void LogFailure(string requestId, string dialect, string what, Exception? failure);

    [LoggerMessage(EventId = 2002, Level = LogLevel.Warning, Message = "request {RequestId} on {Dialect} could not be served: {What}")]
    private partial void LogUnavailable(string requestId, string dialect, string what, Exception? failure);
}
