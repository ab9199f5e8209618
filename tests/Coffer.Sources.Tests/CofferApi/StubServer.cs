using System.Net.Sockets;
using System.Text;

namespace Coffer.Sources.Tests.CofferApi;

/// <summary>A server on a Unix socket that answers each connection with the next prepared answer and keeps what it was asked.</summary>
public sealed class StubServer : IAsyncDisposable
{
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly Task _loop;

    public StubServer(string path, params string[] answers)
    {
        _listener.Bind(new UnixDomainSocketEndPoint(path));
        _listener.Listen();
        _loop = Task.Run(() => ServeAsync(answers));
    }

    public List<string> Requests { get; } = [];

    public static string Ok(string json) => $"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {Encoding.UTF8.GetByteCount(json)}\r\n\r\n{json}";

    public async ValueTask DisposeAsync()
    {
        _listener.Dispose();
        await _loop;
    }

    private async Task ServeAsync(string[] answers)
    {
        try
        {
            foreach (string answer in answers)
            {
                using Socket connection = await _listener.AcceptAsync();
                Requests.Add(await ReadRequestAsync(connection));
                await connection.SendAsync(Encoding.UTF8.GetBytes(answer));
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private static async Task<string> ReadRequestAsync(Socket connection)
    {
        byte[] buffer = new byte[64 * 1024];
        int length = 0;
        while (true)
        {
            int count = await connection.ReceiveAsync(buffer.AsMemory(length));
            length += count;
            string text = Encoding.UTF8.GetString(buffer, 0, length);
            int end = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
            if (count == 0 || (end >= 0 && text.Length - end - 4 >= int.Parse(text.Split("Content-Length: ")[1].Split('\r')[0], System.Globalization.CultureInfo.InvariantCulture)))
            {
                return text;
            }
        }
    }
}
