using System.Text.Json.Nodes;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;

namespace Coffer.Protocols.Aws.Tests;

/// <summary>Replication within one server: what a replica's region may see and do.</summary>
public sealed class ReplicationTests
{
    private const string West = "us-west-2";
    private const string NotOnReplica = "Operation not permitted on a replica secret. Call must be made in primary secret's region.";
    private const string T1 = "11111111-1111-4111-8111-111111111111", T2 = "22222222-2222-4222-8222-222222222222";

    private static async Task<AwsTestServer> StartAsync()
    {
        AwsTestServer server = await AwsTestServer.StartAsync();
        Assert.Equal("OK", (await server.CallAsync("CreateSecret", $$"""{"Name":"s","SecretString":"v","ClientRequestToken":"{{T1}}","AddReplicaRegions":[{"Region":"{{West}}"}]}""")).Outcome);
        return server;
    }

    [Theory]
    [InlineData("PutSecretValue", """{"SecretId":"s","SecretString":"w","ClientRequestToken":"22222222-2222-4222-8222-222222222222"}""")]
    [InlineData("PutSecretValue", """{"SecretId":"s","SecretString":"v","ClientRequestToken":"11111111-1111-4111-8111-111111111111"}""")]
    [InlineData("UpdateSecret", """{"SecretId":"s","Description":"d"}""")]
    [InlineData("UpdateSecret", """{"SecretId":"s","SecretString":"w","ClientRequestToken":"22222222-2222-4222-8222-222222222222"}""")]
    [InlineData("UpdateSecretVersionStage", """{"SecretId":"s","VersionStage":"x","MoveToVersionId":"11111111-1111-4111-8111-111111111111"}""")]
    [InlineData("TagResource", """{"SecretId":"s","Tags":[{"Key":"a","Value":"b"}]}""")]
    [InlineData("UntagResource", """{"SecretId":"s","TagKeys":["a"]}""")]
    [InlineData("DeleteSecret", """{"SecretId":"s"}""")]
    [InlineData("DeleteSecret", """{"SecretId":"s","ForceDeleteWithoutRecovery":true}""")]
    [InlineData("RestoreSecret", """{"SecretId":"s"}""")]
    [InlineData("ReplicateSecretToRegions", """{"SecretId":"s","AddReplicaRegions":[{"Region":"sa-east-1"}]}""")]
    [InlineData("RemoveRegionsFromReplication", """{"SecretId":"s","RemoveReplicaRegions":["us-west-2"]}""")]
    public async Task Nothing_is_written_that_is_signed_for_a_replica_s_region(string operation, string body)
    {
        await using AwsTestServer server = await StartAsync();
        string before = (await server.CallAsync("DescribeSecret", """{"SecretId":"s"}""")).Body;
        TestAnswer refused = await server.CallInAsync(West, operation, body, "admin");
        Assert.Equal((400, "InvalidParameterException", NotOnReplica), (refused.Status, refused.Outcome, refused.Message));
        Assert.Equal(before, (await server.CallAsync("DescribeSecret", """{"SecretId":"s"}""")).Body);
        Assert.Equal("v", (await server.CallInAsync(West, "GetSecretValue", """{"SecretId":"s"}"""))["SecretString"]);
        Assert.Contains(nameof(CofferErrorCode.PreconditionFailed), await server.TrailAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("app")]
    [InlineData("nobody")]
    public async Task Who_may_not_write_is_told_nothing_of_replicas(string principal)
    {
        await using AwsTestServer server = await StartAsync();
        TestAnswer denied = await server.CallInAsync(West, "TagResource", """{"SecretId":"s","Tags":[]}""", principal);
        TestAnswer elsewhere = await server.CallInAsync("sa-east-1", "TagResource", """{"SecretId":"s","Tags":[]}""", principal);
        Assert.Equal(("AccessDeniedException", elsewhere.Message), (denied.Outcome, denied.Message));
    }

    [Fact]
    public async Task A_region_that_is_neither_reads_and_writes_as_if_it_were_the_primary_s()
    {
        await using AwsTestServer server = await StartAsync();
        Assert.Equal("OK", (await server.CallInAsync("sa-east-1", "PutSecretValue", $$"""{"SecretId":"s","SecretString":"w","ClientRequestToken":"{{T2}}"}""")).Outcome);
        foreach (string region in (string[])["sa-east-1", West, AwsTestServer.Region])
        {
            Assert.Equal("w", (await server.CallInAsync(region, "GetSecretValue", """{"SecretId":"s"}"""))["SecretString"]);
        }

        Assert.Equal(AwsTestServer.Region, (await server.CallInAsync("sa-east-1", "DescribeSecret", """{"SecretId":"s"}"""))["PrimaryRegion"]);
    }

    [Fact]
    public async Task A_creation_repeated_tells_the_replicas_that_there_are()
    {
        await using AwsTestServer server = await StartAsync();
        TestAnswer again = await server.CallAsync("CreateSecret", $$"""{"Name":"s","SecretString":"v","ClientRequestToken":"{{T1}}","AddReplicaRegions":[{"Region":"sa-east-1"}]}""");
        Assert.Equal(("OK", West), (again.Outcome, (string?)again.Json["ReplicationStatus"]![0]!["Region"]));
        Assert.Equal(West, (string?)Assert.Single((await server.CallAsync("DescribeSecret", """{"SecretId":"s"}""")).Json["ReplicationStatus"]!.AsArray())!["Region"]);
    }

    [Fact]
    public async Task A_key_named_later_leaves_the_replicas_and_their_keys()
    {
        await using AwsTestServer server = await StartAsync();
        await server.CallAsync("UpdateSecret", """{"SecretId":"s","KmsKeyId":"alias/own"}""");
        TestAnswer primary = await server.CallAsync("DescribeSecret", """{"SecretId":"s"}"""), replica = await server.CallInAsync(West, "DescribeSecret", """{"SecretId":"s"}""");
        Assert.Equal(("alias/own", null), (primary["KmsKeyId"], replica["KmsKeyId"]));
        Assert.Equal("alias/aws/secretsmanager", (string?)primary.Json["ReplicationStatus"]![0]!["KmsKeyId"]);
        Assert.Null(replica.Json["ReplicationStatus"]);
    }

    [Fact]
    public async Task Regions_added_at_once_are_all_there()
    {
        await using AwsTestServer server = await AwsTestServer.StartAsync();
        await server.CallAsync("CreateSecret", """{"Name":"s"}""");
        string[] regions = [.. Enumerable.Range(1, 6).Select(i => $"us-west-{i}")];
        TestAnswer[] answers = await Task.WhenAll(regions.Select(r => server.CallAsync("ReplicateSecretToRegions", $$"""{"SecretId":"s","AddReplicaRegions":[{"Region":"{{r}}"}]}""")));
        // A writer that lost its race too often is told to come again; none that succeeded is lost.
        string[] taken = [.. regions.Where((_, i) => answers[i].Outcome == "OK")];
        JsonArray status = (await server.CallAsync("DescribeSecret", """{"SecretId":"s"}""")).Json["ReplicationStatus"]!.AsArray();
        Assert.NotEmpty(taken);
        Assert.Equal(taken, status.Select(s => (string?)s!["Region"]));
    }

    [Fact]
    public async Task The_number_of_replicas_is_bounded()
    {
        await using AwsTestServer server = await StartAsync();
        string many = string.Join(',', Enumerable.Range(1, 100).Select(i => $$"""{"Region":"us-east-{{i}}"}"""));
        Assert.Equal("InvalidParameterException", (await server.CallAsync("ReplicateSecretToRegions", $$"""{"SecretId":"s","AddReplicaRegions":[{{many}}]}""")).Outcome);
        Assert.Single((await server.CallAsync("DescribeSecret", """{"SecretId":"s"}""")).Json["ReplicationStatus"]!.AsArray());
    }

    [Fact]
    public async Task A_listing_by_primary_region_pages_through_what_is_not_replicated()
    {
        await using AwsTestServer server = await StartAsync();
        for (int i = 0; i < 30; i++)
        {
            await server.CallAsync("CreateSecret", $$"""{"Name":"other-{{i}}"}""");
        }

        await server.CallAsync("CreateSecret", """{"Name":"t","AddReplicaRegions":[{"Region":"us-west-2"}]}""");
        const string Filter = """ "Filters":[{"Key":"primary-region","Values":["eu-west-1"]}],"MaxResults":1 """;
        TestAnswer first = await server.CallAsync("ListSecrets", $$"""{ {{Filter}} }""");
        TestAnswer second = await server.CallAsync("ListSecrets", $$"""{ {{Filter}},"NextToken":"{{first["NextToken"]}}" }""");
        Assert.Equal(("s", "t", null), ((string?)first.Json["SecretList"]![0]!["Name"], (string?)second.Json["SecretList"]![0]!["Name"], second["NextToken"]));
        Assert.Equal("InvalidNextTokenException", (await server.CallAsync("ListSecrets", $$"""{"MaxResults":1,"NextToken":"{{first["NextToken"]}}"}""")).Outcome);
        TestAnswer batch = await server.CallAsync("BatchGetSecretValue", """{"Filters":[{"Key":"primary-region","Values":["eu"]}]}""");
        Assert.Equal("s", (string?)Assert.Single(batch.Json["SecretValues"]!.AsArray())!["Name"]);
    }

    [Fact]
    public async Task What_was_never_replicated_is_one_secret_in_every_region()
    {
        await using AwsTestServer server = await AwsTestServer.StartAsync();
        await server.CallInAsync(West, "CreateSecret", $$"""{"Name":"s","SecretString":"v","ClientRequestToken":"{{T1}}"}""");
        Assert.Equal("OK", (await server.CallAsync("PutSecretValue", $$"""{"SecretId":"s","SecretString":"w","ClientRequestToken":"{{T2}}"}""")).Outcome);
        TestAnswer described = await server.CallInAsync(West, "DescribeSecret", """{"SecretId":"s"}""");
        Assert.Null(described["PrimaryRegion"]);
        Assert.Null(described.Json["ReplicationStatus"]);
        Assert.Equal("OK", (await server.CallInAsync(West, "DeleteSecret", """{"SecretId":"s"}""")).Outcome);
    }

    [Fact]
    public async Task Other_wires_know_nothing_of_replicas_and_lose_none()
    {
        await using AwsTestServer server = await StartAsync();
        SecretPath path = new(server.Vault.Name, SecretName.Parse("s"));
        await server.Core.Secrets.EditAsync(server.CallerOf("admin"), path, new() { Description = "by another wire" }, TestContext.Current.CancellationToken);
        Assert.Equal(West, (string?)(await server.CallAsync("DescribeSecret", """{"SecretId":"s"}""")).Json["ReplicationStatus"]![0]!["Region"]);
    }
}
