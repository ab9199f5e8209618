using System.Buffers;
using System.Net.Security;
using System.Net.Sockets;

namespace Coffer.Workload.Intercepting;

/// <summary>Copies bytes both ways until both sides are done; a side that ends is told so to the other.</summary>
internal static class Relay
{
    private const int BufferBytes = 32 * 1024;

    // No tunnel is idle for ever, but long polls and idle connections of pools are normal.
    private static readonly TimeSpan IdleLimit = TimeSpan.FromHours(2);

    public static async Task BothWaysAsync(Stream left, Stream right, CancellationToken cancellationToken)
    {
        using CancellationTokenSource idle = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        idle.CancelAfter(IdleLimit);
        Task there = CopyAsync(left, right, idle), back = CopyAsync(right, left, idle);
        Task first = await Task.WhenAny(there, back).ConfigureAwait(false);
        if (first.IsFaulted || first.IsCanceled)
        {
            await idle.CancelAsync().ConfigureAwait(false);
        }

        await Task.WhenAll(there, back).ConfigureAwait(false);
    }

    private static async Task CopyAsync(Stream from, Stream to, CancellationTokenSource idle)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            while (await from.ReadAsync(buffer, idle.Token).ConfigureAwait(false) is > 0 and int read)
            {
                await to.WriteAsync(buffer.AsMemory(0, read), idle.Token).ConfigureAwait(false);
                idle.CancelAfter(IdleLimit);
            }

            if (to is NetworkStream network)
            {
                network.Socket.Shutdown(SocketShutdown.Send);
            }
            else if (to is SslStream secure)
            {
                await secure.ShutdownAsync().ConfigureAwait(false);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer, clearArray: true);
        }
    }
}
