using System.Globalization;
using Coffer.Launch;

namespace Coffer.Cli.Commands;

/// <summary>A moment as people write it: <c>90d</c>, <c>12h</c>, <c>30m</c> from now (or ago), or a date.</summary>
internal static class Moment
{
    public static DateTimeOffset? Parse(string? text, TimeProvider clock, bool ago = false)
    {
        if (text is null)
        {
            return null;
        }

        if (text.Length >= 2 && int.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out int count))
        {
            TimeSpan? span = text[^1] switch
            {
                'd' => TimeSpan.FromDays(count),
                'h' => TimeSpan.FromHours(count),
                'm' => TimeSpan.FromMinutes(count),
                _ => null,
            };
            if (span is { } length)
            {
                return ago ? clock.GetUtcNow() - length : clock.GetUtcNow() + length;
            }
        }

        return DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out DateTimeOffset time)
            ? time
            : throw new CliException(CofferExit.Usage, "that is not a time", "write 90d, 12h, 30m, or a date such as 2027-01-31");
    }

    /// <summary>As <see cref="Seconds"/>, for options whose longest time is far shorter; null where the option was not given. What is too long for it is as long as it can be, and refused.</summary>
    public static int? IntSeconds(string? text) => text is null ? null : (int)Math.Min(Seconds(text), int.MaxValue);

    /// <summary>A length of time in seconds: <c>90d</c>, <c>12h</c>, <c>30m</c>, or <c>0</c>.</summary>
    public static long Seconds(string text)
    {
        if (text == "0")
        {
            return 0;
        }

        if (text.Length >= 2 && int.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out int count))
        {
            int? unit = text[^1] switch { 'd' => 86_400, 'h' => 3600, 'm' => 60, _ => null };
            if (unit is { } seconds)
            {
                return (long)count * seconds;
            }
        }

        throw new CliException(CofferExit.Usage, "that is not a length of time", "write 90d, 12h or 30m");
    }
}
