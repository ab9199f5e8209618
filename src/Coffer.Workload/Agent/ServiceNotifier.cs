using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Coffer.Workload.Agent;

/// <summary>
/// Tells the service manager where this service is: the datagrams of systemd's <c>sd_notify</c>. Without <c>NOTIFY_SOCKET</c> it tells nobody.
/// </summary>
public sealed class ServiceNotifier : IDisposable
{
    private readonly Socket? _socket;
    private readonly UnixDomainSocketEndPoint? _manager;

    private ServiceNotifier(string? address, TimeSpan? watchdog)
    {
        WatchdogInterval = watchdog;
        if (!string.IsNullOrEmpty(address))
        {
            // A name in the abstract space begins with a zero byte, which is written as @.
            _manager = new(address[0] == '@' ? "\0" + address[1..] : address);
            _socket = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        }
    }

    /// <summary>How often the manager wants to hear that all is well, or null where it does not.</summary>
    public TimeSpan? WatchdogInterval { get; }

    /// <summary>From the environment of this process, or another in tests.</summary>
    public static ServiceNotifier FromEnvironment(Func<string, string?>? read = null)
    {
        read ??= Environment.GetEnvironmentVariable;
        // The watchdog may be meant for another process of the service.
        bool isOurs = read("WATCHDOG_PID") is not { Length: > 0 } pid || pid == Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
        TimeSpan? watchdog = isOurs && long.TryParse(read("WATCHDOG_USEC"), NumberStyles.None, CultureInfo.InvariantCulture, out long microseconds) && microseconds > 0
            ? TimeSpan.FromMicroseconds(microseconds)
            : null;
        return new(read("NOTIFY_SOCKET"), watchdog);
    }

    /// <summary>The service serves.</summary>
    public void Ready(string status) => Send($"READY=1\nSTATUS={status}");

    /// <summary>What it is at, one line.</summary>
    public void Status(string status) => Send($"STATUS={status}");

    /// <summary>It is well.</summary>
    public void Watchdog() => Send("WATCHDOG=1");

    /// <summary>It ends.</summary>
    public void Stopping() => Send("STOPPING=1");

    /// <inheritdoc/>
    public void Dispose() => _socket?.Dispose();

    private void Send(string state)
    {
        try
        {
            _socket?.SendTo(Encoding.UTF8.GetBytes(state), _manager!);
        }
        catch (SocketException)
        {
            // The manager has no ear just now; the service is none the worse for it.
        }
    }
}
