using Coffer.Core.Access;
using Coffer.Core.Audit;
using Coffer.Core.Errors;
using Coffer.Core.Rotations;
using Coffer.Core.Sealing;
using Coffer.Core.Secrets;
using Coffer.Core.Stores;
using Coffer.Core.Tests.Access;
using Xunit;

namespace Coffer.Core.Tests.Rotations;

public sealed class RotationRunTests : IAsyncLifetime
{
    private const string Path = "shop-dev/db";

    private static readonly string[] All = ["Create", "Set", "Test", "Finish"];

    private readonly StandInFunctions _functions = new();
    private CoreWorld _world = null!;
    private Caller _owner = null!;
    private int _tokens;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _world = await CoreWorld.StartAsync(_functions);
        await _world.Admin.CreateVaultAsync(_world.Root, VaultName.Parse("shop-dev"), new(), Token);
        await _world.Admin.CreateVaultAsync(_world.Root, VaultName.Parse("other"), new(), Token);
        _owner = await _world.NewAsync("owner");
        await _world.GrantAsync("owner", CofferActions.Admin, "shop-dev");
        await _world.NewAsync("rotator", PrincipalKind.Workload, "shop-dev");
        await _world.GrantAsync("rotator", CofferActions.Writer, "shop-dev");
        await _world.WriteAsync(_owner, Path, "first");
    }

    [Fact]
    public async Task A_rotation_makes_the_new_version_current_and_the_old_one_previous()
    {
        WriteOutcome begun = await RotateAsync(new() { Days = 30 });
        Assert.Equal((false, 2), (begun.Version!.HasValue, begun.Version.Number));
        Assert.Empty(_functions.Calls);
        await _world.Core.RotateDueAsync(Token);
        Assert.Equal(All, _functions.Calls);
        Assert.Equal(("new-" + Uuid(1), 2, 1), (await ReadAsync(), (await HeadAsync()).Current, (await HeadAsync()).Previous));
        RotationSettings settings = await SettingsAsync();
        Assert.Equal((null, _world.Clock.Now(), _world.Clock.Now()), (settings.Run, settings.Last!.Value, settings.Since));
        Assert.Equal(settings.Next!.Value.Start, (await HeadAsync()).RotationDue);
        // What was committed with a change comes to the trail in its own time.
        Assert.Equal(All.Select(s => $"Allow Rotate.{s} RotateSecret done"), (await TrailAsync()).Where(l => l.Contains("Rotate.", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task The_next_rotation_begins_when_its_window_opens_and_not_before()
    {
        await RotateAsync(new() { Expression = "rate(4 hours)" });
        await _world.Core.RotateDueAsync(Token);
        _functions.Calls.Clear();
        // It was 03:04:05: the window opens at seven.
        _world.Clock.Advance(new TimeSpan(3, 55, 54));
        await _world.Core.RotateDueAsync(Token);
        Assert.Empty(_functions.Calls);
        _world.Clock.Advance(TimeSpan.FromSeconds(1));
        await _world.Core.RotateDueAsync(Token);
        Assert.Equal(All, _functions.Calls);
        Assert.Equal((3, 2), ((await HeadAsync()).Current, (await HeadAsync()).Previous));
    }

    [Theory]
    [InlineData(RotationStep.Create)]
    [InlineData(RotationStep.Set)]
    [InlineData(RotationStep.Test)]
    [InlineData(RotationStep.Finish)]
    public async Task A_function_that_fails_is_called_again_later_with_the_same_token(RotationStep fails)
    {
        _functions.At = call => call.Step != fails;
        await RotateAsync(null);
        await _world.Core.RotateDueAsync(Token);
        Assert.Equal(All[..(int)fails], _functions.Calls);
        Assert.Equal(("first", 2), (await ReadAsync(), await PendingAsync()));
        Assert.Contains($"Fail Rotate.{fails} RotateSecret exit status 1", await TrailAsync());
        CofferError refused = await CoreWorld.RefusedAsync(() => RotateAsync(null));
        Assert.Equal((CofferErrorCode.PreconditionFailed, RotationTransitions.Pending), (refused.Code, refused.Parameter));

        // Not at once, then after one minute, then after two more.
        await _world.Core.RotateDueAsync(Token);
        Assert.Equal((int)fails, _functions.Calls.Count);
        _world.Clock.Advance(TimeSpan.FromMinutes(1));
        await _world.Core.RotateDueAsync(Token);
        Assert.Equal((int)fails * 2, _functions.Calls.Count);
        _world.Clock.Advance(TimeSpan.FromMinutes(1));
        await _world.Core.RotateDueAsync(Token);
        Assert.Equal((int)fails * 2, _functions.Calls.Count);
        _functions.At = _ => true;
        _functions.Calls.Clear();
        _world.Clock.Advance(TimeSpan.FromMinutes(1));
        await _world.Core.RotateDueAsync(Token);
        Assert.Equal(All, _functions.Calls);
        Assert.Equal(("new-" + Uuid(1), 2), (await ReadAsync(), (await HeadAsync()).VersionCount));
    }

    [Fact]
    public async Task A_function_that_throws_is_called_again_and_nothing_of_its_message_is_told()
    {
        _functions.At = _ => throw new InvalidOperationException("S3cr3t");
        await RotateAsync(null);
        await _world.Core.RotateDueAsync(Token);
        Assert.DoesNotContain("S3cr3t", string.Join('\n', await TrailAsync()), StringComparison.Ordinal);
        _functions.At = _ => true;
        _world.Clock.Advance(TimeSpan.FromMinutes(1));
        await _world.Core.RotateDueAsync(Token);
        Assert.Equal("new-" + Uuid(1), await ReadAsync());
    }

    [Fact]
    public async Task What_a_server_did_not_finish_the_next_one_does()
    {
        _functions.At = call => call.Step != RotationStep.Test;
        await RotateAsync(null);
        await _world.Core.RotateDueAsync(Token);
        StandInFunctions next = new();
        await using CofferCore other = await RestartedAsync(next);
        _world.Clock.Advance(TimeSpan.FromMinutes(1));
        await other.RotateDueAsync(Token);
        Assert.Equal(All, next.Calls);
        using SecretReading reading = await other.Secrets.GetValueAsync(_owner, CoreWorld.PathOf(Path), VersionSelector.Current, Token);
        Assert.Equal("new-" + Uuid(1), System.Text.Encoding.ASCII.GetString(reading.Value.Span));
        Assert.Empty((await StoreCheck.RunAsync(_world.Store, other.Seals.Current, Token)).Faults);
    }

    [Fact]
    public async Task Sealing_ends_a_function_that_runs_and_the_attempt_is_made_again()
    {
        _functions.Hangs = true;
        using CancellationTokenSource stop = new();
        Task keeping = _world.Core.KeepRotatingAsync(stop.Token);
        await RotateAsync(null);
        await _functions.Called.Task;
        StandInFunctions next = new();
        await using CofferCore other = await RestartedAsync(next);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => keeping);
        _world.Clock.Advance(TimeSpan.FromMinutes(1));
        await other.RotateDueAsync(Token);
        Assert.Equal(All, next.Calls);
    }

    [Fact]
    public async Task A_test_tries_the_function_on_a_copy_and_leaves_nothing_but_the_schedule()
    {
        string copied = "";
        _functions.At = call =>
        {
            using SecretReading reading = _world.Secrets.GetValueAsync(_owner, CoreWorld.PathOf(Path), new VersionSelector.ByToken(call.Token, VersionLabel.Pending), Token).AsTask().GetAwaiter().GetResult();
            copied = System.Text.Encoding.ASCII.GetString(reading.Value.Span);
            return true;
        };
        await RotateAsync(new() { Days = 10 }, immediately: false);
        await _world.Core.RotateDueAsync(Token);
        Assert.Equal(("Test", "first"), (Called, copied));
        Secret head = await HeadAsync();
        Assert.Equal((1, 1, 0, "first"), (head.Current, head.VersionCount, await PendingAsync(), await ReadAsync()));
        Assert.Equal((null, null), ((await SettingsAsync()).Last, (await SettingsAsync()).Run));
        Assert.Equal(_world.Clock.GetUtcNow().UtcDateTime.Date.AddDays(10), Microseconds.ToTime(head.RotationDue!.Value).UtcDateTime);
        await RotateAsync(new() { Days = 10 }, immediately: false, token: Uuid(1));
        await _world.Core.RotateDueAsync(Token);
        Assert.Single(_functions.Calls);
    }

    [Fact]
    public async Task A_test_that_fails_is_over()
    {
        _functions.At = _ => false;
        await RotateAsync(new() { Days = 10 }, immediately: false);
        await _world.Core.RotateDueAsync(Token);
        _world.Clock.Advance(TimeSpan.FromHours(1));
        await _world.Core.RotateDueAsync(Token);
        Assert.Single(_functions.Calls);
        Assert.Equal((0, 1), (await PendingAsync(), (await HeadAsync()).VersionCount));
    }

    [Fact]
    public async Task A_new_current_value_counts_as_a_rotation_for_the_next_date()
    {
        await RotateAsync(new() { Days = 10 });
        await _world.Core.RotateDueAsync(Token);
        long? last = (await SettingsAsync()).Last;
        _world.Clock.Advance(TimeSpan.FromDays(4));
        await _world.WriteAsync(_owner, Path, "by hand");
        Assert.Equal(last, (await SettingsAsync()).Last);
        Assert.Equal(_world.Clock.GetUtcNow().UtcDateTime.Date.AddDays(10), Microseconds.ToTime((await HeadAsync()).RotationDue!.Value).UtcDateTime);
    }

    [Fact]
    public async Task A_deleted_secret_has_nothing_due_until_it_is_recovered()
    {
        await RotateAsync(null);
        await _world.Secrets.DeleteAsync(_owner, CoreWorld.PathOf(Path), null, Token);
        Assert.Null((await HeadAsync()).RotationDue);
        await _world.Core.RotateDueAsync(Token);
        Assert.Empty(_functions.Calls);
        Assert.Equal(CofferErrorCode.Deleted, (await CoreWorld.RefusedAsync(() => RotateAsync(null))).Code);
        Assert.Equal(CofferErrorCode.Deleted, (await CoreWorld.RefusedAsync(() => _world.Secrets.CancelRotationAsync(_owner, CoreWorld.PathOf(Path), Token).AsTask())).Code);
        await _world.Secrets.RecoverAsync(_owner, CoreWorld.PathOf(Path), Token);
        await _world.Core.RotateDueAsync(Token);
        Assert.Equal(All, _functions.Calls);
    }

    [Fact]
    public async Task Cancelling_ends_what_is_under_way_and_keeps_the_rest()
    {
        _functions.At = _ => false;
        await RotateAsync(new() { Days = 10 });
        await _world.Core.RotateDueAsync(Token);
        WriteOutcome cancelled = await _world.Secrets.CancelRotationAsync(_owner, CoreWorld.PathOf(Path), Token);
        Assert.Equal(2, cancelled.Version!.Number);
        RotationSettings settings = await SettingsAsync();
        Assert.Equal((false, 10, null, null), (settings.Enabled, settings.Rules!.Days!.Value, settings.Run, settings.Next));
        Assert.Null((await HeadAsync()).RotationDue);
        Assert.Equal(SecretEvents.None, (await _world.Secrets.CancelRotationAsync(_owner, CoreWorld.PathOf(Path), Token)).Events);
        // The label is where it was: until somebody takes it away no other rotation begins.
        Assert.Equal(RotationTransitions.Pending, (await CoreWorld.RefusedAsync(() => RotateAsync(null))).Parameter);
        await _world.Secrets.MoveLabelAsync(_owner, CoreWorld.PathOf(Path), VersionLabel.Pending, new VersionSelector.ByNumber(2), null, Token);
        _functions.At = _ => true;
        await _world.Secrets.RotateAsync(_owner, CoreWorld.PathOf(Path), new() { Token = RequestToken.Parse(Uuid(9)) }, Token);
        await _world.Core.RotateDueAsync(Token);
        Assert.Equal("new-" + Uuid(9), await ReadAsync());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_rotation_that_is_cancelled_or_whose_secret_is_deleted_goes_no_further(bool cancelled)
    {
        _functions.At = call =>
        {
            if (call.Step == RotationStep.Set)
            {
                Task<WriteOutcome> end = cancelled
                    ? _world.Secrets.CancelRotationAsync(_owner, CoreWorld.PathOf(Path), Token).AsTask()
                    : _world.Secrets.DeleteAsync(_owner, CoreWorld.PathOf(Path), null, Token).AsTask();
                end.GetAwaiter().GetResult();
            }

            return true;
        };
        await RotateAsync(null);
        await _world.Core.RotateDueAsync(Token);
        Assert.Equal("Create Set", Called);
        Assert.Contains("Fail Rotate.Test RotateSecret cancelled, or the secret was deleted", await TrailAsync());
        Assert.Equal((1, null), ((await HeadAsync()).Current, (await HeadAsync()).RotationDue));
    }

    [Fact]
    public async Task Whoever_takes_the_label_away_gives_the_rotation_up()
    {
        _functions.At = _ => false;
        await RotateAsync(new() { Days = 10 });
        await _world.Core.RotateDueAsync(Token);
        await _world.Secrets.MoveLabelAsync(_owner, CoreWorld.PathOf(Path), VersionLabel.Pending, new VersionSelector.ByNumber(2), null, Token);
        _functions.Calls.Clear();
        _world.Clock.Advance(TimeSpan.FromMinutes(1));
        await _world.Core.RotateDueAsync(Token);
        Assert.Equal(("", null), (Called, (await SettingsAsync()).Run));
        Assert.Equal((await SettingsAsync()).Next!.Value.Start, (await HeadAsync()).RotationDue);
    }

    [Fact]
    public async Task A_scheduled_rotation_waits_while_another_version_is_pending()
    {
        await RotateAsync(new() { Expression = "rate(4 hours)" });
        await _world.Core.RotateDueAsync(Token);
        _functions.Calls.Clear();
        using (SecretValue value = SecretValue.Copy("x"u8))
        {
            await _world.Secrets.AddVersionAsync(_owner, CoreWorld.PathOf(Path), new() { Value = value, Labels = [VersionLabel.Pending] }, createIfMissing: false, Token);
        }

        _world.Clock.Advance(TimeSpan.FromHours(4));
        await _world.Core.RotateDueAsync(Token);
        Assert.Equal(("", 1), (Called, (await SettingsAsync()).Blocked));
        await _world.Secrets.MoveLabelAsync(_owner, CoreWorld.PathOf(Path), VersionLabel.Pending, new VersionSelector.ByNumber(3), null, Token);
        _world.Clock.Advance(TimeSpan.FromMinutes(1));
        await _world.Core.RotateDueAsync(Token);
        Assert.Equal((string.Join(' ', All), 0), (Called, (await SettingsAsync()).Blocked));
    }

    [Fact]
    public async Task A_repeated_request_has_its_effect_once()
    {
        WriteOutcome first = await RotateAsync(null);
        Assert.Equal((first.Version!.Number, SecretEvents.None), (await RotateAsync(null, token: Uuid(1)) is var again ? (again.Version!.Number, again.Events) : default));
        await _world.Core.RotateDueAsync(Token);
        Assert.Equal((2, SecretEvents.None), (await RotateAsync(null, token: Uuid(1)) is var late ? (late.Version!.Number, late.Events) : default));
        await _world.Core.RotateDueAsync(Token);
        Assert.Equal(All, _functions.Calls);
    }

    [Fact]
    public async Task Functions_are_named_by_those_who_administer_and_only_those_that_the_vault_may_use()
    {
        Caller writer = await _world.NewAsync("writer");
        await _world.GrantAsync("writer", CofferActions.Writer, "shop-dev");
        RotateSecret named = new() { Token = RequestToken.Parse(Uuid(7)), Function = "turn" };
        Assert.Equal(CofferErrorCode.AccessDenied, (await CoreWorld.RefusedAsync(() => _world.Secrets.RotateAsync(writer, CoreWorld.PathOf(Path), named, Token).AsTask())).Code);
        CofferError none = await CoreWorld.RefusedAsync(() => _world.Secrets.RotateAsync(writer, CoreWorld.PathOf(Path), named with { Function = null }, Token).AsTask());
        Assert.Equal(RotationTransitions.NoFunction, none.Parameter);
        CofferError unknown = await CoreWorld.RefusedAsync(() => _world.Secrets.RotateAsync(_owner, CoreWorld.PathOf(Path), named with { Function = "other" }, Token).AsTask());
        Assert.Equal(RotationTransitions.UnknownFunction, unknown.Parameter);
        await _world.GrantAsync("owner", CofferActions.Admin, "other");
        await _world.WriteAsync(_owner, "other/db", "x");
        Assert.Equal(RotationTransitions.UnknownFunction, (await CoreWorld.RefusedAsync(() => _world.Secrets.RotateAsync(_owner, CoreWorld.PathOf("other/db"), named, Token).AsTask())).Parameter);
        Assert.Null((await HeadAsync()).Rotation);
        await RotateAsync(null);
        await _world.Core.RotateDueAsync(Token);
        await _world.Secrets.RotateAsync(writer, CoreWorld.PathOf(Path), named with { Function = null }, Token);
        await _world.Core.RotateDueAsync(Token);
        Assert.Equal(8, _functions.Calls.Count);
    }

    [Fact]
    public async Task A_key_that_the_server_gives_to_a_program_ends_with_its_principal()
    {
        PrincipalName rotator = PrincipalName.Parse("rotator");
        using TemporaryAccessKey key = await _world.Core.Credentials.IssueToProgramAsync(rotator, VaultName.Parse("shop-dev"), 900, "turn", Token);
        (KnownAccessKey? known, _) = await _world.Core.Credentials.FindAccessKeyAsync(key.AccessKeyId, key.SessionToken, null, Token);
        Assert.Equal((rotator, "shop-dev"), (known!.Identity.Principal.Name, known.Identity.Home!.Value.Value));
        await _world.Admin.UpdatePrincipalAsync(_world.Root, rotator, false, null, null, Token);
        Assert.Null((await _world.Core.Credentials.FindAccessKeyAsync(key.AccessKeyId, key.SessionToken, null, Token)).Key);
        Assert.Equal(CofferErrorCode.PreconditionFailed, (await CoreWorld.RefusedAsync(async () => await _world.Core.Credentials.IssueToProgramAsync(rotator, VaultName.Parse("shop-dev"), 900, "turn", Token))).Code);
        Assert.Equal(CofferErrorCode.NotFound, (await CoreWorld.RefusedAsync(async () => await _world.Core.Credentials.IssueToProgramAsync(PrincipalName.Parse("nobody"), VaultName.Parse("shop-dev"), 900, "turn", Token))).Code);
    }

    private string Called => string.Join(' ', _functions.Calls);

    public ValueTask DisposeAsync() => _world.DisposeAsync();

    private static string Uuid(int number) => $"00000000-0000-4000-8000-{number:D12}";

    private async Task<WriteOutcome> RotateAsync(RotationRules? rules, bool immediately = true, string? token = null) => await _world.Secrets.RotateAsync(
        _owner,
        CoreWorld.PathOf(Path),
        new() { Token = RequestToken.Parse(token ?? Uuid(++_tokens)), Function = "turn", Rules = rules, Immediately = immediately },
        Token);

    private async Task<CofferCore> RestartedAsync(StandInFunctions functions)
    {
        MemorySeal seal = _world.Seal;
        await _world.Core.SealAsync(Token);
        CofferCore other = new(new() { Store = _world.Store, AuditDirectory = _world.AuditFolder, Clock = _world.Clock, Functions = functions });
        await other.Seals.UnsealAsync(seal, Token);
        await other.StartAsync(Token);
        return other;
    }

    private async Task<Secret> HeadAsync() => (await _world.Store.Secrets.FindHeadAsync(_world.Core.Access.Vaults[VaultName.Parse("shop-dev")].Id, "", "db", Token))!;

    private async Task<RotationSettings> SettingsAsync() => RotationSettings.Of(await HeadAsync())!;

    private async Task<int> PendingAsync() => (await _world.Store.Secrets.LabelsAsync((await HeadAsync()).Id, Token)).FirstOrDefault(l => l.Key == VersionLabel.Pending).Value;

    private Task<string> ReadAsync() => _world.ReadAsync(_owner, Path);

    private async Task<List<string>> TrailAsync()
    {
        List<string> lines = [];
        await foreach (AuditEntry entry in _world.Core.AuditReader.QueryAsync(new() { Action = nameof(Operation.RotateSecret) }, Token))
        {
            if (entry.Record.Dialect == "core")
            {
                lines.Add($"{entry.Record.Decision} {entry.Record.WireOperation} {entry.Record.Action} {entry.Record.Reason}");
            }
        }

        return lines;
    }
}
