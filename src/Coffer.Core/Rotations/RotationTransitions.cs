using Coffer.Core.Errors;
using Coffer.Core.Secrets;

namespace Coffer.Core.Rotations;

/// <summary>The rules of a rotation, pure as those in <see cref="SecretTransitions"/>.</summary>
public static class RotationTransitions
{
    /// <summary>Parameters of <see cref="CofferErrorCode.PreconditionFailed"/>: no function was ever set; there is none of that name; a rotation is not over.</summary>
    public const string NoFunction = "no-function", UnknownFunction = "unknown-function", Pending = "rotation";

    /// <summary>
    /// Takes the settings and begins: a version without a value for a rotation, or for a test where there is a value to test with. A token
    /// of a rotation that is under way or was the last changes nothing.
    /// </summary>
    public static Transition Rotate(SecretState state, SecretPath path, RotateSecret command, BeginRotation begin, Func<string, bool> mayInvoke, long now)
    {
        if (state.Head.IsDeleted)
        {
            throw Error.Deleted(path);
        }

        RotationSettings? old = RotationSettings.Of(state.Head);
        if (old?.Run?.Token == command.Token.Value || old?.LastToken == command.Token.Value)
        {
            return new(state, SecretEvents.None, state.Versions.Values.FirstOrDefault(v => v.IsNamedBy(command.Token))?.Number ?? 0);
        }

        string function = command.Function ?? old?.Function ?? throw Error.PreconditionFailed("no function is set that rotates this secret", NoFunction);
        if (!mayInvoke(function))
        {
            throw Error.PreconditionFailed("there is no such function that secrets of this vault may use", UnknownFunction);
        }

        command.Rules?.ToSchedule();
        RotationSettings settings = (old ?? new() { Function = function, Since = now }) with { Function = function, Place = command.Place ?? old?.Place, Enabled = true, Rules = command.Rules ?? old?.Rules, Run = null, Blocked = 0 };
        if (command.Rules is not null || old is not { Enabled: true })
        {
            settings = settings.Rebased(now);
        }

        bool begins = command.Immediately || state.Version(state.Head.Current) is { HasValue: true } current && current.StateAt(now) == VersionState.Enabled;
        int number = 0;
        if (begins)
        {
            Transition begun = SecretTransitions.BeginRotation(state, path, begin, now);
            (state, number) = (begun.After!, begun.Number);
            settings = settings with { Run = new(command.Token.Value, !command.Immediately, 0, now) };
        }
        else if (IsPendingElsewhere(state))
        {
            throw Error.PreconditionFailed("a previous rotation is not complete", Pending);
        }

        Secret head = state.Head with { Rotation = settings.ToJson(), Revision = state.Head.Revision + 1, Changed = now };
        return new(state with { Head = head }, SecretEvents.MetadataChanged | (begins ? SecretEvents.LabelsChanged : 0), number);
    }

    /// <summary>Ends rotating and whatever is under way. Function, rules and labels stay; names the version that is pending.</summary>
    public static Transition Cancel(SecretState state, SecretPath path, long now)
    {
        if (state.Head.IsDeleted)
        {
            throw Error.Deleted(path);
        }

        int pending = IsPendingElsewhere(state) ? state.NumberOf(VersionLabel.Pending) : 0;
        return RotationSettings.Of(state.Head) is not { Enabled: true } settings
            ? new(state, SecretEvents.None, pending)
            : new(
                state with { Head = state.Head with { Rotation = (settings with { Enabled = false, Run = null, Blocked = 0 }).ToJson(), Revision = state.Head.Revision + 1, Changed = now } },
                SecretEvents.MetadataChanged,
                pending);
    }

    /// <summary>
    /// What follows from any other change: a new current value counts as a rotation for the next date, and what has been deleted has nothing
    /// due. <see cref="Secret.RotationDue"/> is set here and nowhere else.
    /// </summary>
    public static Transition Follow(Transition transition, long now)
    {
        if (transition.After is not { Head: { } head } after || (head.Rotation is null && head.RotationDue is null))
        {
            return transition;
        }

        RotationSettings? settings = RotationSettings.Of(head);
        if (settings is not null && transition.Events.HasFlag(SecretEvents.CurrentMoved))
        {
            settings = settings with { Since = now };
            head = head with { Rotation = settings.ToJson() };
        }

        return transition with { After = after with { Head = head with { RotationDue = head.IsDeleted ? null : settings?.Due } } };
    }

    /// <summary>
    /// The next attempt at what is due, counted beforehand so that a process that dies in it does not try for ever: begins a scheduled rotation,
    /// or goes on with one. Where another version is pending it is put off; where somebody took the label away the rotation is given up.
    /// </summary>
    internal static (Transition Transition, RotationRun? Run) Attempt(SecretState state, SecretPath path, BeginRotation begin, RotationRetries retries, long now)
    {
        RotationSettings? settings = RotationSettings.Of(state.Head);
        if (state.Head.IsDeleted || settings?.Due is not { } due || due > now)
        {
            return (new(state, SecretEvents.None), null);
        }

        if (settings.Run is { } run)
        {
            SecretVersion? version = state.Versions.Values.FirstOrDefault(v => v.Token?.Value == run.Token);
            if (version is null || (version.Number != state.NumberOf(VersionLabel.Pending) && version.Number != state.Head.Current))
            {
                return (Ended(state, (settings with { Run = null, LastToken = run.Token }).Rebased(now)), null);
            }

            run = run with { Attempts = run.Attempts + 1, Due = now + retries.After(run.Attempts + 1) };
            return (Kept(state, settings with { Run = run }, version.Number), run);
        }

        if (IsPendingElsewhere(state))
        {
            int blocked = settings.Blocked + 1;
            return (Kept(state, settings with { Blocked = blocked, BlockedUntil = now + retries.After(blocked) }, 0), null);
        }

        Transition begun = SecretTransitions.BeginRotation(state, path, begin, now);
        run = new(begin.Token.Value, false, 1, now + retries.After(1));
        return (Kept(begun.After!, settings with { Run = run, Blocked = 0 }, begun.Number), run);
    }

    /// <summary>An attempt that failed: the same is tried again later. A test is not.</summary>
    internal static Transition Failed(SecretState state, SecretPath path, string token, RotationRetries retries, long now)
    {
        RotationSettings? settings = RotationSettings.Of(state.Head);
        return settings?.Run is not { } run || run.Token != token ? new(state, SecretEvents.None)
            : run.IsTest ? Finished(state, path, token, now)
            : Kept(state, settings with { Run = run with { Due = now + retries.After(run.Attempts) } }, 0);
    }

    /// <summary>The end of a rotation whose version is current, or of a test, whose copy goes.</summary>
    internal static Transition Finished(SecretState state, SecretPath path, string token, long now)
    {
        RotationSettings? settings = RotationSettings.Of(state.Head);
        if (settings?.Run is not { } run || run.Token != token)
        {
            return new(state, SecretEvents.None);
        }

        settings = settings with { Run = null, LastToken = token };
        if (!run.IsTest)
        {
            return Ended(state, settings with { Last = now, Since = now });
        }

        SecretVersion? copy = state.Versions.Values.FirstOrDefault(v => v.Token?.Value == token);
        return copy is null || copy.Number == state.Head.Current || state.Head.IsDeleted
            ? Ended(state, settings)
            : Kept(SecretTransitions.EndRotationTest(state, path, copy.Number, now).After!, settings, copy.Number, SecretEvents.Pruned);
    }

    private static Transition Ended(SecretState state, RotationSettings settings) => Kept(state, settings, 0);

    private static Transition Kept(SecretState state, RotationSettings settings, int number, SecretEvents events = SecretEvents.MetadataChanged) =>
        new(state with { Head = state.Head with { Rotation = settings.ToJson() } }, events, number);

    private static bool IsPendingElsewhere(SecretState state) => state.NumberOf(VersionLabel.Pending) is var pending && pending != 0 && pending != state.Head.Current;
}

/// <summary>How long a rotation that failed waits before it is tried again: longer each time.</summary>
/// <param name="First">After the first failure, in microseconds.</param>
/// <param name="Longest">At most, in microseconds.</param>
public sealed record RotationRetries(long First, long Longest)
{
    /// <summary>A minute, doubled each time, a day at most.</summary>
    public static RotationRetries Default { get; } = new(60 * Microseconds.PerSecond, Microseconds.PerDay);

    /// <summary>The wait after so many attempts (1 or more), in microseconds.</summary>
    public long After(int attempts) => attempts > 40 ? Longest : Math.Min(Longest, First << Math.Min(attempts - 1, 20));
}
