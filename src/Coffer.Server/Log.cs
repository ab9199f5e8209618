using Microsoft.Extensions.Logging;

namespace Coffer.Server;

/// <summary>Messages of the server, event ids 1000–1999. Never a value, token or raw input.</summary>
internal static partial class Log
{
    [LoggerMessage(EventId = 1001, Level = LogLevel.Information, Message = "serving on {Address}, local socket {Socket}")]
    public static partial void Serving(ILogger log, string address, string socket);

    [LoggerMessage(EventId = 1002, Level = LogLevel.Warning, Message = "the server is sealed; unseal it with: coffer unseal")]
    public static partial void StartedSealed(ILogger log);

    [LoggerMessage(EventId = 1003, Level = LogLevel.Information, Message = "unsealed")]
    public static partial void Unsealed(ILogger log);

    [LoggerMessage(EventId = 1004, Level = LogLevel.Warning, Message = "sealed")]
    public static partial void Sealed(ILogger log);

    [LoggerMessage(EventId = 1005, Level = LogLevel.Critical, Message = "integrity check failed: {What}")]
    public static partial void Alarm(ILogger log, string what);

    [LoggerMessage(EventId = 1006, Level = LogLevel.Information, Message = "stopped")]
    public static partial void Stopped(ILogger log);

    [LoggerMessage(EventId = 1007, Level = LogLevel.Error, Message = "periodic work failed")]
    public static partial void MaintenanceFailed(ILogger log, Exception failure);
}
