using System.Net;
using System.Threading.RateLimiting;
using Coffer.Core.Access;
using Coffer.Core.Errors;

namespace Coffer.Protocols;

/// <summary>How many requests are let in. 0 = no limit.</summary>
public sealed record RateOptions
{
    /// <summary>Requests per second from one network address (loopback and the local socket excepted).</summary>
    public int PerAddress { get; init; } = 2_000;

    /// <summary>Requests per second of one principal.</summary>
    public int PerPrincipal { get; init; } = 20_000;

    /// <summary>Proofs of identity that fail, per second and address, before more are refused unchecked.</summary>
    public int FailuresPerAddress { get; init; } = 50;
}

/// <summary>Token buckets by address before identity is known, and by principal after.</summary>
public sealed class RateGate : IDisposable
{
    private readonly PartitionedRateLimiter<IPAddress>? _addresses;
    private readonly PartitionedRateLimiter<Guid>? _principals;
    private readonly PartitionedRateLimiter<IPAddress>? _failures;

    /// <summary>Makes the buckets; each holds two seconds' worth.</summary>
    public RateGate(RateOptions options)
        : this(options, isRefilled: true)
    {
    }

    /// <summary>For tests: the buckets know no other clock than the machine's, so what is to be counted exactly is not refilled.</summary>
    internal RateGate(RateOptions options, bool isRefilled)
    {
        _addresses = Create<IPAddress>(options.PerAddress, isRefilled);
        _principals = Create<Guid>(options.PerPrincipal, isRefilled);
        _failures = Create<IPAddress>(options.FailuresPerAddress, isRefilled);
    }

    /// <summary>Lets a request of this address in, or throws <see cref="CofferErrorCode.Throttled"/>.</summary>
    public void Admit(IPAddress? address)
    {
        if (address is not null && !IPAddress.IsLoopback(address))
        {
            Take(_addresses, address);
        }
    }

    /// <summary>Lets a request of this principal in, or throws <see cref="CofferErrorCode.Throttled"/>.</summary>
    public void Admit(Identity identity) => Take(_principals, identity.Principal.Id);

    /// <summary>Counts a failed proof; throws <see cref="CofferErrorCode.Throttled"/> when there were too many.</summary>
    public void Failed(IPAddress? address)
    {
        if (address is not null)
        {
            Take(_failures, address);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _addresses?.Dispose();
        _principals?.Dispose();
        _failures?.Dispose();
    }

    private static void Take<T>(PartitionedRateLimiter<T>? limiter, T key)
    {
        if (limiter is null)
        {
            return;
        }

        using RateLimitLease lease = limiter.AttemptAcquire(key);
        if (!lease.IsAcquired)
        {
            throw Error.Throttled(lease.TryGetMetadata(MetadataName.RetryAfter, out TimeSpan wait) ? wait : TimeSpan.FromSeconds(1));
        }
    }

    private static PartitionedRateLimiter<T>? Create<T>(int perSecond, bool isRefilled)
        where T : notnull =>
        perSecond <= 0 ? null : PartitionedRateLimiter.Create<T, T>(key => RateLimitPartition.GetTokenBucketLimiter(key, _ => new()
        {
            TokenLimit = perSecond * 2,
            TokensPerPeriod = Math.Max(1, perSecond / 10),
            ReplenishmentPeriod = TimeSpan.FromMilliseconds(100),
            QueueLimit = 0,
            AutoReplenishment = isRefilled,
        }));
}
