using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;
using Xunit;

namespace Coffer.Core.Tests.Secrets;

/// <summary>One secret in one vault, told step by step: each step is a command at a time, and answers the state after it.</summary>
internal sealed record Story
{
    public const long Start = 1_700_000_000_000_000;
    public const long Hour = 3600 * Microseconds.PerSecond;
    public const long Day = Microseconds.PerDay;

    public static readonly VersionLabel Blue = VersionLabel.Parse("blue"), Green = VersionLabel.Parse("green");

    private static readonly SecretUid Uid = new(42);

    public Vault Vault { get; init; } = new()
    {
        Id = 7,
        Name = VaultName.Parse("shop"),
        Number = VaultNumber.From(123_456_789_012),
        Created = Start,
        RetentionDays = 30,
    };

    public required SecretState State { get; init; }

    public long Now { get; init; } = Start;

    /// <summary>The last transition.</summary>
    public Transition? Last { get; init; }

    public SecretPath Path => new(Vault.Name, State.Head.Name);

    public Secret Head => State.Head;

    public static Story Begin(bool purgeProtection = false, string name = "db")
    {
        Story story = new() { State = new() { Head = new() { Uid = Uid, VaultId = 7, Name = SecretName.Parse(name), Created = Start, Changed = Start } } };
        story = story with { Vault = story.Vault with { PurgeProtection = purgeProtection } };
        Transition created = SecretTransitions.Create(null, story.Vault, new() { Uid = Uid, Name = SecretName.Parse(name) }, Start);
        return story with { State = created.After!, Last = created };
    }

    public static Story WithVersions(int count, string wire = "aws", bool purgeProtection = false)
    {
        Story story = Begin(purgeProtection);
        for (int i = 0; i < count; i++)
        {
            story = story.Put($"value {i + 1}", wire: wire).Later(1);
        }

        return story;
    }

    public Story Later(long microseconds) => this with { Now = Now + microseconds };

    public Story Protect() => this with { Vault = Vault with { PurgeProtection = true } };

    public SecretVersion Version(int number) => State.Version(number) ?? throw new Xunit.Sdk.XunitException($"there is no version {number}");

    public VersionState StateOf(int number) => Version(number).StateAt(Now);

    public int[] Numbers => [.. State.Versions.Keys];

    public string[] Labels(int number) => [.. State.LabelsOf(number).Select(l => l.Value)];

    public static RequestToken Token(char fill) => RequestToken.Parse(new string(fill, 40));

    /// <summary>A command that writes a value; its fingerprint is a plain hash here.</summary>
    public static AddVersion Write(string value, RequestToken? token = null, string wire = "aws", VersionLabel[]? labels = null) => new()
    {
        Id = VersionId.From(SHA256.HashData(Encoding.UTF8.GetBytes($"{value}/{token}")).AsSpan(0, 16)),
        Token = token,
        Size = Encoding.UTF8.GetByteCount(value),
        Fingerprint = SHA256.HashData(Encoding.UTF8.GetBytes(value)),
        Labels = labels?.ToImmutableArray(),
        Wire = wire,
        By = "me",
    };

    public Story Put(string value, RequestToken? token = null, string wire = "aws", VersionLabel[]? labels = null) => Add(Write(value, token, wire, labels));

    public Story Add(AddVersion command) => Then(SecretTransitions.AddVersion(State, Vault, command, Now));

    public Story Rotate(RequestToken token) => Then(SecretTransitions.BeginRotation(State, Path, new(VersionId.Draw(), token, "aws", "me"), Now));

    public Story Move(VersionLabel label, int? from, int? to) => Then(SecretTransitions.MoveLabel(State, Path, new(label, from, to), Now));

    public Story Aliases(params (VersionLabel Label, int Number)[] aliases) =>
        Then(SecretTransitions.ReplaceAliases(State, Path, new(aliases.ToImmutableSortedDictionary(a => a.Label, a => a.Number)), Now));

    public Story Enable(VersionSetMode mode, params int[] numbers) => Then(SecretTransitions.Enable(State, Path, new([.. numbers], mode), Now));

    public Story Disable(VersionSetMode mode, params int[] numbers) => Then(SecretTransitions.Disable(State, Path, new([.. numbers], mode), Now));

    public Story Destroy(VersionSetMode mode, long delay, params int[] numbers) => Then(SecretTransitions.Destroy(State, Vault, new([.. numbers], mode, delay), Now));

    public Story EditVersion(EditVersion command) => Then(SecretTransitions.EditVersion(State, Path, command, Now));

    public Story Edit(EditMetadata command) => Then(SecretTransitions.Edit(State, Path, command, Now));

    public Story Delete(long window) => Then(SecretTransitions.Delete(State, Vault, new(window), Now));

    public Story Recover() => Then(SecretTransitions.Recover(State, Now));

    public Story EraseDue() => this with { State = SecretTransitions.EraseDue(State, Now) };

    public Transition Purge() => SecretTransitions.Purge(State, Vault, Now);

    /// <summary>Asserts that a step is refused with a code and says what it is about.</summary>
    public CofferError Refuses(CofferErrorCode code, Func<Story, object> step)
    {
        CofferException refusal = Assert.Throws<CofferException>(() => step(this));
        Assert.Equal(code, refusal.Code);
        return refusal.Error;
    }

    public Story Then(Transition transition) => this with { State = transition.After ?? throw new Xunit.Sdk.XunitException("the secret was purged"), Last = transition };
}
