using System.Text;
using System.Text.Json;
using Coffer.Workload.Doors;
using Microsoft.AspNetCore.Http;

namespace Coffer.Workload.Tests.Doors;

/// <summary>One request to a door, without a listener.</summary>
internal sealed record DoorCall(int Status, string Body, IHeaderDictionary Headers)
{
    public JsonElement Json => JsonSerializer.Deserialize<JsonElement>(Body);

    public static async Task<DoorCall> AskAsync(ICredentialDoor door, string target, string method = "GET", params (string Name, string Value)[] headers)
    {
        DefaultHttpContext context = new();
        string[] halves = target.Split('?', 2);
        context.Request.Method = method;
        context.Request.Path = PathString.FromUriComponent(halves[0]);
        context.Request.QueryString = halves.Length == 2 ? new("?" + halves[1]) : default;
        foreach ((string name, string value) in headers)
        {
            context.Request.Headers.Append(name, value);
        }

        Assert.True(door.Claims(context.Request.Path), $"{target} is not this door's");
        using MemoryStream body = new();
        context.Response.Body = body;
        await door.AnswerAsync(context);
        return new(context.Response.StatusCode, Encoding.UTF8.GetString(body.ToArray()), context.Response.Headers);
    }
}

/// <summary>An issuer of numbered tokens that a test can break.</summary>
internal sealed class StubIssuer(TimeProvider clock)
{
    public static readonly WorkloadIdentity Identity = new() { Name = "shop-api", Id = new("3f2504e0-4f89-41d3-9a0c-0305e82c3301"), Vault = "shop-dev", VaultNumber = "123456789012" };

    public List<string> Asked { get; } = [];

    public Exception? Failure { get; set; }

    public TimeSpan Life { get; set; } = TimeSpan.FromMinutes(15);

    public ValueTask<DoorToken> IssueAsync(string audience, CancellationToken cancellationToken)
    {
        lock (Asked)
        {
            Asked.Add(audience);
            return Failure is { } failure
                ? ValueTask.FromException<DoorToken>(failure)
                : ValueTask.FromResult(new DoorToken(Encoding.ASCII.GetBytes($"cfs_{audience}#{Asked.Count}"), clock.GetUtcNow() + Life));
        }
    }

    public ValueTask<AwsSessionCredentials> IssueKeyAsync(CancellationToken cancellationToken)
    {
        lock (Asked)
        {
            Asked.Add("aws");
            return Failure is { } failure
                ? ValueTask.FromException<AwsSessionCredentials>(failure)
                : ValueTask.FromResult(new AwsSessionCredentials($"ASIA{Asked.Count}", "s3cr3t"u8.ToArray(), "session", clock.GetUtcNow().AddHours(1)));
        }
    }
}
