namespace Coffer.Core;

public sealed partial class CofferCore
{
    private static readonly TimeSpan RotationTick = TimeSpan.FromSeconds(10);

    private readonly SemaphoreSlim _rotationsAsked = new(0, 1);

    /// <summary>Rotates secrets until cancelled: when one asks for it, and every few seconds what has fallen due.</summary>
    public async Task KeepRotatingAsync(CancellationToken cancellationToken)
    {
        TimeSpan least = TimeSpan.FromMicroseconds(_options.Retries.First);
        using PeriodicTimer timer = new(least < RotationTick ? least : RotationTick, _options.Clock);
        Task<bool> tick = timer.WaitForNextTickAsync(cancellationToken).AsTask();
        Task asked = _rotationsAsked.WaitAsync(cancellationToken);
        while (true)
        {
            Task first = await Task.WhenAny(tick, asked).ConfigureAwait(false);
            await first.ConfigureAwait(false);
            if (first == asked)
            {
                asked = _rotationsAsked.WaitAsync(cancellationToken);
            }
            else
            {
                tick = timer.WaitForNextTickAsync(cancellationToken).AsTask();
            }

            if (_running is { } running)
            {
                await running.Rotations.BeginDueAsync(cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Does the rotations that are due now and waits for their end; for tests.</summary>
    public async ValueTask RotateDueAsync(CancellationToken cancellationToken)
    {
        Running running = Run;
        while (await running.Rotations.BeginDueAsync(cancellationToken).ConfigureAwait(false) > 0)
        {
            await running.Rotations.WaitAsync().WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    private void AskForRotations()
    {
        try
        {
            _rotationsAsked.Release();
        }
        catch (Exception answered) when (answered is SemaphoreFullException or ObjectDisposedException)
        {
            // Asked already, or nobody listens any more.
        }
    }
}
