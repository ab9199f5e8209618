using System.Text.Json;
using System.Text.Json.Serialization;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;

namespace Coffer.Core.Rotations;

/// <summary>When a secret rotates, as its owner wrote it: a number of days or an expression, and how long each window is.</summary>
public sealed record RotationRules
{
    /// <summary>Days between rotations, 1 to 1,000, or null where there is an expression.</summary>
    public int? Days { get; init; }

    /// <summary>An expression of <see cref="RotationSchedule"/>, or null where there are days.</summary>
    public string? Expression { get; init; }

    /// <summary>Length of a window in hours, 1 to 24, or null for the default.</summary>
    public int? Hours { get; init; }

    /// <summary>Their meaning. Throws <see cref="CofferErrorCode.InvalidRequest"/>, or <see cref="CofferErrorCode.InvalidCombination"/> where there are both or none.</summary>
    public RotationSchedule ToSchedule()
    {
        try
        {
            return (Days, Expression) switch
            {
                ({ } days, null) => RotationSchedule.EveryDays(days, Hours),
                (null, { } expression) => RotationSchedule.Parse(expression, Hours),
                (null, null) => throw Error.InvalidCombination("a window needs a schedule", "rules"),
                _ => throw Error.InvalidCombination("a schedule is a number of days or an expression", "rules"),
            };
        }
        catch (FormatException malformed)
        {
            throw Error.InvalidRequest(malformed.Message, "rules");
        }
    }
}

/// <summary>A rotation, or the test of one, that is not over: it goes on after whatever stopped it.</summary>
/// <param name="Token">The version's token.</param>
/// <param name="IsTest">Whether only the function is tried, on a copy of the current value.</param>
/// <param name="Attempts">How often it was begun.</param>
/// <param name="Due">When it is to be begun, or begun again, UTC microseconds.</param>
public sealed record RotationRun(string Token, bool IsTest, int Attempts, long Due);

/// <summary>Everything that is kept about a secret's rotation: with its head, under the head's MAC.</summary>
public sealed record RotationSettings
{
    /// <summary>The function as the asking wire named it, opaque to the core.</summary>
    public required string Function { get; init; }

    /// <summary>Where the wire that asked last says that the secret is, opaque to the core, or null.</summary>
    public string? Place { get; init; }

    /// <summary>Whether it rotates; false after a cancellation, which keeps the rest.</summary>
    public bool Enabled { get; init; } = true;

    /// <summary>When, or null: only when asked.</summary>
    public RotationRules? Rules { get; init; }

    /// <summary>What the next date is counted from: the last rotation or new current value, or when the rules were set. UTC microseconds.</summary>
    public long Since { get; init; }

    /// <summary>End of the last rotation that succeeded, UTC microseconds, or null.</summary>
    public long? Last { get; init; }

    /// <summary>Token of the last rotation or test that ended, so that a request repeated late is known, or null.</summary>
    public string? LastToken { get; init; }

    /// <summary>How many attempts in a row could not even begin.</summary>
    public int Blocked { get; init; }

    /// <summary>What is not over, or null.</summary>
    public RotationRun? Run { get; init; }

    /// <summary>The window in which the next scheduled rotation is to begin (it may be past), or null: cancelled, or without rules.</summary>
    [JsonIgnore]
    public RotationWindow? Next => Enabled ? Rules?.ToSchedule().NextAfter(Since) : null;

    /// <summary>When there is something to do, UTC microseconds, or null.</summary>
    [JsonIgnore]
    public long? Due => !Enabled ? null : Run is { } run ? run.Due : Next is not { } next ? null : Blocked == 0 ? next.Start : Math.Max(next.Start, BlockedUntil);

    /// <summary>Where it could not begin: when to try again, UTC microseconds.</summary>
    public long BlockedUntil { get; init; }

    /// <summary>The settings of a head, or null where none were ever made.</summary>
    public static RotationSettings? Of(Secret head)
    {
        try
        {
            return head.Rotation is null ? null : JsonSerializer.Deserialize(head.Rotation, RotationJson.Default.RotationSettings);
        }
        catch (JsonException malformed)
        {
            throw Error.Integrity($"rotation of secret {head.Uid}", malformed);
        }
    }

    internal string ToJson() => JsonSerializer.Serialize(this, RotationJson.Default.RotationSettings);

    /// <summary>Counted from now, where the date that would follow is past; a calendar is always.</summary>
    internal RotationSettings Rebased(long now) =>
        Rules?.ToSchedule() is not { } schedule ? this
        : schedule.IsCalendar || schedule.NextAfter(Since).Start <= now ? this with { Since = now }
        : this;
}

[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(RotationSettings))]
internal sealed partial class RotationJson : JsonSerializerContext;
