using Coffer.Core.Errors;
using Microsoft.AspNetCore.Http;

namespace Coffer.Protocols;

/// <summary>
/// One vendor's wire. A dialect proves identity, parses, calls the core and writes; it holds no rule of its own that
/// another wire could need. Whatever goes wrong, before an endpoint too, is answered through <see cref="WriteErrorAsync"/>.
/// </summary>
public interface IDialect
{
    /// <summary>Short name, as in audit records: <c>aws</c>, <c>native</c> …</summary>
    string Name { get; }

    /// <summary>
    /// Whether the request is this wire's by its shape (path, headers). Called in the order of registration; must not
    /// read the body.
    /// </summary>
    bool Claims(HttpContext context);

    /// <summary>Largest request body in bytes; larger ones are refused before they are read.</summary>
    long MaxBodyBytes { get; }

    /// <summary>Answers the request. May throw <see cref="CofferException"/>.</summary>
    Task HandleAsync(HttpContext context);

    /// <summary>Writes an error in the wire's own shape. The response has not started.</summary>
    Task WriteErrorAsync(HttpContext context, CofferError error);
}

/// <summary>Set on a connection that came through the intercepting proxy: the vendor host name that the client asked for.</summary>
/// <param name="Host">Lower-case host name.</param>
/// <param name="Dialect">Name of the dialect that the host belongs to.</param>
public sealed record InterceptedHost(string Host, string Dialect);

/// <summary>Set on a connection over the local socket: which user holds the other end, as the kernel says.</summary>
/// <param name="Uid">User id.</param>
/// <param name="Pid">Process id at connect time; informational.</param>
public sealed record LocalPeer(uint Uid, int Pid);
