using System.Globalization;

namespace Coffer.Core.Rotations;

/// <summary>One stretch of time in which a rotation is to begin. UTC microseconds.</summary>
/// <param name="Start">It opens here, on the hour.</param>
/// <param name="End">It closes here, later than <paramref name="Start"/>.</param>
public readonly record struct RotationWindow(long Start, long End);

/// <summary>
/// When a secret rotates, from rules as text: <c>rate(N hours)</c> (4 or more), <c>rate(N days)</c>, or
/// <c>cron(0 HOURS DAY-OF-MONTH MONTH DAY-OF-WEEK *)</c>, all in UTC. Pure arithmetic; immutable.
/// </summary>
public sealed class RotationSchedule
{
    /// <summary>Least hours between two rotations.</summary>
    public const int LeastHours = 4;

    /// <summary>Most days, or hours, between two rotations.</summary>
    public const int MostDays = 1000;

    private const long Hour = 3_600 * Microseconds.PerSecond;

    private readonly int _days;
    private readonly int _hours;
    private readonly CronRule? _cron;
    private readonly int? _duration;

    private RotationSchedule(int days, int hours, CronRule? cron, int? duration)
    {
        _days = days;
        _hours = hours;
        _cron = cron;
        _duration = duration;
    }

    /// <summary>Whether it says dates of its own; one that does not counts from the last rotation.</summary>
    public bool IsCalendar => _cron is not null;

    /// <summary>Every so many days.</summary>
    /// <param name="days">1 to <see cref="MostDays"/>.</param>
    /// <param name="duration">Length of the window in hours, 1 to 24, or null for the rest of the day.</param>
    /// <exception cref="FormatException">Out of range; the message says what, and repeats nothing.</exception>
    public static RotationSchedule EveryDays(int days, int? duration)
    {
        CheckDuration(duration, 24);
        return days is >= 1 and <= MostDays ? new(days, 0, null, duration) : throw new FormatException($"the number of days is 1 to {MostDays}");
    }

    /// <summary>Reads an expression.</summary>
    /// <param name="expression">As sent.</param>
    /// <param name="duration">Length of the window in hours, 1 to 24, or null: an hour where it opens more than once a day, else the rest of the day.</param>
    /// <exception cref="FormatException">Not an expression, or its windows do not fit; the message says why, and repeats nothing.</exception>
    public static RotationSchedule Parse(string expression, int? duration)
    {
        if (Inner(expression, "rate(") is { } rate)
        {
            return Rate(rate, duration);
        }

        CronRule cron = CronRule.Parse(Inner(expression, "cron(") ?? throw new FormatException("the schedule is rate(…) or cron(…)"));
        CheckDuration(duration, cron.HoursBetween ?? 24 - cron.LastHour);
        return new(0, 0, cron, duration);
    }

    /// <summary>The first window that opens later than <paramref name="from"/> (UTC microseconds): for a calendar its next date, else so many hours or days on.</summary>
    public RotationWindow NextAfter(long from)
    {
        if (_cron is { } cron)
        {
            long open = cron.NextAfter(from);
            return new(open, open + (Hours(cron.HoursBetween is not null ? 1 : 24 - HourOf(open)) * Hour));
        }

        if (_hours > 0)
        {
            long open = (Floor(from, Hour) + _hours) * Hour;
            return new(open, open + (Hours(1) * Hour));
        }

        long day = (Floor(from, Microseconds.PerDay) + _days) * Microseconds.PerDay;
        return new(day, day + (Hours(24) * Hour));
    }

    private static RotationSchedule Rate(ReadOnlySpan<char> inner, int? duration)
    {
        int space = inner.IndexOf(' ');
        if (space <= 0 || !int.TryParse(inner[..space], NumberStyles.None, CultureInfo.InvariantCulture, out int number) || number < 1)
        {
            throw new FormatException("a rate is a whole number and hours or days");
        }

        switch (inner[(space + 1)..])
        {
            case "day" or "days":
                return EveryDays(number, duration);
            case "hour" or "hours" when number is >= LeastHours and <= MostDays:
                CheckDuration(duration, Math.Min(number, 24));
                return new(0, number, null, duration);
            case "hour" or "hours":
                throw new FormatException($"a rate in hours is {LeastHours} to {MostDays}");
            default:
                throw new FormatException("a rate is a whole number and hours or days");
        }
    }

    private static void CheckDuration(int? duration, int most)
    {
        if (duration is < 1 || duration > most)
        {
            throw new FormatException(most < 1 ? "a window does not go into the next day" : $"the window is 1 to {most} hours: it goes neither into the next day nor into the next window");
        }
    }

    private static string? Inner(string text, string start) =>
        text.StartsWith(start, StringComparison.Ordinal) && text.EndsWith(')') ? text[start.Length..^1] : null;

    private static long Floor(long time, long unit) => (time / unit) - (time % unit < 0 ? 1 : 0);

    private static int HourOf(long time) => (int)(Floor(time, Hour) - (Floor(time, Microseconds.PerDay) * 24));

    private int Hours(int otherwise) => _duration ?? otherwise;
}
