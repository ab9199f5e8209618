using System.Collections.Immutable;
using System.Text.Json.Serialization.Metadata;
using Coffer.Core.Access;
using Coffer.Core.Errors;
using Coffer.Core.Secrets;
using Microsoft.AspNetCore.Http;

namespace Coffer.Protocols.Native;

/// <summary>Who may call a route at all; what they may do is for the core to decide.</summary>
internal enum NativeAccess
{
    /// <summary>Whoever proves to be somebody.</summary>
    Proven,

    /// <summary>Anyone.</summary>
    Anyone,

    /// <summary>Anyone while the server is sealed and nobody can be proven; else as <see cref="Proven"/>.</summary>
    ProvenUnlessSealed,

    /// <summary>The machine's own operator over the local socket; over the network only where the server allows it, slowly.</summary>
    Unsealer,
}

/// <summary>A parameter of a query.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Description">What it means.</param>
/// <param name="Type">Its JSON schema type.</param>
internal sealed record NativeParameter(string Name, string Description, string Type = "string");

/// <summary>One row of the route table: it routes, and it is the OpenAPI document's operation.</summary>
internal sealed record NativeRoute
{
    /// <summary>Largest body of a route that takes a value: 1 MiB as base64 or as text, with room for escapes.</summary>
    public const long ValueBodyBytes = 4 * 1024 * 1024;

    /// <summary>Largest body of any other route.</summary>
    public const long BodyBytes = 256 * 1024;

    /// <summary>The method.</summary>
    public required string Method { get; init; }

    /// <summary>The path; <c>{name}</c> stands for one part.</summary>
    public required string Template { get; init; }

    /// <summary>The operation's id, also its name in the audit trail.</summary>
    public required string Id { get; init; }

    /// <summary>A sentence.</summary>
    public required string Summary { get; init; }

    /// <summary>Runs it.</summary>
    public required Func<NativeCall, Task> Handler { get; init; }

    /// <summary>Who may call it.</summary>
    public NativeAccess Access { get; init; }

    /// <summary>Query parameters; any other is refused.</summary>
    public ImmutableArray<NativeParameter> Query { get; init; } = [];

    /// <summary>The body's type, or null.</summary>
    public JsonTypeInfo? Body { get; init; }

    /// <summary>The answer's type, or null.</summary>
    public JsonTypeInfo? Answer { get; init; }

    /// <summary>The answer's media type.</summary>
    public string ContentType { get; init; } = "application/json";

    /// <summary>Statuses of success.</summary>
    public ImmutableArray<int> Statuses { get; init; } = [StatusCodes.Status200OK];

    /// <summary>Largest body in bytes.</summary>
    public long MaxBody { get; init; } = BodyBytes;

    /// <summary>The path's parts.</summary>
    public string[] Parts => field ??= Template[1..].Split('/');
}

/// <summary>One request on its route.</summary>
internal sealed class NativeCall(HttpContext context, NativeRoute route, string[] path)
{
    private Dictionary<string, string>? _query;

    public HttpContext Context { get; } = context;

    public NativeRoute Route { get; } = route;

    public CancellationToken Aborted => Context.RequestAborted;

    /// <summary>Set by the authentication.</summary>
    public Identity? Identity { get; private set; }

    /// <summary>The core's caller.</summary>
    public Caller Caller { get => field ?? throw new InvalidOperationException("the route asked for no proof"); private set; }

    /// <summary>Status of the answer where it is not the route's first.</summary>
    public int Status { get; set; } = route.Statuses[0];

    public VaultName Vault => VaultName.Parse(Part(0, "vault name"));

    public SecretPath Secret => new(Vault, SecretName.Parse(Part(1, "secret name")));

    public PrincipalName Named => PrincipalName.Parse(Part(0, "principal name"));

    /// <summary>A second principal or group of the path.</summary>
    public PrincipalName Other => PrincipalName.Parse(Part(1, "principal name"));

    /// <summary>A trust's claim value in the path.</summary>
    public string ClaimValue => Part(1, "claim value");

    public string PublicId => NativeNames.PublicId(Part(0, "id"));

    public void Prove(Identity identity, Caller caller) => (Identity, Caller) = (identity, caller);

    /// <summary>A parameter of the query, or null.</summary>
    public string? Query(string name) => (_query ??= NativeNames.ParseQuery(NativeNames.QueryOf(Context), Route.Query)).GetValueOrDefault(name);

    /// <summary>Refuses parameters that the route does not have, where the handler asks for none.</summary>
    public void CheckQuery() => Query("");

    private string Part(int index, string kind) =>
        NativeNames.TryDecode(path[index], out string? text) ? text : throw Error.InvalidName(kind, "percent-encoded UTF-8 without control characters");
}

internal sealed partial class NativeEndpoints
{
    /// <summary>
    /// The route of a path and method. Parts are compared as they were sent, so there is one spelling of each path; an empty
    /// part (<c>//</c>, a trailing slash) matches nothing. Without a route: the Allow header of the path, or null where there is no
    /// such path.
    /// </summary>
    public (NativeRoute? Route, string[] Path, string? Allow) Match(string method, ReadOnlySpan<char> path)
    {
        const int mostParts = 8;
        Span<Range> parts = stackalloc Range[mostParts + 1];
        if (path is not ['/', ..] || path[1..].Split(parts, '/') is var count && count > mostParts)
        {
            return (null, [], null);
        }

        path = path[1..];
        parts = parts[..count];
        string asked = HttpMethods.IsHead(method) ? HttpMethods.Get : method;
        List<string>? others = null;
        foreach (NativeRoute route in Routes)
        {
            if (!Matches(route, path, parts))
            {
                continue;
            }

            if (string.Equals(route.Method, asked, StringComparison.Ordinal))
            {
                return (route, Values(route, path, parts), null);
            }

            (others ??= []).Add(route.Method);
            if (route.Method == HttpMethods.Get)
            {
                others.Add(HttpMethods.Head);
            }
        }

        return (null, [], others is null ? null : string.Join(", ", others.Distinct().Order(StringComparer.Ordinal)));
    }

    private static bool Matches(NativeRoute route, ReadOnlySpan<char> path, ReadOnlySpan<Range> parts)
    {
        string[] own = route.Parts;
        if (own.Length != parts.Length)
        {
            return false;
        }

        for (int i = 0; i < own.Length; i++)
        {
            ReadOnlySpan<char> part = path[parts[i]];
            if (part.IsEmpty || (own[i][0] != '{' && !part.SequenceEqual(own[i])))
            {
                return false;
            }
        }

        return true;
    }

    private static string[] Values(NativeRoute route, ReadOnlySpan<char> path, ReadOnlySpan<Range> parts)
    {
        List<string> values = [];
        for (int i = 0; i < parts.Length; i++)
        {
            if (route.Parts[i][0] == '{')
            {
                values.Add(path[parts[i]].ToString());
            }
        }

        return [.. values];
    }

    // Four shapes of handlers: with or without a body, with or without an answer.

    private static NativeRoute Ask<TAnswer>(string method, string template, string id, string summary, JsonTypeInfo<TAnswer> answer, Func<NativeCall, ValueTask<TAnswer>> handler) => new()
    {
        Method = method,
        Template = template,
        Id = id,
        Summary = summary,
        Answer = answer,
        Handler = async call =>
        {
            call.CheckQuery();
            await AnswerAsync(call, await handler(call).ConfigureAwait(false), answer).ConfigureAwait(false);
        },
    };

    private static NativeRoute Tell<TBody, TAnswer>(
        string method, string template, string id, string summary, JsonTypeInfo<TBody> body, JsonTypeInfo<TAnswer> answer, Func<NativeCall, TBody, ValueTask<TAnswer>> handler, long maxBody = NativeRoute.BodyBytes) => new()
        {
            Method = method,
            Template = template,
            Id = id,
            Summary = summary,
            Body = body,
            Answer = answer,
            MaxBody = maxBody,
            Handler = async call =>
            {
                call.CheckQuery();
                TBody content = await NativeWire.ReadAsync(call.Context, body, maxBody).ConfigureAwait(false);
                using IDisposable? owned = content as IDisposable;
                await AnswerAsync(call, await handler(call, content).ConfigureAwait(false), answer).ConfigureAwait(false);
            },
        };

    private static NativeRoute Remove(string template, string id, string summary, Func<NativeCall, ValueTask> handler) => Silent(HttpMethods.Delete, template, id, summary, handler);

    private static NativeRoute Do(string template, string id, string summary, Func<NativeCall, ValueTask> handler) => Silent(HttpMethods.Post, template, id, summary, handler);

    private static NativeRoute DoWith<TBody>(string method, string template, string id, string summary, JsonTypeInfo<TBody> body, Func<NativeCall, TBody, ValueTask> handler) =>
        Silent(method, template, id, summary, async call =>
        {
            TBody content = await NativeWire.ReadAsync(call.Context, body, NativeRoute.BodyBytes).ConfigureAwait(false);
            using IDisposable? owned = content as IDisposable;
            await handler(call, content).ConfigureAwait(false);
        }) with { Body = body };

    private static NativeRoute Silent(string method, string template, string id, string summary, Func<NativeCall, ValueTask> handler) => new()
    {
        Method = method,
        Template = template,
        Id = id,
        Summary = summary,
        Statuses = [StatusCodes.Status204NoContent],
        Handler = async call =>
        {
            call.CheckQuery();
            await handler(call).ConfigureAwait(false);
            call.Context.Response.StatusCode = StatusCodes.Status204NoContent;
        },
    };

    private static async Task AnswerAsync<T>(NativeCall call, T answer, JsonTypeInfo<T> type)
    {
        using IDisposable? owned = answer as IDisposable;
        await NativeWire.WriteAsync(call.Context, call.Status, answer, type).ConfigureAwait(false);
    }
}
