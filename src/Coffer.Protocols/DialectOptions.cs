using Coffer.Core;
using Microsoft.Extensions.Logging;

namespace Coffer.Protocols;

/// <summary>What a dialect is given when it is made.</summary>
public sealed record DialectOptions
{
    /// <summary>The core. Its services throw <c>Sealed</c> while the server is sealed.</summary>
    public required CofferCore Core { get; init; }

    /// <summary>Rates per principal, to be asked once identity is proven.</summary>
    public required RateGate Rates { get; init; }

    /// <summary>For messages without values.</summary>
    public required ILoggerFactory Loggers { get; init; }
}
