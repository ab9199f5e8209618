using Coffer.Core.Errors;
using Coffer.Core.Rotations;
using Coffer.Core.Secrets;
using Coffer.Core.Tests.Secrets;
using CsCheck;
using Xunit;

namespace Coffer.Core.Tests.Rotations;

/// <summary>Whatever comes in whatever order: what is kept about a rotation stays true.</summary>
public sealed class RotationModelTests
{
    private readonly Story _story = Story.WithVersions(1);

    [Fact]
    public void Any_sequence_of_steps_keeps_what_is_true() =>
        Gen.Select(Gen.Int[0, 11], Gen.Int[0, 3], Gen.Int[0, 30]).Array[1, 40].Sample(Holds, iter: 300);

    private void Holds((int What, int Which, int Hours)[] steps)
    {
        SecretState state = _story.State;
        long now = _story.Now;
        foreach ((int what, int which, int hours) in steps)
        {
            now += hours * 3_600 * Microseconds.PerSecond;
            SecretState before = state;
            try
            {
                state = RotationTransitions.Follow(Step(state, what, which, now), now).After!;
            }
            catch (CofferException)
            {
                Assert.Same(before, state);
            }

            Check(state, now);
        }
    }

    private Transition Step(SecretState state, int what, int which, long now)
    {
        SecretPath path = _story.Path;
        RequestToken token = Story.Token((char)('m' + which));
        BeginRotation begin = new(VersionId.Draw(), what < 2 ? token : RequestToken.Parse(Guid.NewGuid().ToString("D")), "aws", "me");
        RotationRules? rules = which switch { 0 => new() { Days = 3 }, 1 => new() { Expression = "rate(4 hours)" }, 2 => new() { Expression = "cron(0 8 * * ? *)", Hours = 2 }, _ => null };
        string run = RotationSettings.Of(state.Head)?.Run?.Token ?? new string('z', 32);
        return what switch
        {
            0 or 1 => RotationTransitions.Rotate(state, path, new() { Token = token, Function = "turn", Rules = rules, Immediately = what == 0 }, begin, f => f == "turn", now),
            2 => RotationTransitions.Cancel(state, path, now),
            3 or 4 => RotationTransitions.Attempt(state, path, begin, RotationRetries.Default, now).Transition,
            5 => RotationTransitions.Failed(state, path, run, RotationRetries.Default, now),
            6 => RotationTransitions.Finished(state, path, run, now),
            7 => SecretTransitions.AddVersion(state, _story.Vault, new() { Id = VersionId.Draw(), Size = 1, Fingerprint = new byte[] { 1 }, Wire = "aws", By = "me" }, now),
            8 => SecretTransitions.AddVersion(state, _story.Vault, new() { Id = VersionId.Draw(), Token = RequestToken.Parse(run), Size = 1, Fingerprint = new byte[] { 1 }, Labels = [VersionLabel.Pending], Wire = "aws", By = "me" }, now),
            9 => SecretTransitions.MoveLabel(state, path, new(VersionLabel.Pending, state.NumberOf(VersionLabel.Pending), null), now),
            10 => SecretTransitions.Delete(state, _story.Vault, new(Microseconds.PerDay * 30), now),
            _ => SecretTransitions.Recover(state, now),
        };
    }

    private static void Check(SecretState state, long now)
    {
        RotationSettings? settings = RotationSettings.Of(state.Head);
        Assert.Equal(state.Head.IsDeleted ? null : settings?.Due, state.Head.RotationDue);
        Assert.Equal(state.Versions.Count, state.Head.VersionCount);
        Assert.All(state.Labels.Values, n => Assert.NotNull(state.Version(n)));
        if (settings is null)
        {
            return;
        }

        Assert.True(settings.Since <= now);
        Assert.True(settings.Enabled || settings.Run is null, "something is under way that was cancelled");
        Assert.True(settings.Run is null || settings.Run.Due <= now + Microseconds.PerDay, "an attempt is put off for longer than it ever is");
        Assert.True(settings.Next is not { } next || (next.Start > settings.Since && next.End > next.Start));
    }
}
