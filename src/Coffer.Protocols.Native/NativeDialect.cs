using Coffer.Core.Errors;
using Coffer.Core.Sealing;
using Coffer.Core.Secrets;
using Microsoft.AspNetCore.Http;

namespace Coffer.Protocols.Native;

/// <summary>
/// Coffer's own API under <c>/coffer/</c>: what the command line, the client library and the console speak. Registered
/// last, it also answers what no wire claims.
/// </summary>
public sealed class NativeDialect : IDialect
{
    /// <summary>The dialect's name, as in audit records.</summary>
    public const string DialectName = "native";

    private readonly NativeAuthentication _authentication;
    private readonly NativeEndpoints _endpoints;

    /// <summary>Makes the dialect over the core and what runs the server itself.</summary>
    public NativeDialect(DialectOptions options, ISystemControl system)
    {
        _authentication = new(options);
        _endpoints = new(options, system);
    }

    /// <inheritdoc/>
    public string Name => DialectName;

    /// <inheritdoc/>
    public long MaxBodyBytes => NativeRoute.ValueBodyBytes;

    /// <inheritdoc/>
    public bool Claims(HttpContext context) => NativeNames.PathOf(context).StartsWith("/coffer/", StringComparison.Ordinal);

    /// <inheritdoc/>
    public async Task HandleAsync(HttpContext context)
    {
        NativeWire.Begin(context);
        NativeAuthentication.RefuseWebPages(context);
        (NativeRoute? route, string[] path, string? allow) = _endpoints.Match(context.Request.Method, NativeNames.PathOf(context));
        if (route is null)
        {
            if (allow is null)
            {
                throw Error.NotFound("resource");
            }

            context.Response.Headers.Allow = allow;
            await NativeErrors.WriteAsync(context, Error.Unsupported("this resource does not have that method").Error, StatusCodes.Status405MethodNotAllowed).ConfigureAwait(false);
            return;
        }

        NativeCall call = new(context, route, path);
        if (_endpoints.NeedsProof(route))
        {
            await _authentication.ProveAsync(call).ConfigureAwait(false);
        }

        if (route.Body is not null && !NativeWire.IsJson(context))
        {
            await NativeErrors.WriteAsync(context, Error.InvalidRequest("the body must be application/json", "Content-Type").Error, StatusCodes.Status415UnsupportedMediaType).ConfigureAwait(false);
            return;
        }

        await route.Handler(call).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public Task WriteErrorAsync(HttpContext context, CofferError error)
    {
        NativeWire.Begin(context);
        return NativeErrors.WriteAsync(context, error);
    }
}

/// <summary>Where the seal stands.</summary>
/// <param name="State">Sealed, unsealed, or not initialised.</param>
/// <param name="Seal">The seal's type as stored, or null before initialisation.</param>
/// <param name="Given">Shares given so far.</param>
/// <param name="Threshold">Shares needed, or 0.</param>
/// <param name="Shares">Shares made, or 0.</param>
public sealed record SealStatus(SealState State, string? Seal, int Given, int Threshold, int Shares);

/// <summary>
/// The server itself, as its composition runs it. Who may is decided before any of this is called. Methods that open a
/// seal may throw <see cref="SealRefusedException"/>; the caller keeps and disposes every value it passes in.
/// </summary>
public interface ISystemControl
{
    /// <summary>When the process began to serve.</summary>
    DateTimeOffset Started { get; }

    /// <summary>Whether shares and passphrases are taken over the network too (slowly), not only over the local socket.</summary>
    bool RemoteUnseal { get; }

    /// <summary>Whether this user of the machine may unseal: the one the server runs as, and root.</summary>
    bool MayUnseal(LocalPeer peer);

    /// <summary>The state, and how far an unsealing with shares has come.</summary>
    ValueTask<SealStatus> StatusAsync(CancellationToken cancellationToken);

    /// <summary>Forgets every key.</summary>
    ValueTask SealAsync(CancellationToken cancellationToken);

    /// <summary>Takes the passphrase, or one share, or neither (a key file); answers whether requests are served now.</summary>
    ValueTask<bool> UnsealAsync(SecretValue? passphrase, SecretValue? share, CancellationToken cancellationToken);

    /// <summary>Forgets the shares given so far.</summary>
    void ForgetShares();

    /// <summary>Adds a data key and answers its number. What opens the seal is given again, unless it is a key file.</summary>
    ValueTask<uint> RotateKeysAsync(SecretValue? passphrase, IReadOnlyList<SecretValue> shares, CancellationToken cancellationToken);

    /// <summary>
    /// Changes seal and root key. The new seal is shares where <paramref name="newShares"/> is more than 0, a passphrase
    /// where one is given, else a key file. Answers the new shares (the caller disposes them).
    /// </summary>
    ValueTask<IReadOnlyList<SecretValue>> RekeyAsync(
        SecretValue? passphrase, IReadOnlyList<SecretValue> shares, SecretValue? newPassphrase, int newThreshold, int newShares, CancellationToken cancellationToken);

    /// <summary>Writes an encrypted copy of the store, while requests go on. What can fail should fail before the first byte.</summary>
    Task BackupAsync(Stream target, CancellationToken cancellationToken);
}
