using System.Globalization;

namespace Coffer.Core.Rotations;

/// <summary>
/// The dates of a calendar expression: <c>0 HOURS DAY-OF-MONTH MONTH DAY-OF-WEEK *</c>. Lists, ranges and steps everywhere; <c>L</c> and
/// (for a day of the week) <c>N#K</c> and <c>NL</c> for days; exactly one of the two fields of days is <c>?</c>. UTC.
/// </summary>
internal sealed class CronRule
{
    /// <summary>29 February comes back after eight years at the latest.</summary>
    private const int MostYears = 9;

    private static readonly string[] Months = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
    private static readonly string[] Weekdays = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

    private readonly ulong _hours;
    private readonly ulong _months;
    private readonly ulong _monthDays;
    private readonly bool _lastDay;
    private ulong _weekdays;
    private readonly List<(int Weekday, int Nth)> _nth = [];

    private CronRule(string[] fields)
    {
        _hours = Field(fields[1], 0, 23, []);
        _months = Field(fields[3], 1, 12, Months);
        foreach (string item in fields[2] == "?" ? [] : fields[2].Split(','))
        {
            if (item == "L")
            {
                _lastDay = true;
            }
            else
            {
                _monthDays |= Item(item, 1, 31, []);
            }
        }

        foreach (string item in fields[4] == "?" ? [] : fields[4].Split(','))
        {
            AddWeekday(item);
        }
    }

    /// <summary>The last hour of a day on which it opens.</summary>
    public int LastHour => 63 - System.Numerics.BitOperations.LeadingZeroCount(_hours);

    /// <summary>Where it opens more than once a day: least hours between two openings, midnight in between or not. Else null.</summary>
    public int? HoursBetween
    {
        get
        {
            int[] hours = [.. Enumerable.Range(0, 24).Where(h => Has(_hours, h))];
            return hours.Length < 2 ? null : hours.Select((h, i) => i + 1 < hours.Length ? hours[i + 1] - h : hours[0] + 24 - h).Min();
        }
    }

    /// <summary>Reads what stands between the parentheses. Throws <see cref="FormatException"/>.</summary>
    public static CronRule Parse(string inner)
    {
        string[] fields = inner.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (fields.Length != 6)
        {
            throw new FormatException("a cron expression has six fields: minutes, hours, day of month, month, day of week, year");
        }

        if (fields[0] != "0")
        {
            throw new FormatException("the minutes are 0: windows open on the hour");
        }

        if (fields[5] != "*")
        {
            throw new FormatException("the year is *");
        }

        if ((fields[2] == "?") == (fields[4] == "?"))
        {
            throw new FormatException("one of day of month and day of week is ?, the other is not");
        }

        CronRule rule = new(fields);
        if (rule.HoursBetween < RotationSchedule.LeastHours)
        {
            throw new FormatException($"there are at least {RotationSchedule.LeastHours} hours between two rotations");
        }

        // 2000 begins a cycle that has every date there is.
        return rule.Find(new(2000, 1, 1), 0) is null ? throw new FormatException("no date is like that") : rule;
    }

    /// <summary>The first hour later than <paramref name="from"/>, UTC microseconds.</summary>
    public long NextAfter(long from)
    {
        DateTimeOffset time = Microseconds.ToTime(from);
        (DateOnly day, int hour) = Find(DateOnly.FromDateTime(time.UtcDateTime), time.Hour + 1) ?? throw new InvalidOperationException("a rule has dates");
        return Microseconds.From(new DateTimeOffset(day.Year, day.Month, day.Day, hour, 0, 0, TimeSpan.Zero));
    }

    private (DateOnly Day, int Hour)? Find(DateOnly day, int hour)
    {
        for (DateOnly end = day.AddYears(MostYears); day < end; hour = 0)
        {
            if (!Has(_months, day.Month))
            {
                day = new DateOnly(day.Year, day.Month, 1).AddMonths(1);
                continue;
            }

            if (IsOn(day) && hour < 24 && (_hours >> hour) is not 0 and ulong later)
            {
                return (day, hour + System.Numerics.BitOperations.TrailingZeroCount(later));
            }

            day = day.AddDays(1);
        }

        return null;
    }

    private bool IsOn(DateOnly day)
    {
        int last = DateTime.DaysInMonth(day.Year, day.Month);
        int weekday = (int)day.DayOfWeek + 1;
        return Has(_monthDays, day.Day) || (_lastDay && day.Day == last) || Has(_weekdays, weekday)
            || _nth.Any(n => n.Weekday == weekday && (n.Nth == 0 ? day.Day + 7 > last : (day.Day + 6) / 7 == n.Nth));
    }

    private void AddWeekday(string item)
    {
        int mark = item.IndexOf('#', StringComparison.Ordinal);
        if (mark > 0)
        {
            _nth.Add((Number(item[..mark], 1, 7, Weekdays), Number(item[(mark + 1)..], 1, 5, [])));
        }
        else if (item == "L")
        {
            _weekdays |= 1UL << 7;
        }
        else if (item.Length > 1 && item[^1] == 'L')
        {
            _nth.Add((Number(item[..^1], 1, 7, Weekdays), 0));
        }
        else
        {
            _weekdays |= Item(item, 1, 7, Weekdays);
        }
    }

    private static bool Has(ulong set, int number) => (set >> number & 1) != 0;

    private static ulong Field(string text, int least, int most, string[] names) => text.Split(',').Aggregate(0UL, (set, item) => set | Item(item, least, most, names));

    /// <summary>One item of a list: <c>*</c>, a number or name, a range, any of them with a step.</summary>
    private static ulong Item(string item, int least, int most, string[] names)
    {
        string[] parts = item.Split('/');
        int step = parts.Length switch
        {
            1 => 1,
            2 => Number(parts[1], 1, most, []),
            _ => throw Malformed(),
        };
        int dash = parts[0].IndexOf('-', StringComparison.Ordinal);
        (int from, int to) = parts[0] == "*" ? (least, most)
            : dash > 0 ? (Number(parts[0][..dash], least, most, names), Number(parts[0][(dash + 1)..], least, most, names))
            : (Number(parts[0], least, most, names), parts.Length == 2 ? most : -1);
        if (dash > 0 && from > to)
        {
            throw new FormatException("a range goes upwards");
        }

        ulong set = 0;
        for (int number = from; number <= (to < 0 ? from : to); number += step)
        {
            set |= 1UL << number;
        }

        return set;
    }

    private static int Number(string text, int least, int most, string[] names)
    {
        int named = Array.FindIndex(names, n => n.Equals(text, StringComparison.OrdinalIgnoreCase));
        return named >= 0 ? named + 1
            : text.Length is 1 or 2 && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number >= least && number <= most ? number
            : throw Malformed();
    }

    private static FormatException Malformed() => new("a field of the cron expression is malformed or out of range");
}
