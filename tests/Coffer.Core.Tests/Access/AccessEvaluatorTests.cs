using Coffer.Core.Access;
using CsCheck;
using Xunit;

namespace Coffer.Core.Tests.Access;

/// <summary>How the languages' judgements become one decision.</summary>
public sealed class AccessEvaluatorTests
{
    private static readonly Grant Read = new() { Actions = CofferActions.Read };

    [Fact]
    public void Nothing_allows_by_default()
    {
        AccessWorld world = new(new GrantLanguage(), new TinyLanguage());
        foreach (Operation operation in Enum.GetValues<Operation>().Where(o => !AccessEvaluator.AnyCallerMay(o)))
        {
            AccessDecision decision = world.Decide(world.Ask(operation));
            Assert.Equal((false, false, null, AccessEvaluator.NothingAllows), (decision.Allowed, decision.Explicit, decision.Language, decision.Reason));
        }
    }

    [Fact]
    public void One_language_that_allows_is_enough_and_is_named()
    {
        AccessDecision decision = new AccessWorld(new GrantLanguage(), new TinyLanguage()).With("tiny", "allow ReadValue shop/db", name: "mine") is var world ? world.Decide(world.Ask(Operation.ReadValue)) : default;
        Assert.Equal((true, "tiny", "mine: allow ReadValue shop/db"), (decision.Allowed, decision.Language, decision.Reason));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void One_language_that_denies_is_enough_whichever_comes_first(bool tinyFirst)
    {
        AccessWorld world = (tinyFirst ? new AccessWorld(new TinyLanguage(), new GrantLanguage()) : new AccessWorld(new GrantLanguage(), new TinyLanguage()))
            .With(Read).With("tiny", "deny ReadValue shop/db", name: "no");
        AccessDecision decision = world.Decide(world.Ask(Operation.ReadValue));
        Assert.Equal((false, true, "tiny", "no: deny ReadValue shop/db"), (decision.Allowed, decision.Explicit, decision.Language, decision.Reason));
        Assert.True(world.Decide(world.Ask(Operation.ReadValue, "other")).Allowed);
    }

    [Fact]
    public void All_questions_of_a_language_must_be_allowed()
    {
        AccessWorld Holding(string source) => new AccessWorld(new TinyLanguage()).With("tiny", source);
        AccessDecision Backup(string source) => Holding(source) is var world ? world.Decide(world.Ask(Operation.BackupSecret)) : default;
        Assert.True(Backup("allow take *\nallow look *\nallow list *").Allowed);
        Assert.True(Backup("allow * *").Allowed);
        foreach (string missing in (string[])["take", "look", "list"])
        {
            string rest = string.Join('\n', new[] { "take", "look", "list" }.Where(a => a != missing).Select(a => $"allow {a} *"));
            Assert.False(Backup(rest).Allowed);
            Assert.False(Backup(rest).Explicit);
            Assert.True(Backup($"allow * *\ndeny {missing} *").Explicit);
            Assert.True(Backup($"{rest}\ndeny {missing} *").Explicit);
        }
    }

    [Fact]
    public void Questions_are_not_answered_half_by_one_language_and_half_by_another()
    {
        AccessWorld world = new AccessWorld(new TinyLanguage("tiny"), new TinyLanguage("small", 4)).With("tiny", "allow take *\nallow look *").With("small", "allow list *");
        Assert.False(world.Decide(world.Ask(Operation.BackupSecret)).Allowed);
    }

    [Fact]
    public void A_limit_of_one_language_holds_for_what_another_allows()
    {
        AccessWorld world = new AccessWorld(new GrantLanguage(), new TinyLanguage()).With(Read).With("tiny", "limit ReadValue shop/app-*");
        AccessDecision outside = world.Decide(world.Ask(Operation.ReadValue, "db"));
        Assert.Equal((false, false), (outside.Allowed, outside.Explicit));
        Assert.True(world.Decide(world.Ask(Operation.ReadValue, "app-key")).Allowed);
    }

    [Fact]
    public void A_limit_on_one_question_of_several_holds()
    {
        AccessWorld world = new AccessWorld(new TinyLanguage()).With("tiny", "allow * *\nlimit take *\nlimit list *");
        Assert.False(world.Decide(world.Ask(Operation.BackupSecret)).Allowed);
    }

    [Fact]
    public void A_limit_alone_allows_nothing()
    {
        AccessWorld world = new AccessWorld(new TinyLanguage()).With("tiny", "limit * *");
        Assert.Equal(AccessEvaluator.NothingAllows, world.Decide(world.Ask(Operation.ReadValue)).Reason);
    }

    [Fact]
    public void Every_limit_of_the_credential_must_allow()
    {
        AccessWorld world = new AccessWorld(new GrantLanguage(), new TinyLanguage()).With(Read);
        AccessRequest Asked(params PolicySet[] limits) => world.Ask(Operation.ReadValue) with { Caller = world.Caller("coffer", null, limits) };
        PolicySet allows = new("tiny", ["allow ReadValue shop/*"]), silent = new("tiny", ["allow ReadValue dev/*"]), split = new("tiny", ["limit * *", "allow * *"]);
        PolicySet grants = new("coffer", [Read.ToSource()]), other = new("coffer", [(Read with { Names = "app" }).ToSource()]);
        Assert.True(world.Decide(Asked(allows)).Allowed);
        Assert.True(world.Decide(Asked(allows, grants, split)).Allowed);
        Assert.False(world.Decide(Asked(allows, silent)).Allowed);
        Assert.False(world.Decide(Asked(grants, other)).Allowed);
        Assert.False(world.Decide(Asked(new PolicySet("tiny", ["allow * *", "deny ReadValue *"]))).Allowed);
        Assert.False(world.Decide(Asked(new PolicySet("tiny", []))).Allowed);
        Assert.False(world.Decide(Asked(new PolicySet("unknown", ["allow * *"]))).Allowed);
        Assert.False(world.Decide(Asked(new PolicySet("tiny", ["nonsense"]))).Allowed);
        Assert.False(world.Decide(Asked(new PolicySet("tiny", ["allow * *", "nonsense"]))).Allowed);
        Assert.False(world.Decide(Asked(new PolicySet("tiny", ["allow * *", "limit list *"]))).Allowed);
    }

    [Fact]
    public void The_limits_of_a_credential_allow_nothing_by_themselves()
    {
        AccessWorld world = new(new GrantLanguage(), new TinyLanguage());
        Assert.False(world.Decide(world.Ask(Operation.ReadValue) with { Caller = world.Caller("coffer", null, new PolicySet("tiny", ["allow * *"])) }).Allowed);
    }

    [Fact]
    public void A_policy_that_can_no_longer_be_judged_denies()
    {
        foreach ((string language, string source) in new[] { ("tiny", "nonsense"), ("coffer", "{}"), ("coffer", "") })
        {
            AccessWorld world = new AccessWorld(new GrantLanguage(), new TinyLanguage()).With(Read).With("tiny", "allow * *").With(language, source, name: "spoilt");
            AccessDecision decision = world.Decide(world.Ask(Operation.ReadValue));
            Assert.Equal((false, true, language), (decision.Allowed, decision.Explicit, decision.Language));
            Assert.Contains("spoilt", decision.Reason, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void An_unjudgeable_policy_on_another_object_does_not_matter_here()
    {
        AccessWorld world = new AccessWorld(new GrantLanguage(), new TinyLanguage()).With(Read).With("tiny", "nonsense", Attachment.To(AccessWorld.Vaults[1].Number));
        Assert.True(world.Decide(world.Ask(Operation.ReadValue)).Allowed);
        Assert.False(world.Decide(world.Ask(Operation.ReadValue, vault: AccessWorld.Dev)).Allowed);
    }

    [Fact]
    public void A_disabled_or_removed_principal_may_nothing_even_what_any_caller_may()
    {
        AccessWorld world = new AccessWorld(new GrantLanguage()).With(Read);
        Assert.True(world.Decide(world.Ask(Operation.ReadValue)).Allowed);
        world.Me = world.Me with { Enabled = false };
        Assert.Equal((false, true), (world.Decide(world.Ask(Operation.ReadValue)).Allowed, world.Decide(world.Ask(Operation.ReadValue)).Explicit));
        Assert.False(world.Decide(world.Ask(Operation.WhoAmI)).Allowed);
        world.Me = world.Me with { Enabled = true };
        world.Registered = false;
        Assert.False(world.Decide(world.Ask(Operation.ReadValue)).Allowed);
        Assert.False(world.Decide(world.Ask(Operation.RandomPassword)).Allowed);
    }

    [Fact]
    public void The_snapshot_says_whether_a_principal_is_enabled_and_not_what_the_caller_brings()
    {
        AccessWorld world = new AccessWorld(new GrantLanguage()).With(Read);
        AccessRequest stale = world.Ask(Operation.ReadValue);
        world.Me = world.Me with { Enabled = false };
        Assert.False(world.Decide(stale).Allowed);
    }

    [Fact]
    public void What_any_caller_may_can_still_be_denied()
    {
        AccessWorld world = new(new GrantLanguage(), new TinyLanguage());
        Assert.True(world.Decide(world.Ask(Operation.RandomPassword, null)).Allowed);
        Assert.True(world.Decide(world.Ask(Operation.WhoAmI, null)).Allowed);
        Assert.False(world.With("tiny", "deny RandomPassword *") is var w && w.Decide(w.Ask(Operation.RandomPassword, null)).Allowed);
    }

    [Fact]
    public void A_language_without_a_question_is_silent_and_not_generous()
    {
        AccessWorld world = new AccessWorld(new TinyLanguage()).With("tiny", "allow * *");
        Assert.False(world.Decide(world.Ask(Operation.Administer)).Allowed);
    }

    [Fact]
    public void A_language_without_policies_that_apply_is_not_asked()
    {
        TinyLanguage tiny = new();
        AccessWorld world = new AccessWorld(new GrantLanguage(), tiny).With(Read).With("tiny", "deny * *", Attachment.ToPrincipal(Guid.NewGuid())).With("tiny", "deny * *", Attachment.To(AccessWorld.Vaults[1].Number));
        Assert.True(world.Decide(world.Ask(Operation.ReadValue)).Allowed);
        Assert.Equal(0, tiny.Asked);
    }

    [Fact]
    public void Policies_apply_from_server_vault_secret_principal_group_and_credential()
    {
        AccessWorld world = new(new TinyLanguage());
        AccessRequest request = world.Ask(Operation.ReadValue);
        foreach (Attachment at in (Attachment[])[Attachment.Server, Attachment.To(AccessWorld.Vaults[0].Number), Attachment.ToPrincipal(world.Me.Id), Attachment.ToGroup(world.Team.Id), Attachment.ToCredential("key-1")])
        {
            AccessWorld one = new AccessWorld(new TinyLanguage()).With("tiny", "allow ReadValue *", at);
            Assert.True(one.Decide(request).Allowed, at.Kind.ToString());
        }

        foreach (Attachment at in (Attachment[])[Attachment.To(AccessWorld.Vaults[1].Number), Attachment.ToPrincipal(Guid.NewGuid()), Attachment.ToGroup(world.Me.Id), Attachment.ToPrincipal(world.Team.Id), Attachment.ToCredential("key-2"), Attachment.To(request.Head!.Uid)])
        {
            AccessWorld one = new AccessWorld(new TinyLanguage()).With("tiny", "allow ReadValue *", at);
            Assert.False(one.Decide(request).Allowed, at.Kind.ToString());
        }

        ParsedPolicy onSecret = new TinyLanguage().Parse(AccessWorld.Document("tiny", "allow ReadValue *", Attachment.To(request.Head!.Uid)));
        Assert.True(world.Decide(request, onSecret).Allowed);
        Assert.False(new AccessWorld(new GrantLanguage()) is var other && other.Decide(request, onSecret).Allowed);
    }

    [Fact]
    public void A_snapshot_keeps_what_was_parsed_only_while_the_policy_is_the_same()
    {
        TinyLanguage tiny = new();
        AccessWorld world = new AccessWorld(tiny).With("tiny", "allow ReadValue *");
        AccessSnapshot first = world.Snapshot(), second = world.Snapshot(first);
        Policy policy = first.Policies.Values.Single();
        Assert.Same(first.Parsed[policy.Id], second.Parsed[policy.Id]);
        AccessSnapshot changed = new(AccessWorld.Vaults, new(2, [world.Me], [], [], [policy with { Source = "deny * *", Revision = 2 }], [], [], []), [tiny], second);
        Assert.False(AccessEvaluator.Decide(changed, world.Ask(Operation.ReadValue)).Allowed);
        AccessSnapshot spoilt = new(AccessWorld.Vaults, new(2, [world.Me], [], [], [policy with { Source = "" }], [], [], []), [tiny], second);
        Assert.False(AccessEvaluator.Decide(spoilt, world.Ask(Operation.ReadValue)).Allowed);
    }

    /// <summary>The rule of the model, said once more in the plainest way, against random judgements of three languages.</summary>
    [Fact]
    public void The_decision_is_what_the_rule_says()
    {
        Gen<string> line = Gen.Select(Word("allow", "deny", "limit"), Word("take", "look", "list", "*"), (effect, action) => $"{effect} {action} *");
        Gen<string[]> policies = line.Array[0, 4];
        Gen.Select(policies, policies, policies, policies, (a, b, c, limit) => (Sources: new[] { a, b, c }, Limit: limit)).Sample(
            given =>
            {
                string[] names = ["tiny", "small", "minute"];
                AccessWorld world = new([.. names.Select((n, i) => new TinyLanguage(n, 2 << i))]);
                for (int i = 0; i < 3; i++)
                {
                    foreach (string source in given.Sources[i])
                    {
                        world.With(names[i], source);
                    }
                }

                PolicySet[] limits = given.Limit.Length == 0 ? [] : [new("tiny", [.. given.Limit])];
                AccessDecision decision = world.Decide(world.Ask(Operation.BackupSecret) with { Caller = world.Caller("coffer", null, limits) });
                (Verdict Verdict, bool Within)[] judged = [.. given.Sources.Select(Plainly)];
                bool denied = judged.Any(j => j.Verdict == Verdict.Deny);
                bool allowed = !denied && judged.Any(j => j.Verdict == Verdict.Allow) && judged.All(j => j.Within) && limits.All(_ => Plainly(given.Limit) == (Verdict.Allow, true));
                Assert.Equal((allowed, denied || allowed), (decision.Allowed, decision.Explicit));
            },
            iter: 5_000);
    }

    private static (Verdict Verdict, bool Within) Plainly(string[] lines)
    {
        bool Some(string effect, string action) => lines.Contains($"{effect} {action} *") || lines.Contains($"{effect} * *");
        string[] questions = ["take", "look", "list"];
        Verdict verdict = questions.Any(q => Some("deny", q)) ? Verdict.Deny : questions.All(q => Some("allow", q)) ? Verdict.Allow : Verdict.Silent;
        return (verdict, !lines.Any(l => l.StartsWith("limit", StringComparison.Ordinal)) || questions.All(q => Some("limit", q)));
    }

    private static Gen<string> Word(params string[] words) => Gen.Int[0, words.Length - 1].Select(i => words[i]);
}
