using System.Collections.Immutable;
using System.Globalization;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;
using CsCheck;
using Xunit;

namespace Coffer.Core.Tests.Secrets;

/// <summary>Any sequence of commands, from any wires, in any order and with any clock: what holds of every secret holds after each.</summary>
public sealed class TransitionModelTests
{
    private static readonly string[] Wires = ["aws", "azure", "google", "vault"];
    private static readonly VersionLabel[] Labels = [VersionLabel.Current, VersionLabel.Previous, VersionLabel.Pending, Story.Blue, Story.Green];
    private static readonly RequestToken[] Tokens =
    [
        Story.Token('a'), Story.Token('b'), Story.Token('c'),
        RequestToken.Parse("01234567-89ab-cdef-0123-456789abcdef"), RequestToken.Parse("01234567-89AB-CDEF-0123-456789abcdef"),
    ];

    private static readonly Gen<Step> Steps = Gen.Select(Gen.Int[0, 16], Gen.Int[0, 1000], Gen.Int[0, 1000], Gen.Int[0, 1000], Gen.Int[0, 3], (kind, a, b, c, wait) => new Step(kind, a, b, c, wait));

    private static readonly Gen<(bool Protected, Step[] Steps)> Lives = Gen.Select(Gen.Bool, Steps.Array[1, 40]);

    [Fact]
    public void Every_sequence_of_commands_keeps_what_holds_of_a_secret() =>
        Lives.Sample(
            life =>
            {
                Life secret = new(life.Protected);
                foreach (Step step in life.Steps)
                {
                    secret.Take(step);
                }
            },
            iter: 3_000,
            print: life => $"protected {life.Protected}: " + string.Join(" ", life.Steps.Select(s => string.Create(CultureInfo.InvariantCulture, $"({s.Kind},{s.A},{s.B},{s.C},{s.Wait})"))));

    private sealed record Step(int Kind, int A, int B, int C, int Wait);

    /// <summary>The state, and beside it what a store would hold and what has ever been seen.</summary>
    private sealed class Life(bool isProtected)
    {
        private readonly Dictionary<int, VersionId> _everSeen = [];
        private readonly HashSet<int> _values = [];
        private Story _story = Story.Begin(isProtected);
        private int _drawn;

        public void Take(Step step)
        {
            _story = _story.Later(step.Wait switch { 0 => 0, 1 => 1, 2 => Story.Hour, _ => 20 * Story.Day });
            Transition transition;
            try
            {
                transition = Run(step);
            }
            catch (CofferException refusal)
            {
                // Refused means nothing happened; and only with an answer a caller can understand.
                Assert.NotEqual(CofferErrorCode.Internal, refusal.Code);
                return;
            }

            if (transition.After is null)
            {
                Assert.False(isProtected && !_story.Head.IsGone(_story.Now), "purged under purge protection");
                _story = Story.Begin(isProtected).Later(_story.Now - Story.Start);
                _everSeen.Clear();
                _values.Clear();
                return;
            }

            SecretState before = _story.State, after = transition.After;
            if (transition.Events == SecretEvents.None)
            {
                Assert.Same(before, after);
                Assert.False(transition.TakesValue);
            }

            Store(before, after, transition);
            Check(before, after);
            _story = _story with { State = after };
        }

        private Transition Run(Step step)
        {
            SecretState state = _story.State;
            long now = _story.Now;
            SecretPath path = _story.Path;
            int one = step.A % (state.Head.Highest + 2), other = step.B % (state.Head.Highest + 2);
            VersionSetMode mode = step.C % 2 == 0 ? VersionSetMode.Strict : VersionSetMode.Lenient;
            RequestToken token = Tokens[step.B % Tokens.Length];
            VersionId id = new(new UInt128(1, (ulong)++_drawn));
            AddVersion write = Story.Write($"value {step.A % 3}", step.C % 3 == 0 ? token : null, Wires[step.B % 4], step.C % 5 == 0 ? [Labels[step.A % 5], Labels[step.B % 5]] : null) with { Id = id };
            return step.Kind switch
            {
                0 => SecretTransitions.AddVersion(state, _story.Vault, write, now),
                1 => SecretTransitions.AddVersion(state, _story.Vault, write with { Prune = new(2, Story.Hour, ByWindow: false), Disabled = step.A % 7 == 0 }, now),
                2 => SecretTransitions.AddVersion(state, _story.Vault, write with { Prune = new(3, 0, ByWindow: true), DisableAfter = step.A }, now),
                3 => SecretTransitions.AddVersion(state, _story.Vault, write with { EraseOlder = true, VersionTags = Secret.NoTags.Add("k", "v") }, now),
                4 => SecretTransitions.BeginRotation(state, path, new(id, token, "aws", "me"), now),
                5 => SecretTransitions.MoveLabel(state, path, new(Labels[step.C % 5], step.A % 3 == 0 ? null : state.NumberOf(Labels[step.C % 5]), step.B % 4 == 0 ? null : other), now),
                6 => SecretTransitions.ReplaceAliases(state, path, new(ImmutableSortedDictionary<VersionLabel, int>.Empty.Add(Labels[3 + (step.C % 2)], one)), now),
                7 => SecretTransitions.Enable(state, path, new([one, other], mode, step.C % 3 == 0 ? step.A : 0), now),
                8 => SecretTransitions.Disable(state, path, new([one, other], mode), now),
                9 => SecretTransitions.Destroy(state, _story.Vault, new([one], mode, step.C % 3 * Story.Hour), now),
                10 => SecretTransitions.EditVersion(state, path, new() { Number = one, Enabled = step.C % 3 == 0 ? null : step.C % 3 == 1, Tags = step.B % 2 == 0 ? Secret.NoTags.Add("t", "v") : null }, now),
                11 => SecretTransitions.Edit(state, path, new() { Description = $"d{step.A}", SetTags = Secret.NoTags.Add($"k{step.B % 3}", ""), RemoveTags = ["k0"], ReplaceAttributes = (AttributeSpace.Custom, Secret.NoTags.Add("c", "")) }, now),
                12 => SecretTransitions.Delete(state, _story.Vault, new(step.A * Story.Hour), now),
                13 or 14 => SecretTransitions.Recover(state, now),
                15 => SecretTransitions.EraseDue(state, now) is var erased && ReferenceEquals(erased, state) ? new(state, SecretEvents.None) : new(erased, SecretEvents.ValueErased),
                _ => step.C % 4 == 0 ? SecretTransitions.Purge(state, _story.Vault, now) : SecretTransitions.EndRotationTest(state, path, state.NumberOf(VersionLabel.Pending), now),
            };
        }

        /// <summary>Writes the difference as a store does, and sees that it leads from one state to the other.</summary>
        private void Store(SecretState before, SecretState after, Transition transition)
        {
            SecretChange change = SecretChange.Between(before, after);
            ImmutableSortedDictionary<int, SecretVersion> rows = before.Versions.SetItems(change.Versions.Select(v => KeyValuePair.Create(v.Number, v))).RemoveRange(change.RemovedVersions);
            Assert.Equal(after.Versions, rows);
            bool endsTest = transition.Events == SecretEvents.Pruned && transition.Number != 0;
            foreach (int lost in change.ErasedValues.Concat(change.RemovedVersions))
            {
                Assert.False(isProtected && !endsTest && before.Version(lost)!.HasValue && before.Version(lost)!.StateAt(_story.Now) != VersionState.Destroyed, $"version {lost} was lost under purge protection");
                _values.Remove(lost);
            }

            if (transition.TakesValue)
            {
                Assert.True(_values.Add(transition.Number), "a value was given twice");
            }

            Assert.Equal(after.Versions.Values.Where(v => v.HasValue && v.DestroyedAt is null).Select(v => v.Number), _values.Order());
        }

        private void Check(SecretState before, SecretState after)
        {
            Secret head = after.Head;
            Assert.Equal(after.Versions.Count, head.VersionCount);
            Assert.True(head.Highest >= before.Head.Highest, "the highest number fell");
            Assert.True(after.Versions.IsEmpty || after.Versions.Keys.Last() <= head.Highest, "a number above the highest");
            Assert.True(head.Current == 0 || after.Version(head.Current) is { HasValue: true }, "current has no value");
            Assert.True(head.Previous == 0 || after.Version(head.Previous) is not null, "previous points nowhere");
            Assert.All(after.Labels, l => Assert.True(l.Key != VersionLabel.Current && l.Key != VersionLabel.Previous && after.Version(l.Value) is not null, $"label {l.Key} points nowhere"));
            Assert.True(after.Labels.Count <= SecretLimits.Labels);
            Assert.Equal(head.DeletedAt is null, head.PurgeAt is null);
            Assert.True(head.Revision >= before.Head.Revision);
            Assert.Equal(before.Head.Uid, head.Uid);
            Assert.All(after.Attributes.Keys, k => Assert.True(k.Number == 0 || after.Version(k.Number) is not null, "an attribute of no version"));
            Assert.Equal(after.Versions.Count, after.Versions.Values.Select(v => v.Id).Distinct().Count());
            Assert.Equal(after.Versions.Values.Count(v => v.Token is not null), after.Versions.Values.Where(v => v.Token is not null).Select(v => v.Token).Distinct().Count());
            foreach (SecretVersion version in after.Versions.Values)
            {
                if (!_everSeen.TryAdd(version.Number, version.Id))
                {
                    Assert.Equal(_everSeen[version.Number], version.Id);
                }
                else
                {
                    Assert.True(version.Number > before.Head.Highest, "a number was given twice");
                }

                if (before.Version(version.Number) is { } old)
                {
                    Assert.True(ReferenceEquals(old, version) || version.Revision > old.Revision, "a version changed without its revision");
                    Assert.True(old.DestroyedAt is null || version.DestroyedAt is not null, "a destroyed version came back");
                    Assert.True(version.Updated >= old.Updated && version.Created == old.Created);
                }

                Assert.True(version.DestroyedAt is null || version.DestroyAt is null, "erased and still to be erased");
            }
        }
    }
}
