using System.Net;
using Coffer.Core.Access;
using Coffer.Core.Secrets;
using Microsoft.AspNetCore.Http;

namespace Coffer.Protocols;

/// <summary>What every dialect needs to know about a request, in one spelling.</summary>
public static class RequestFacts
{
    /// <summary>The request's id: a UUID, made by the pipeline, shown in answers, logs and the trail.</summary>
    public static string RequestId(this HttpContext context) => context.TraceIdentifier;

    /// <summary>The peer's address, or null on the local socket.</summary>
    public static IPAddress? PeerAddress(this HttpContext context) => context.Connection.RemoteIpAddress;

    /// <summary>The user at the other end of the local socket, or null on a network connection.</summary>
    public static LocalPeer? LocalPeer(this HttpContext context) => context.Features.Get<LocalPeer>();

    /// <summary>What the client calls itself, or null.</summary>
    public static string? UserAgent(this HttpContext context)
    {
        string agent = context.Request.Headers.UserAgent.ToString();
        return agent.Length == 0 ? null : agent;
    }

    /// <summary>The caller of the core's use cases, from a proven identity.</summary>
    public static Caller CallerOf(this HttpContext context, Identity identity, string dialect, string wireOperation, object? native = null) => new()
    {
        Principal = identity.Principal,
        Credential = identity.Credential,
        Dialect = dialect,
        WireOperation = wireOperation,
        RequestId = context.RequestId(),
        Address = context.PeerAddress(),
        UserAgent = context.UserAgent(),
        Home = identity.Home,
        Session = identity.Session,
        SessionTags = identity.SessionTags,
        Issued = identity.Issued,
        Limits = identity.Limits,
        Native = native,
    };

    /// <summary>The same for a secret's home vault: what a wire that names no vault means.</summary>
    public static VaultName? HomeOf(this Caller caller) => caller.Home ?? caller.Principal.Home;
}
