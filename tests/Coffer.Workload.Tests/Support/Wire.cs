using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Coffer.Workload.Tests.Support;

/// <summary>Raw bytes to a loopback port.</summary>
internal static class Wire
{
    public static async Task<NetworkStream> ConnectAsync(int port)
    {
        Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port), TestContext.Current.CancellationToken);
        return new(socket, ownsSocket: true);
    }

    /// <summary>Sends all of it and reads until the other side ends; what arrived until a reset counts too.</summary>
    public static async Task<string> AskAsync(int port, string text)
    {
        await using NetworkStream stream = await ConnectAsync(port);
        await stream.WriteAsync(Encoding.Latin1.GetBytes(text), TestContext.Current.CancellationToken);
        return await RestAsync(stream);
    }

    public static async Task<string> RestAsync(Stream stream)
    {
        StringBuilder answer = new();
        byte[] buffer = new byte[4096];
        try
        {
            while (await stream.ReadAsync(buffer, TestContext.Current.CancellationToken) is > 0 and int read)
            {
                answer.Append(Encoding.Latin1.GetString(buffer, 0, read));
            }
        }
        catch (IOException)
        {
            // Reset: what came before it is the answer.
        }

        return answer.ToString();
    }

    /// <summary>Reads to the empty line that ends a head.</summary>
    public static async Task<string> HeadAsync(Stream stream)
    {
        StringBuilder head = new();
        byte[] one = new byte[1];
        while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            if (await stream.ReadAsync(one, TestContext.Current.CancellationToken) == 0)
            {
                break;
            }

            head.Append((char)one[0]);
        }

        return head.ToString();
    }
}

/// <summary>A TCP server whose every connection runs one function.</summary>
internal sealed class TcpServer : IAsyncDisposable
{
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

    public TcpServer(Func<NetworkStream, Task> serve)
    {
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen();
        _ = Task.Run(async () =>
        {
            while (true)
            {
                Socket socket = await _listener.AcceptAsync();
                _ = Task.Run(async () =>
                {
                    await using NetworkStream stream = new(socket, ownsSocket: true);
                    await serve(stream);
                });
            }
        });
    }

    public int Port => ((IPEndPoint)_listener.LocalEndPoint!).Port;

    /// <summary>Reads to the end, then answers with the number of bytes and ends.</summary>
    public static async Task CountAsync(NetworkStream stream)
    {
        int total = 0;
        byte[] buffer = new byte[4096];
        while (await stream.ReadAsync(buffer) is > 0 and int read)
        {
            total += read;
        }

        await stream.WriteAsync(Encoding.ASCII.GetBytes($"counted {total}"));
    }

    public ValueTask DisposeAsync()
    {
        _listener.Dispose();
        return ValueTask.CompletedTask;
    }
}
