using System.Globalization;
using Coffer.Core.Rotations;
using CsCheck;
using Xunit;

namespace Coffer.Core.Tests.Rotations;

public sealed class RotationScheduleTests
{
    [Theory]
    [InlineData("rate(4 hours)", null, "2026-01-02 03:04", "2026-01-02 07:00", "2026-01-02 08:00")]
    [InlineData("rate(10 hours)", 10, "2026-01-02 23:59", "2026-01-03 09:00", "2026-01-03 19:00")]
    [InlineData("rate(1 day)", null, "2026-01-02 03:04", "2026-01-03 00:00", "2026-01-04 00:00")]
    [InlineData("rate(30 days)", 3, "2026-01-02 03:04", "2026-02-01 00:00", "2026-02-01 03:00")]
    [InlineData("cron(0 8 * * ? *)", null, "2026-01-02 08:00", "2026-01-03 08:00", "2026-01-04 00:00")]
    [InlineData("cron(0 8 * * ? *)", 2, "2026-01-02 07:59", "2026-01-02 08:00", "2026-01-02 10:00")]
    [InlineData("cron(0 4/12 * * ? *)", null, "2026-01-02 05:00", "2026-01-02 16:00", "2026-01-02 17:00")]
    [InlineData("cron(0 */6 * * ? *)", 6, "2026-01-02 18:00", "2026-01-03 00:00", "2026-01-03 06:00")]
    [InlineData("cron(0 16 1,15 * ? *)", null, "2026-01-02 00:00", "2026-01-15 16:00", "2026-01-16 00:00")]
    [InlineData("cron(0 16 L * ? *)", null, "2024-02-02 00:00", "2024-02-29 16:00", "2024-03-01 00:00")]
    [InlineData("cron(0 0 ? * SUN#1 *)", 1, "2026-01-05 00:00", "2026-02-01 00:00", "2026-02-01 01:00")]
    [InlineData("cron(0 10 ? FEB,MAY,AUG,NOV TUE#2 *)", null, "2026-01-05 00:00", "2026-02-10 10:00", "2026-02-11 00:00")]
    [InlineData("cron(0 10 ? * 6L *)", null, "2026-01-05 00:00", "2026-01-30 10:00", "2026-01-31 00:00")]
    [InlineData("cron(0 10 ? * friL *)", null, "2026-01-05 00:00", "2026-01-30 10:00", "2026-01-31 00:00")]
    [InlineData("cron(0 10 ? * L *)", null, "2026-01-05 00:00", "2026-01-10 10:00", "2026-01-11 00:00")]
    [InlineData("cron(0 10 ? * mon-fri *)", null, "2026-01-02 11:00", "2026-01-05 10:00", "2026-01-06 00:00")]
    [InlineData("cron(0 8 1/7 * ? *)", null, "2026-01-29 09:00", "2026-02-01 08:00", "2026-02-02 00:00")]
    [InlineData("cron(0 3 29 2 ? *)", null, "2096-03-01 00:00", "2104-02-29 03:00", "2104-03-01 00:00")]
    public void Windows(string expression, int? duration, string from, string start, string end)
    {
        RotationWindow window = RotationSchedule.Parse(expression, duration).NextAfter(Time(from));
        Assert.Equal((start, end), (Text(window.Start), Text(window.End)));
    }

    [Fact]
    public void A_number_of_days_counts_from_midnight()
    {
        RotationWindow window = RotationSchedule.EveryDays(7, null).NextAfter(Time("2026-01-02 23:59"));
        Assert.Equal(("2026-01-09 00:00", "2026-01-10 00:00"), (Text(window.Start), Text(window.End)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("daily")]
    [InlineData("rate()")]
    [InlineData("rate(4)")]
    [InlineData("rate(3 hours)")]
    [InlineData("rate(0 days)")]
    [InlineData("rate(1001 days)")]
    [InlineData("rate(-4 hours)")]
    [InlineData("rate(99999999999 days)")]
    [InlineData("rate(4 minutes)")]
    [InlineData("rate(4  hours)")]
    [InlineData("rate(4 hours) ")]
    [InlineData("RATE(4 hours)")]
    [InlineData("cron(0 8 * * ?)")]
    [InlineData("cron(30 8 * * ? *)")]
    [InlineData("cron(* 8 * * ? *)")]
    [InlineData("cron(0 8 * * ? 2027)")]
    [InlineData("cron(0 8 * * * *)")]
    [InlineData("cron(0 8 ? * ? *)")]
    [InlineData("cron(0 24 * * ? *)")]
    [InlineData("cron(0 8 0 * ? *)")]
    [InlineData("cron(0 8 32 * ? *)")]
    [InlineData("cron(0 8 * 13 ? *)")]
    [InlineData("cron(0 8 ? * 8 *)")]
    [InlineData("cron(0 8 ? * MON#6 *)")]
    [InlineData("cron(0 8 ? * # *)")]
    [InlineData("cron(0 8 ? * FRI-MON *)")]
    [InlineData("cron(0 8 30 2 ? *)")]
    [InlineData("cron(0 8 31 4,6,9,11 ? *)")]
    [InlineData("cron(0 * * * ? *)")]
    [InlineData("cron(0 1,22 * * ? *)")]
    [InlineData("cron(0 8,10 * * ? *)")]
    [InlineData("cron(0 8/0 * * ? *)")]
    [InlineData("cron(0 8/1/2 * * ? *)")]
    [InlineData("cron(0 8- * * ? *)")]
    [InlineData("cron(0 , * * ? *)")]
    [InlineData("cron(0 8 W * ? *)")]
    public void What_is_no_schedule_is_refused(string expression) => Assert.Throws<FormatException>(() => RotationSchedule.Parse(expression, null));

    [Theory]
    [InlineData("rate(4 hours)", 5)]
    [InlineData("rate(100 hours)", 25)]
    [InlineData("rate(4 days)", 25)]
    [InlineData("rate(4 days)", 0)]
    [InlineData("cron(0 8 * * ? *)", 17)]
    [InlineData("cron(0 4/12 * * ? *)", 13)]
    public void A_window_that_does_not_fit_is_refused(string expression, int duration) => Assert.Throws<FormatException>(() => RotationSchedule.Parse(expression, duration));

    /// <summary>Every rule that can be drawn, against a clock that is asked minute by minute whether a window opens.</summary>
    [Fact]
    public void The_next_window_is_what_a_clock_finds_that_asks_every_minute()
    {
        Gen<string> hours = Gen.OneOf(
            Gen.Int[0, 23].Select(Text), Gen.Select(Gen.Int[0, 23], Gen.Int[4, 23]).Select((a, s) => $"{a}/{s}"), Gen.Int[4, 23].Select(s => $"*/{s}"),
            Gen.Select(Gen.Int[0, 10], Gen.Int[11, 23], Gen.Int[4, 12]).Select((a, b, s) => $"{a}-{b}/{s}"), Gen.Select(Gen.Int[0, 11], Gen.Int[12, 23]).Select((a, b) => $"{a},{b}"));
        Gen<string> months = Gen.OneOf(
            Gen.Const("*"), Gen.Int[1, 12].Select(Text), Gen.Select(Gen.Int[1, 6], Gen.Int[6, 12]).Select((a, b) => $"{a}-{b}"), Gen.Select(Gen.Int[1, 12], Gen.Int[1, 12]).Select((a, s) => $"{a}/{s}"),
            Of("feb", "JAN,JUL", "MAR-MAY", "*/5"));
        Gen<string> days = Gen.OneOf(
            Gen.Const("*"), Gen.Const("L"), Gen.Int[1, 31].Select(Text), Gen.Select(Gen.Int[1, 31], Gen.Int[1, 31]).Select((a, s) => $"{a}/{s}"), Gen.Int[1, 28].Select(a => $"{a},L"), Gen.Int[1, 20].Select(a => $"{a}-{a + 9}"));
        Gen<string> weekdays = Gen.OneOf(
            Gen.Const("*"), Gen.Const("L"), Gen.Int[1, 7].Select(Text), Of("SUN", "mon-wed", "TUE,6", "2/3", "*/2"), Gen.Int[1, 7].Select(a => $"{a}L"), Gen.Select(Gen.Int[1, 7], Gen.Int[1, 5]).Select((a, k) => $"{a}#{k}"));
        Gen<string[]> fields = Gen.Select(hours, months, days, weekdays, Gen.Bool).Select((h, m, d, w, byWeek) => new[] { h, byWeek ? "?" : d, m, byWeek ? w : "?" });
        Gen.Select(fields, Gen.Long[Time("2023-12-01 00:00"), Time("2028-04-01 00:00")]).Sample(
            (f, from) =>
            {
                RotationSchedule schedule;
                try
                {
                    schedule = RotationSchedule.Parse($"cron(0 {f[0]} {f[1]} {f[2]} {f[3]} *)", null);
                }
                catch (FormatException)
                {
                    return;
                }

                RotationWindow window = schedule.NextAfter(from);
                Assert.Equal(SlowNext(f, from), Text(window.Start));
                Assert.True(window.Start > from && window.End > window.Start && window.End - window.Start <= Microseconds.PerDay);
            },
            iter: 400);
    }

    /// <summary>Minute by minute within the hours that could matter: a rule with months ahead is walked a day at a time first.</summary>
    private static string SlowNext(string[] fields, long from)
    {
        DateTime time = Microseconds.ToTime(from).UtcDateTime;
        time = new DateTime(time.Year, time.Month, time.Day, time.Hour, time.Minute, 0, DateTimeKind.Utc).AddMinutes(1);
        while (true)
        {
            if (!Matches(fields[2], time.Month, 1, 12, ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]) || !IsDay(fields, time))
            {
                time = time.Date.AddDays(1);
                continue;
            }

            if (time.Minute == 0 && Matches(fields[0], time.Hour, 0, 23, []))
            {
                return time.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture);
            }

            time = time.AddMinutes(1);
        }
    }

    private static bool IsDay(string[] fields, DateTime time)
    {
        int last = DateTime.DaysInMonth(time.Year, time.Month), weekday = (int)time.DayOfWeek + 1;
        if (fields[1] != "?")
        {
            return fields[1].Split(',').Any(i => i == "L" ? time.Day == last : Matches(i, time.Day, 1, 31, []));
        }

        return fields[3].Split(',').Any(item =>
        {
            if (item == "L")
            {
                return weekday == 7;
            }

            if (item.EndsWith('L'))
            {
                return weekday == item[0] - '0' && time.AddDays(7).Month != time.Month;
            }

            if (item.Contains('#', StringComparison.Ordinal))
            {
                int before = Enumerable.Range(1, time.Day).Count(d => (int)new DateTime(time.Year, time.Month, d).DayOfWeek + 1 == weekday);
                return weekday == item[0] - '0' && before == item[2] - '0';
            }

            return Matches(item, weekday, 1, 7, ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]);
        });
    }

    private static bool Matches(string field, int value, int least, int most, string[] names) => field.Split(',').Any(item =>
    {
        string[] step = item.Split('/');
        string[] range = step[0].Split('-');
        int Number(string text) => Array.FindIndex(names, n => n.Equals(text, StringComparison.OrdinalIgnoreCase)) is >= 0 and int index ? index + 1 : int.Parse(text, CultureInfo.InvariantCulture);
        int from = step[0] == "*" ? least : Number(range[0]);
        int to = step[0] == "*" ? most : range.Length == 2 ? Number(range[1]) : step.Length == 2 ? most : from;
        return value >= from && value <= to && (value - from) % (step.Length == 2 ? int.Parse(step[1], CultureInfo.InvariantCulture) : 1) == 0;
    });

    private static Gen<string> Of(params string[] texts) => Gen.Int[0, texts.Length - 1].Select(i => texts[i]);

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static long Time(string text) => Microseconds.From(DateTimeOffset.ParseExact(text, "yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal));

    private static string Text(long time) => Microseconds.ToTime(time).ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture);
}
