using System.Text.Json.Nodes;
using Coffer.Core.Access;
using Coffer.Core.Secrets;
using CsCheck;

namespace Coffer.Protocols.Aws.Tests.Policies;

/// <summary>Random policies on random requests: the language says what the slow reference says.</summary>
public sealed class ReferenceTests
{
    private static readonly string[] Actions = ["secretsmanager:GetSecretValue", "secretsmanager:Get*", "secretsmanager:*", "*", "secretsmanager:DescribeSecret", "SECRETSMANAGER:getsecretvalue", "s3:*", "secretsmanager:?etSecretValue"];

    private static readonly string[] Resources =
    [
        "*", "arn:aws:secretsmanager:*:*:secret:*", "arn:aws:secretsmanager:us-east-1:111111111111:secret:db-??????", "arn:aws:secretsmanager:*:222222222222:secret:*", "arn:aws:secretsmanager:*:1*:secret:d*",
        "arn:aws:secretsmanager:*:111111111111:secret:db", "arn:aws:s3:*:*:secret:*", "arn:aws:secretsmanager:*:111111111111:*-??????",
    ];

    private static readonly string[] Principals =
    [
        "\"*\"", """{"AWS":"*"}""", """{"AWS":"111111111111"}""", """{"AWS":"arn:aws:iam::111111111111:root"}""", """{"AWS":"arn:aws:iam::222222222222:root"}""", """{"AWS":["arn:aws:iam::111111111111:role/deployer"]}""",
        """{"AWS":"arn:aws:iam::111111111111:user/alice"}""", """{"AWS":"arn:aws:sts::111111111111:assumed-role/deployer/ci"}""", """{"AWS":["arn:aws:iam::222222222222:role/stranger","arn:aws:iam::111111111111:user/alice"]}""", """{"Service":"ecs-tasks.amazonaws.com"}""",
    ];

    private static readonly string[] Operators =
    [
        "StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIfExists", "StringNotEqualsIfExists", "StringLikeIfExists", "ForAnyValue:StringEquals", "ForAnyValue:StringNotEquals",
        "ForAllValues:StringEquals", "ForAllValues:StringNotEquals", "ForAnyValue:StringLike", "ForAllValues:StringLikeIfExists", "Null",
    ];

    private static readonly string[] Keys = ["aws:ResourceTag/env", "aws:ResourceTag/none", "secretsmanager:VersionStage", "aws:PrincipalTag/team", "aws:RequestedRegion", "aws:PrincipalAccount", "secretsmanager:VersionId", "aws:SourceVpc"];

    private static readonly string[] Values = ["prod", "p*", "red", "AWSCURRENT", "AWSPREVIOUS", "111111111111", "*", "x", "?ed"];

    [Fact]
    public void The_language_says_what_the_reference_says() =>
        Gen.Select(Documents(principals: false), Documents(principals: true), Documents(principals: false), Gen.Int[0, 2], Gen.Int[0, 2], Gen.Bool)
            .Sample(
                (identity, resource, boundary, who, version, read) =>
                {
                    PolicyWorld world = new();
                    Principal principal = who switch { 0 => world.Role, 1 => world.User, _ => world.Stranger };
                    string account = who == 2 ? "222222222222" : "111111111111", name = principal.Name.Value;
                    identity.ForEach(d => world.On(principal, d));
                    resource.ForEach(d => world.OnSecret(d));
                    boundary.ForEach(d => world.On(principal, d, PolicyUse.Boundary));
                    string[] stages = version switch { 0 => ["AWSCURRENT"], 1 => ["AWSPREVIOUS"], _ => ["AWSPREVIOUS", "x"] };
                    Dictionary<string, string[]?> keys = new()
                    {
                        ["aws:resourcetag/env"] = ["prod"],
                        ["aws:requestedregion"] = null,
                        ["aws:principalaccount"] = [account],
                    };
                    if (who != 2)
                    {
                        keys["aws:principaltag/team"] = [who == 0 ? "red" : "blue"];
                    }

                    if (read)
                    {
                        keys["secretsmanager:versionstage"] = stages;
                        if (version == 2)
                        {
                            keys["secretsmanager:versionid"] = null;
                        }
                    }

                    Reference reference = new()
                    {
                        Action = read ? "secretsmanager:GetSecretValue" : "secretsmanager:DescribeSecret",
                        Resource = world.Arn,
                        Arn = $"arn:aws:iam::{account}:{(who == 1 ? "user" : "role")}/{name}",
                        SessionArn = who == 1 ? $"arn:aws:iam::{account}:user/{name}" : $"arn:aws:sts::{account}:assumed-role/{name}/ci",
                        Account = account,
                        ResourceAccount = "111111111111",
                        Keys = keys,
                    };
                    bool may = world.May(principal, read ? Operation.ReadValue : Operation.ReadMetadata, r => r with
                    {
                        Version = !read ? null : version switch { 0 => VersionSelector.Current, 1 => new VersionSelector.ByLabel(VersionLabel.Previous), _ => new VersionSelector.ByNumber(1) },
                        Labels = [.. stages.Select(VersionLabel.Parse)],
                    });
                    return may == reference.Allows(identity, resource, boundary);
                },
                iter: Any.Times(4_000),
                print: t => $"{t.Item1.Count} {string.Join(" ", t.Item1)} | {string.Join(" ", t.Item2)} | {string.Join(" ", t.Item3)} | {t.Item4} {t.Item5} {t.Item6}");

    private static Gen<List<string>> Documents(bool principals) =>
        Statement(principals).Array[1, 3].Select(s => $$"""{"Version":"2012-10-17","Statement":[{{string.Join(',', s)}}]}""").List[0, 2];

    private static Gen<string> Statement(bool principals) =>
        Gen.Select(Gen.Bool, Gen.Bool, Any.Of(Actions).Array[1, 2], Gen.Select(Gen.Bool, Any.Of(Resources).Array[1, 2]), Condition.Array[0, 2], Any.Of(Principals))
            .Select((allow, notAction, actions, resources, conditions, principal) =>
            {
                JsonObject statement = new()
                {
                    ["Effect"] = allow ? "Allow" : "Deny",
                    [notAction && !allow ? "NotAction" : "Action"] = new JsonArray([.. actions.Select(a => JsonValue.Create(a))]),
                    [resources.Item1 && allow ? "NotResource" : "Resource"] = new JsonArray([.. resources.Item2.Select(r => JsonValue.Create(r))]),
                };
                JsonObject condition = [];
                foreach ((string operation, string key, string[] values) in conditions.DistinctBy(c => c.Operation))
                {
                    condition[operation] = new JsonObject { [key] = operation == "Null" ? values.Length > 1 ? "true" : "false" : new JsonArray([.. values.Select(v => JsonValue.Create(v))]) };
                }

                if (condition.Count > 0)
                {
                    statement[nameof(Condition)] = condition;
                }

                if (principals)
                {
                    statement["Principal"] = JsonNode.Parse(principal);
                }

                return statement.ToJsonString();
            });

    private static Gen<(string Operation, string Key, string[] Values)> Condition => Gen.Select(Any.Of(Operators), Any.Of(Keys), Any.Of(Values).Array[1, 2]);
}
