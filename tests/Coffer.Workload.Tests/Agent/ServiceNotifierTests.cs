using System.Net.Sockets;
using System.Text;
using Coffer.Workload.Agent;

namespace Coffer.Workload.Tests.Agent;

public sealed class ServiceNotifierTests
{
    private static ServiceNotifier From(params (string Name, string Value)[] variables) =>
        ServiceNotifier.FromEnvironment(name => variables.FirstOrDefault(v => v.Name == name).Value);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_service_manager_hears_of_each_step(bool isAbstract)
    {
        string name = $"coffer-notify-{Guid.NewGuid():N}", path = Path.Combine(Path.GetTempPath(), name);
        using Socket manager = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        manager.Bind(new UnixDomainSocketEndPoint(isAbstract ? "\0" + name : path));
        using ServiceNotifier notifier = From(("NOTIFY_SOCKET", isAbstract ? "@" + name : path));
        byte[] buffer = new byte[256];
        string Heard() => Encoding.UTF8.GetString(buffer, 0, manager.Receive(buffer));

        notifier.Status("waiting for the server");
        Assert.Equal("STATUS=waiting for the server", Heard());
        notifier.Ready("serving 2 workloads");
        Assert.Equal("READY=1\nSTATUS=serving 2 workloads", Heard());
        notifier.Watchdog();
        Assert.Equal("WATCHDOG=1", Heard());
        notifier.Stopping();
        Assert.Equal("STOPPING=1", Heard());
        File.Delete(path);
    }

    [Fact]
    public void Without_a_manager_or_with_one_that_is_gone_nothing_happens()
    {
        using ServiceNotifier alone = From(), deaf = From(("NOTIFY_SOCKET", "/nonexistent/notify"));
        alone.Ready("");
        deaf.Ready("");
        Assert.Null(alone.WatchdogInterval);
    }

    [Theory]
    [InlineData("30000000", null, 30.0)]
    [InlineData("30000000", "1", null)]
    [InlineData("0", null, null)]
    [InlineData("-5", null, null)]
    [InlineData("soon", null, null)]
    public void The_watchdogs_interval_is_for_the_process_it_names(string microseconds, string? pid, double? seconds)
    {
        using ServiceNotifier notifier = pid is null ? From(("WATCHDOG_USEC", microseconds)) : From(("WATCHDOG_USEC", microseconds), ("WATCHDOG_PID", pid));
        Assert.Equal(seconds, notifier.WatchdogInterval?.TotalSeconds);
        using ServiceNotifier own = From(("WATCHDOG_USEC", microseconds), ("WATCHDOG_PID", $"{Environment.ProcessId}"));
        Assert.Equal(pid is null ? seconds : 30, own.WatchdogInterval?.TotalSeconds);
    }
}
