using System.Collections.Immutable;
using Coffer.Core.Secrets;
using Coffer.Core.Stores;
using CsCheck;
using Xunit;

namespace Coffer.Testing;

/// <summary>
/// Drives two stores by the same random steps and compares every answer, and at the end everything they hold. A failure
/// names the seed that repeats it.
/// </summary>
/// <param name="createLeft">Makes an empty store of the one kind.</param>
/// <param name="createRight">Makes an empty store of the other kind.</param>
public sealed partial class StoreDifferential(Func<ValueTask<IStore>> createLeft, Func<ValueTask<IStore>> createRight)
{
    /// <summary>One step: what to do, and numbers that say with what.</summary>
    /// <param name="Kind">Which of the steps.</param>
    /// <param name="A">First choice.</param>
    /// <param name="B">Second choice.</param>
    /// <param name="C">Third choice.</param>
    public readonly record struct Step(int Kind, int A, int B, int C);

    private static readonly Gen<Step[]> Steps =
        Gen.Select(Gen.Int[0, Actor.Kinds - 1], Gen.Int[0, 11], Gen.Int[0, 11], Gen.Int[0, 11], (kind, a, b, c) => new Step(kind, a, b, c)).Array[1, 80];

    /// <summary>Runs that many random sequences.</summary>
    public Task RunAsync(int sequences, string? seed = null) => Steps.SampleAsync(CompareAsync, iter: sequences, threads: 1, seed: seed, print: steps => string.Join("; ", steps));

    private async Task CompareAsync(Step[] steps)
    {
        await using IStore left = await createLeft();
        await using IStore right = await createRight();
        Actor one = new(left), other = new(right);
        for (int i = 0; i < steps.Length; i++)
        {
            string expected = await one.DoAsync(steps[i], i + 1), actual = await other.DoAsync(steps[i], i + 1);
            Assert.True(expected == actual, $"step {i} {steps[i]}\n  left  {expected}\n  right {actual}");
        }

        Assert.Equal(await one.AllAsync(), await other.AllAsync());
    }

    /// <summary>One store with what the steps remember of it.</summary>
    private sealed partial class Actor(IStore store)
    {
        public const int Kinds = 18;

        private static readonly string[] Names = ["db", "DB", "app/a", "app/a/b", "app", "a_b", "a b", "x//y", "Db", "app-x", "app/c", "z:z"];

        private readonly List<SecretState> _seen = [];
        private int _records;

        public ValueTask<string> AllAsync() => StoreText.OfAsync(store, ["", StoreRows.Region], default, rowNumbers: false);

        public async ValueTask<string> DoAsync(Step step, int time) => step.Kind switch
        {
            0 or 1 => await CreateAsync(step, time),
            2 => await ChangeAsync(step, state => AddVersion(state, step, time)),
            3 => await ChangeAsync(step, state => state with { Head = step.B % 2 == 0 ? state.Head with { DeletedAt = Time(time), PurgeAt = Time(time + step.C) } : state.Head with { DeletedAt = null, PurgeAt = null } }),
            4 => await ChangeAsync(step, state => step.B % 3 == 0 ? null : state with { Head = state.Head with { Expires = step.C % 2 == 0 ? Time(time + step.C) : null } }),
            5 => await ChangeAsync(step, state => Label(state, step)),
            6 => await ChangeAsync(step, state => Attribute(state, step)),
            7 => await ChangeAsync(step, state => Version(state, step, time)),
            8 => await StaleAsync(step, time),
            9 => await MarkAsync(step),
            10 => await ListAsync(step),
            11 => StoreText.Of(await store.Secrets.FolderAsync(await VaultAsync(step.A), step.B % 2 == 0 ? "" : "app/", step.C % 3 == 0 ? "app" : "", 1 + (step.C % 4), default)),
            12 => Heads(await store.Secrets.DueAsync((DueWork)(1 + (step.A % 3)), Time(time - step.B), 1 + step.C, default)),
            13 => await LookUpAsync(step),
            14 => await AccessAsync(step, time),
            15 => await CredentialAsync(step),
            16 => await VaultAsync(step, time),
            _ => await AbandonAsync(step, time),
        };

        private static long Time(int time) => StoreRows.Start + (time / 2);

        private static string Heads(IEnumerable<Secret> heads) => string.Join(' ', heads.Select(h => StoreText.Of(h, rowNumbers: false)));

        private async ValueTask<long> VaultAsync(int choice)
        {
            IReadOnlyList<Vault> vaults = await store.Secrets.VaultsAsync(default);
            return vaults.Count == 0 ? 1 : vaults[choice % vaults.Count].Id;
        }

        private async ValueTask<T> CommitAsync<T>(Func<IStoreTransaction, ValueTask<T>> write)
        {
            await using IStoreTransaction transaction = await store.BeginAsync(default);
            T answer = await write(transaction);
            await transaction.CommitAsync(default);
            return answer;
        }

        private async ValueTask<string> CreateAsync(Step step, int time)
        {
            Secret head = StoreRows.Plain(await VaultAsync(step.B), Names[step.A], time) with
            {
                Location = step.C == 0 ? StoreRows.Region : "",
                Created = Time(time),
                Changed = Time(time),
                Tags = step.C % 2 == 0 ? StoreRows.Pairs(("env", $"e{step.B}")) : Secret.NoTags,
            };
            SecretState state = new() { Head = head };
            long? id = await CommitAsync(t => t.SaveAsync(new SecretChange { After = state }, default));
            if (id is { } saved)
            {
                _seen.Add(state with { Head = head with { Id = saved } });
            }

            return $"created {id is not null}";
        }

        /// <summary>Loads everything of a secret, changes it and saves the difference.</summary>
        private async ValueTask<string> ChangeAsync(Step step, Func<SecretState, SecretState?> change)
        {
            if (_seen.Count == 0)
            {
                return "nothing";
            }

            await using IStoreTransaction transaction = await store.BeginAsync(default);
            if (await transaction.Secrets.FindHeadAsync(_seen[step.A % _seen.Count].Head.Uid, default) is not { } head)
            {
                return "gone";
            }

            SecretState before = await LoadAsync(transaction.Secrets, head);
            SecretState? after = change(before);
            SecretChange difference = SecretChange.Between(before, after is null ? null : after with { Head = after.Head with { Changed = head.Changed + 1, VersionCount = after.Versions.Count } });
            SecretChange valued = new()
            {
                Before = difference.Before,
                After = difference.After,
                Versions = difference.Versions,
                RemovedVersions = difference.RemovedVersions,
                ErasedValues = difference.ErasedValues,
                Values = [.. difference.Versions.Where(v => !before.Versions.ContainsKey(v.Number)).Select(v => (v.Number, StoreRows.Bytes("value", v.Number, 20 + v.Number)))],
            };
            long? saved = await transaction.SaveAsync(valued, default);
            await transaction.AddPendingAsync(new(StoreRows.Id("record", ++_records), [1]), default);
            await transaction.CommitAsync(default);
            if (difference.After is { } seen)
            {
                _seen.Add(seen);
            }

            return $"changed {saved == head.Id}";
        }

        private static async ValueTask<SecretState> LoadAsync(ISecretStore secrets, Secret head) => new()
        {
            Head = head,
            Versions = (await secrets.VersionsAsync(head.Id, 0, false, int.MaxValue, default)).ToImmutableSortedDictionary(v => v.Number, v => v),
            Labels = (await secrets.LabelsAsync(head.Id, default)).ToImmutableSortedDictionary(),
            Attributes = (await secrets.AttributesAsync(head.Id, default)).ToImmutableDictionary(a => (a.Number, a.Space, a.Key), a => a.Value),
            Annotations = (await secrets.AnnotationsAsync(head.Id, default)).ToImmutableDictionary(a => (a.Number, a.Dialect), a => a.Json),
        };

        private async ValueTask<string> StaleAsync(Step step, int time)
        {
            if (_seen.Count == 0)
            {
                return "nothing";
            }

            SecretState before = _seen[step.B % _seen.Count];
            SecretState after = before with { Head = before.Head with { Description = $"stale {time}", Revision = before.Head.Revision + 1 } };
            long? saved = await CommitAsync(t => t.SaveAsync(step.C % 3 == 0 ? new() { Before = before } : SecretChange.Between(before, after), default));
            return $"stale {saved is not null}";
        }

        /// <summary>Writes in a transaction that is then given up.</summary>
        private async ValueTask<string> AbandonAsync(Step step, int time)
        {
            await using IStoreTransaction transaction = await store.BeginAsync(default);
            string answer = "";
            if (_seen.Count > 0 && await transaction.Secrets.FindHeadAsync(_seen[step.A % _seen.Count].Head.Uid, default) is { } head)
            {
                answer += await transaction.SaveAsync(new SecretChange { Before = new() { Head = head } }, default) is not null;
                answer += await transaction.Secrets.CountAsync(head.VaultId, default);
            }

            answer += await transaction.SaveAsync(StoreRows.Vault("given-up", 900 + time), default) is not null;
            return answer + await transaction.SaveAsync(new AccessChange { RemovedPrincipals = [StoreRows.Principal(step.B % 4).Id] }, default);
        }
    }
}
