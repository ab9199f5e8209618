namespace Coffer.Core;

/// <summary>Times in the core are UTC microseconds since 1970 in an int64.</summary>
public static class Microseconds
{
    /// <summary>Microseconds in a second.</summary>
    public const long PerSecond = 1_000_000;

    /// <summary>Microseconds in a day.</summary>
    public const long PerDay = 86_400 * PerSecond;

    /// <summary>The clock's time.</summary>
    public static long Now(this TimeProvider clock) => From(clock.GetUtcNow());

    /// <summary>From a date, any offset.</summary>
    public static long From(DateTimeOffset time) => (time.UtcTicks - DateTimeOffset.UnixEpoch.Ticks) / TimeSpan.TicksPerMicrosecond;

    /// <summary>From a span.</summary>
    public static long From(TimeSpan span) => span.Ticks / TimeSpan.TicksPerMicrosecond;

    /// <summary>To a UTC date.</summary>
    public static DateTimeOffset ToTime(long microseconds) => DateTimeOffset.UnixEpoch.AddTicks(microseconds * TimeSpan.TicksPerMicrosecond);

    /// <summary>UTC day number (days since 1970).</summary>
    public static int DayOf(long microseconds) => (int)Math.DivRem(microseconds, PerDay, out long rest) - (rest < 0 ? 1 : 0);
}
