using Coffer.Core.Access;
using Xunit;

namespace Coffer.Core.Tests.Access;

/// <summary>The table of operations and the roles, as the model has them.</summary>
public sealed class OperationTests
{
    /// <summary>Operation, its number, and the words of Coffer's grants that must all be allowed.</summary>
    internal static readonly (Operation Operation, int Number, string Words)[] Table =
    [
        (Operation.ListSecrets, 1, "list"), (Operation.ListDeleted, 2, "list"), (Operation.CreateSecret, 3, "write"),
        (Operation.ReadMetadata, 4, "describe"), (Operation.ReadDeleted, 5, "describe"), (Operation.ListVersions, 6, "describe"),
        (Operation.ReadVersionMetadata, 7, "describe"), (Operation.ReadValue, 8, "read"), (Operation.AddVersion, 9, "write"),
        (Operation.EditMetadata, 10, "write"), (Operation.EditTags, 11, "tag"), (Operation.MoveLabel, 12, "label"),
        (Operation.EnableVersion, 13, "enable"), (Operation.DisableVersion, 14, "disable"), (Operation.DestroyVersion, 15, "purge"),
        (Operation.DeleteSecret, 16, "delete"), (Operation.RecoverSecret, 17, "recover"), (Operation.PurgeSecret, 18, "purge"),
        (Operation.BackupSecret, 19, "read describe"), (Operation.RestoreBackup, 20, "write"), (Operation.RotateSecret, 21, "rotate"),
        (Operation.CancelRotation, 22, "rotate"), (Operation.ReadPolicy, 23, "administer"), (Operation.WritePolicy, 24, "administer"),
        (Operation.Administer, 25, "administer"), (Operation.RandomPassword, 26, ""), (Operation.WhoAmI, 27, ""), (Operation.ReadAudit, 28, "administer"),
    ];

    /// <summary>Roles and the words they stand for.</summary>
    internal static readonly (string Role, string Words)[] Roles =
    [
        ("reader", "list describe read"),
        ("writer", "list describe read write tag label enable disable delete recover rotate"),
        ("operator", "list describe write tag label enable disable delete recover rotate"),
        ("admin", "list describe read write tag label enable disable delete recover rotate purge administer"),
    ];

    [Fact]
    public void Every_operation_needs_exactly_the_actions_of_the_table()
    {
        Assert.Equal(Enum.GetValues<Operation>().Order(), Table.Select(t => t.Operation).Order());
        Assert.All(Table, row =>
        {
            Assert.Equal(row.Number, (int)row.Operation);
            Assert.Equal(ActionNames.Read(row.Words.Split(' ', StringSplitOptions.RemoveEmptyEntries)), row.Operation.Actions());
            Assert.Equal(row.Words.Length == 0, AccessEvaluator.AnyCallerMay(row.Operation));
            Assert.Equal(Enum.GetName(row.Operation), row.Operation.Text());
        });
    }

    [Fact]
    public void Coffers_language_has_a_question_for_every_operation_but_those_that_any_caller_may()
    {
        AccessWorld world = new();
        Assert.All(Table, row => Assert.Equal(row.Words.Length == 0 ? 0 : 1, new GrantLanguage().Express(null!, world.Ask(row.Operation)).Length));
    }

    [Fact]
    public void Every_single_action_is_needed_by_some_operation()
    {
        CofferActions needed = Enum.GetValues<Operation>().Aggregate(CofferActions.None, (all, o) => all | o.Actions());
        Assert.Equal(CofferActions.Admin, needed);
        Assert.All(Enum.GetValues<CofferActions>().Where(a => System.Numerics.BitOperations.IsPow2((int)a)), a => Assert.True(CofferActions.Admin.HasFlag(a)));
    }

    [Fact]
    public void Roles_stand_for_the_words_of_the_model()
    {
        Assert.All(Roles, role =>
        {
            CofferActions actions = ActionNames.Read([role.Role]);
            Assert.Equal(ActionNames.Read(role.Words.Split(' ')), actions);
            Assert.Equal([role.Role], ActionNames.Write(actions));
        });
        Assert.False(CofferActions.Operator.HasFlag(CofferActions.Read));
        Assert.False(CofferActions.Writer.HasFlag(CofferActions.Purge));
    }

    [Theory]
    [InlineData("Read")]
    [InlineData("")]
    [InlineData("*")]
    [InlineData("read ")]
    [InlineData("owner")]
    public void An_unknown_word_is_refused(string word) => Assert.Throws<Coffer.Core.Errors.CofferException>(() => ActionNames.Read(["read", word]));
}
