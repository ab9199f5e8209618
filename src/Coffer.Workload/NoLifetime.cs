using Microsoft.Extensions.Hosting;

namespace Coffer.Workload;

/// <summary>Takes no signals: the child's are the child's, and the command decides when a host ends.</summary>
internal sealed class NoLifetime : IHostLifetime
{
    public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
