using Coffer.Contracts;
using Coffer.Core.Errors;
using Coffer.Core.Sealing;
using Coffer.Core.Secrets;
using Microsoft.AspNetCore.Http;

namespace Coffer.Protocols.Native;

internal sealed partial class NativeEndpoints
{
    private const string SystemPath = "/coffer/v1/sys";

    private IEnumerable<NativeRoute> SystemRoutes()
    {
        yield return Ask(HttpMethods.Get, SystemPath + "/status", "getStatus", "The seal, and whether it is open. Anyone may ask while it is not.", ContractsJson.Default.SystemStatus, StatusAsync) with { Access = NativeAccess.ProvenUnlessSealed };
        yield return Ask(HttpMethods.Post, SystemPath + "/seal", "seal", "Forgets every key. Server administrators only.", ContractsJson.Default.SystemStatus, SealAsync);
        yield return Tell(HttpMethods.Post, SystemPath + "/unseal", "unseal", "Takes the passphrase or one share: over the local socket from the server's own user or root, over the network only where the server allows it.",
            ContractsJson.Strict.UnsealRequest, ContractsJson.Default.SystemStatus, UnsealAsync) with { Access = NativeAccess.Unsealer };
        yield return Tell(HttpMethods.Post, SystemPath + "/rotate-keys", "rotateKeys", "Makes a new data key. Server administrators only.", ContractsJson.Strict.SealProof, ContractsJson.Default.KeyRotation, RotateKeysAsync);
        yield return Tell(HttpMethods.Post, SystemPath + "/rekey", "rekey", "Replaces the seal and the root key. Server administrators only.", ContractsJson.Strict.RekeyRequest, ContractsJson.Default.RekeyResult, RekeyAsync);
        yield return new NativeRoute
        {
            Method = HttpMethods.Post,
            Template = SystemPath + "/backup",
            Id = "backup",
            Summary = "An encrypted copy of the whole store. Server administrators only.",
            ContentType = "application/octet-stream",
            Handler = BackupAsync,
        };
    }

    private ValueTask<SystemStatus> StatusAsync(NativeCall call) => StatusAsync(call.Aborted);

    private async ValueTask<SystemStatus> StatusAsync(CancellationToken cancellationToken)
    {
        SealStatus status = await _system.StatusAsync(cancellationToken).ConfigureAwait(false);
        // Unsealed keys without a running core are a server that is starting or stopping: not yet open to anyone.
        bool open = status.State == SealState.Unsealed && _core.IsRunning;
        return new()
        {
            State = status.State switch
            {
                SealState.Uninitialized => "uninitialized",
                SealState.Sealed => "sealed",
                SealState.Unsealed => open ? "unsealed" : "sealed",
            },
            Version = Version,
            Seal = NativeWire.SealName(status.Seal),
            Threshold = status.Threshold > 0 ? status.Threshold : null,
            Shares = status.Shares > 0 ? status.Shares : null,
            Given = !open && status.Threshold > 0 ? status.Given : null,
            AuditHealthy = open ? IsTrailHealthy() : null,
            Started = _system.Started,
        };
    }

    private async ValueTask<SystemStatus> SealAsync(NativeCall call)
    {
        await _core.Admin.AuthoriseSystemAsync(call.Caller, "seal", call.Aborted).ConfigureAwait(false);
        await _system.SealAsync(CancellationToken.None).ConfigureAwait(false);
        return await StatusAsync(CancellationToken.None).ConfigureAwait(false);
    }

    private async ValueTask<SystemStatus> UnsealAsync(NativeCall call, UnsealRequest body)
    {
        if (call.Context.LocalPeer() is { } peer)
        {
            if (!_system.MayUnseal(peer))
            {
                throw Error.AccessDenied("unseal", "server", "only the user that the server runs as, and root");
            }
        }
        else if (_system.RemoteUnseal)
        {
            _unsealing.Take();
        }
        else
        {
            throw Error.AccessDenied("unseal", "server", "only over the local socket of the server's machine");
        }

        if (_core.IsRunning)
        {
            throw Error.PreconditionFailed("the server is not sealed");
        }

        if ((body.Share is not null ? 1 : 0) + (body.Passphrase is not null ? 1 : 0) + (body.Reset == true ? 1 : 0) > 1)
        {
            throw Error.InvalidCombination("a share, a passphrase or a reset: one at a time", "share");
        }

        if (body.Reset == true)
        {
            _system.ForgetShares();
        }
        else
        {
            using SecretValue? passphrase = Copy(body.Passphrase), share = Copy(body.Share);
            await Opening(_system.UnsealAsync(passphrase, share, CancellationToken.None)).ConfigureAwait(false);
        }

        return await StatusAsync(CancellationToken.None).ConfigureAwait(false);
    }

    private async ValueTask<KeyRotation> RotateKeysAsync(NativeCall call, SealProof body)
    {
        await _core.Admin.AuthoriseSystemAsync(call.Caller, "rotate-keys", call.Aborted).ConfigureAwait(false);
        using SecretValue? passphrase = Copy(body.Passphrase);
        using SecretValues shares = new(body.Shares);
        return new(await Opening(_system.RotateKeysAsync(passphrase, shares.Items, CancellationToken.None)).ConfigureAwait(false));
    }

    private async ValueTask<RekeyResult> RekeyAsync(NativeCall call, RekeyRequest body)
    {
        await _core.Admin.AuthoriseSystemAsync(call.Caller, "rekey", call.Aborted).ConfigureAwait(false);
        (int threshold, int count) = body switch
        {
            { Seal: "key-file", Passphrase: null, Shares: null, Threshold: null } => (0, 0),
            { Seal: "passphrase", Passphrase: not null, Shares: null, Threshold: null } => (0, 0),
            { Seal: "shamir", Passphrase: null, Shares: { } n and >= 2 and <= 255, Threshold: { } k and >= 2 } when k <= n => (k, n),
            { Seal: "key-file" or "passphrase" or "shamir" } => throw Error.InvalidCombination("a passphrase seal takes the new passphrase, a shamir seal 2 to 255 shares and a threshold, a key-file seal neither", "seal"),
            _ => throw Error.InvalidRequest("seal is key-file, passphrase or shamir", "seal"),
        };
        using SecretValue? passphrase = Copy(body.Proof?.Passphrase), next = Copy(body.Passphrase);
        using SecretValues shares = new(body.Proof?.Shares);
        IReadOnlyList<SecretValue> made = await Opening(_system.RekeyAsync(passphrase, shares.Items, next, threshold, count, CancellationToken.None)).ConfigureAwait(false);
        try
        {
            return new() { Seal = body.Seal, Shares = made.Count == 0 ? null : [.. made.Select(s => new SecretText(s.Span))] };
        }
        finally
        {
            foreach (SecretValue share in made)
            {
                share.Dispose();
            }
        }
    }

    private async Task BackupAsync(NativeCall call)
    {
        call.CheckQuery();
        await _core.Admin.AuthoriseSystemAsync(call.Caller, "backup", call.Aborted).ConfigureAwait(false);
        call.Context.Response.ContentType = call.Route.ContentType;
        await _system.BackupAsync(call.Context.Response.Body, call.Aborted).ConfigureAwait(false);
    }

    /// <summary>A seal that did not open: what was given is wrong, and the message says how without a byte of it.</summary>
    private static async ValueTask<T> Opening<T>(ValueTask<T> opening)
    {
        try
        {
            return await opening.ConfigureAwait(false);
        }
        catch (SealRefusedException refused)
        {
            throw Error.InvalidRequest(refused.Message, "seal");
        }
        catch (SealedException)
        {
            throw Error.Sealed();
        }
    }

    private static SecretValue? Copy(SecretText? text) => text is null ? null : SecretValue.Copy(text.Utf8);

    /// <summary>Shares on their way to the seal.</summary>
    private sealed class SecretValues(IReadOnlyList<SecretText>? texts) : IDisposable
    {
        public IReadOnlyList<SecretValue> Items { get; } = [.. NativeWire.Whole(texts ?? [], "shares").Select(t => SecretValue.Copy(t.Utf8))];

        public void Dispose()
        {
            foreach (SecretValue item in Items)
            {
                item.Dispose();
            }
        }
    }
}
