using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Coffer.Login.Issuers;

/// <summary>
/// The loopback address that the issuer sends the browser to (RFC 8252): a port of this login's own, one path, GET, and pages that say
/// nothing of what was sent. Whatever is not this login's answer is refused and changes nothing.
/// </summary>
internal sealed class LoopbackListener : IDisposable
{
    private const string Path = "/callback";
    private const int MaxHead = 16 * 1024, MostAtOnce = 16;

    // A browser opens connections that it never uses.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly SemaphoreSlim _open = new(MostAtOnce);
    private readonly TimeProvider _clock;

    public LoopbackListener(TimeProvider clock)
    {
        _clock = clock;
        _socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _socket.Listen();
        Authority = string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{((IPEndPoint)_socket.LocalEndPoint!).Port}");
    }

    /// <summary>Where the browser is to be sent.</summary>
    public string RedirectUri => $"http://{Authority}{Path}";

    private string Authority { get; }

    public void Dispose()
    {
        _socket.Dispose();
        _open.Dispose();
    }

    /// <summary>Waits for the answer; <paramref name="judge"/> gets each query.</summary>
    public async Task<BrowserAnswer> WaitAsync(Func<string, BrowserAnswer> judge, CancellationToken cancellationToken)
    {
        TaskCompletionSource<BrowserAnswer> answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task accepting = AcceptAsync(judge, answer, stop.Token);
        try
        {
            return await answer.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            await stop.CancelAsync().ConfigureAwait(false);
            await accepting.ConfigureAwait(false);
        }
    }

    private async Task AcceptAsync(Func<string, BrowserAnswer> judge, TaskCompletionSource<BrowserAnswer> answer, CancellationToken stop)
    {
        List<Task> served = [];
        try
        {
            while (!answer.Task.IsCompleted)
            {
                await _open.WaitAsync(stop).ConfigureAwait(false);
                Socket socket = await _socket.AcceptAsync(stop).ConfigureAwait(false);
                served.RemoveAll(t => t.IsCompleted);
                served.Add(ServeAsync(socket, judge, answer, stop));
            }
        }
        catch (Exception ended) when (ended is OperationCanceledException or ObjectDisposedException or SocketException)
        {
            // The login is over.
        }

        await Task.WhenAll(served).ConfigureAwait(false);
    }

    private async Task ServeAsync(Socket socket, Func<string, BrowserAnswer> judge, TaskCompletionSource<BrowserAnswer> answer, CancellationToken stop)
    {
        try
        {
            using NetworkStream stream = new(socket, ownsSocket: true);
            using CancellationTokenSource late = new(Patience, _clock);
            using CancellationTokenSource both = CancellationTokenSource.CreateLinkedTokenSource(late.Token, stop);
            string? query = await ReadAsync(stream, both.Token).ConfigureAwait(false);
            BrowserAnswer judged = query is null ? new BrowserAnswer.Foreign() : judge(query);
            bool ours = judged is not BrowserAnswer.Foreign;
            // The page first: once the answer is known the program may end.
            using CancellationTokenSource page = new(Patience, _clock);
            try
            {
                await stream.WriteAsync(Page(judged), page.Token).ConfigureAwait(false);
            }
            finally
            {
                if (ours)
                {
                    answer.TrySetResult(judged);
                }
            }
        }
        catch (Exception gone) when (gone is IOException or OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The browser went away, or said nothing.
        }
        finally
        {
            _open.Release();
        }
    }

    /// <summary>The query of a request for our path, or null where it is any other request.</summary>
    private async Task<string?> ReadAsync(NetworkStream stream, CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[MaxHead];
        int length = 0;
        while (buffer.AsSpan(0, length).IndexOf("\r\n\r\n"u8) < 0)
        {
            int read = length == buffer.Length ? 0 : await stream.ReadAsync(buffer.AsMemory(length), cancellationToken).ConfigureAwait(false);
            if (read == 0)
            {
                return null;
            }

            length += read;
        }

        string[] lines = Encoding.Latin1.GetString(buffer, 0, length).Split("\r\n");
        string[] request = lines[0].Split(' ');
        string[] hosts = [.. lines.Skip(1).Where(l => l.StartsWith("Host:", StringComparison.OrdinalIgnoreCase)).Select(l => l[5..].Trim())];
        // Another host: a name of somebody's that was pointed here, so that their page can read our answers.
        return request is ["GET", { } target, "HTTP/1.1" or "HTTP/1.0"] && hosts is [{ } host] && string.Equals(host, Authority, StringComparison.Ordinal) && target.StartsWith(Path + "?", StringComparison.Ordinal)
            ? target[(Path.Length + 1)..]
            : null;
    }

    private static byte[] Page(BrowserAnswer answer)
    {
        (string status, string text) = answer switch
        {
            BrowserAnswer.Code => ("200 OK", "Your answer has arrived. Close this window and go back to the terminal: there you see whether you are logged in."),
            BrowserAnswer.Declined => ("200 OK", "The login was declined. Close this window and go back to the terminal."),
            BrowserAnswer.MixedUp => ("400 Bad Request", "This answer came from another issuer than the one that was asked. The login has ended."),
            _ => ("400 Bad Request", "This is not the answer to a login that was begun here."),
        };
        string page = $"<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Coffer</title><p>{text}</p></html>\n";
        return Encoding.ASCII.GetBytes(string.Create(
            CultureInfo.InvariantCulture,
            $"HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {page.Length}\r\nCache-Control: no-store\r\nContent-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\nReferrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n{page}"));
    }
}
