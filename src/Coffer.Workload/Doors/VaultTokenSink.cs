using System.Security.Cryptography;
using System.Text;
using Coffer.Workload.Child;
using Microsoft.AspNetCore.Http;

namespace Coffer.Workload.Doors;

/// <summary>
/// HashiCorp Vault's way in. Its clients know a variable or a file with a token, and no endpoint to get one from. So the child's
/// <c>VAULT_TOKEN</c> is a random text of this run, good as long as the run and worthless anywhere else: on the way to the server it is
/// replaced by a short-lived token, which is renewed here. For programs that read a token file as they do from Vault's own agent, the
/// short-lived token is kept in one, mode 0600, in the run's folder, and goes with it.
/// </summary>
public sealed class VaultTokenSink : IDisposable
{
    /// <summary>Audience of the tokens.</summary>
    public const string Audience = "vault";

    private const string TokenHeader = "X-Vault-Token", Bearer = "Bearer ", Next = ".next";
    private static readonly TimeSpan ShortestPause = TimeSpan.FromMilliseconds(50), WritePause = TimeSpan.FromSeconds(5);

    private readonly Renewed<DoorToken> _current;
    private readonly string _token = DoorSecret.Draw();
    private readonly DoorSecret _expected;
    private readonly TimeProvider _clock;
    private readonly CancellationTokenSource _stop = new();
    private Task _writing = Task.CompletedTask;
    private string? _file;
    private uint? _owner;

    /// <summary>Over an issuer; renewed on demand if nothing is said.</summary>
    public VaultTokenSink(TokenIssuer issue, TimeProvider clock, Renewal? renewal = null)
    {
        _current = new(stop => issue(Audience, stop), t => t.Expires, Renewed<DoorToken>.TwoThirds, clock, renewal);
        _expected = new(_token);
        _clock = clock;
    }

    /// <summary>Variables that would win, or hold another identity's token.</summary>
    internal static IReadOnlyList<string> Overridden { get; } = ["VAULT_TOKEN", "VAULT_TOKEN_FILE", "VAULT_NAMESPACE", "VAULT_AGENT_ADDR", "BAO_TOKEN"];

    /// <summary>The child's variables.</summary>
    internal IEnumerable<KeyValuePair<string, string>> Variables(string file) => [new("VAULT_TOKEN", _token), new("VAULT_TOKEN_FILE", file)];

    /// <summary>Puts a short-lived token in the place of this run's. False where there is none to be had: the answer is written then.</summary>
    internal async ValueTask<bool> ReplaceAsync(HttpContext context)
    {
        IHeaderDictionary headers = context.Request.Headers;
        string own = headers[TokenHeader].ToString(), authorization = headers.Authorization.ToString();
        bool inHeader = own.Length > 0 && _expected.Is(own);
        if (!inHeader && !(authorization.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase) && _expected.Is(authorization[Bearer.Length..])))
        {
            return true;
        }

        if (await DoorAnswer.GetAsync(context, stop => _current.UseAsync(t => Encoding.ASCII.GetString(t.Value), stop), (status, message) => RefuseAsync(context, status, message)).ConfigureAwait(false) is not { } token)
        {
            return false;
        }

        _ = inHeader ? headers[TokenHeader] = token : headers.Authorization = Bearer + token;
        return true;
    }

    /// <summary>Gets the token before anybody asks. Throws what the issuer throws.</summary>
    internal async Task PrimeAsync(CancellationToken cancellationToken) => await _current.UseAsync(_ => true, cancellationToken).ConfigureAwait(false);

    /// <summary>Keeps the short-lived token in a file from now on, until this ends. The first is there when this returns, if the server could be asked. Throws <see cref="WorkloadException"/> where it refuses.</summary>
    internal async Task WriteAsync(string file, CancellationToken cancellationToken, uint? owner = null)
    {
        _file = file;
        _owner = owner;
        TaskCompletionSource first = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _writing = Task.Run(() => KeepAsync(file, first), CancellationToken.None);
        await first.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_stop.IsCancellationRequested)
        {
            return;
        }

        _stop.Cancel();
        _writing.Wait();
        _current.Dispose();
        if (_file is not null)
        {
            Erase(_file);
            Erase(_file + Next);
        }
    }

    private async Task KeepAsync(string file, TaskCompletionSource first)
    {
        while (!_stop.IsCancellationRequested)
        {
            bool isIssued = false, isWritten = false;
            try
            {
                byte[] token = await _current.UseAsync(t => t.Value.ToArray(), _stop.Token).ConfigureAwait(false);
                isIssued = true;
                Replace(file, token, _owner);
                isWritten = true;
            }
            catch (WorkloadException refused) when (!first.Task.IsCompleted)
            {
                // Nothing that passes by itself: whoever starts this is told.
                first.TrySetException(refused);
                return;
            }
            catch (Exception failure) when (failure is not OperationCanceledException)
            {
                // Whoever reads the file finds the one before, as long as that holds; the next try is not far.
            }
            catch (OperationCanceledException)
            {
                break;
            }

            first.TrySetResult();
            TimeSpan pause = _current.Due - _clock.GetUtcNow();
            // A token that could not be written is not asked for anew: it is there, and the file has one that ends sooner.
            pause = isIssued && !isWritten && pause > WritePause ? WritePause : pause;
            try
            {
                await Task.Delay(pause < ShortestPause ? ShortestPause : pause, _clock, _stop.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                break;
            }
        }

        first.TrySetResult();
    }

    /// <summary>By rename, so that a reader finds one token or the other, whole. No line end: it would be part of the token to some.</summary>
    private static void Replace(string file, byte[] token, uint? owner)
    {
        string next = file + Next;
        try
        {
            // One that was left behind may be another user's by now, and must not be written through; a new one is nobody else's, nor a link.
            File.Delete(next);
            using (FileStream stream = new(next, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite }))
            {
                if (owner is { } peer && peer != FileStatus.CurrentUser())
                {
                    FileStatus.Give(next, peer);
                }

                stream.Write(token);
            }

            File.Move(next, file, overwrite: true);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(token);
        }
    }

    private static void Erase(string file)
    {
        try
        {
            File.Delete(file);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // The folder goes next, and the token's life is minutes.
        }
    }

    private static Task RefuseAsync(HttpContext context, int status, string message) => DoorAnswer.WriteAsync(context, status, DoorAnswer.Object(writer =>
    {
        writer.WriteStartArray("errors"u8);
        writer.WriteStringValue(message);
        writer.WriteEndArray();
    }));
}
