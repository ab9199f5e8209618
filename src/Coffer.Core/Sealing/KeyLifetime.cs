namespace Coffer.Core.Sealing;

/// <summary>
/// Lets key material be zeroed while requests are under way: one that has begun finishes with its keys intact, one that
/// begins later is refused, and the last one out zeroes. Lock-free; one interlocked step at each end of an operation.
/// </summary>
/// <param name="zero">Zeroes the keys. May run more than once, never while an operation is under way.</param>
internal sealed class KeyLifetime(Action zero)
{
    private const int Closed = int.MinValue;

    // Operations under way; the top bit says closed.
    private int _state;

    public bool IsClosed => Volatile.Read(ref _state) < 0;

    /// <summary>Begins an operation; dispose the result at its end. Throws <see cref="SealedException"/> once closed.</summary>
    public Use Enter()
    {
        if (Interlocked.Increment(ref _state) < 0)
        {
            Exit();
            throw new SealedException();
        }

        return new(this);
    }

    /// <summary>Refuses new operations and zeroes, now or when the last one under way ends. Further calls do nothing.</summary>
    public void Close()
    {
        if (Interlocked.Or(ref _state, Closed) == 0)
        {
            zero();
        }
    }

    private void Exit()
    {
        if (Interlocked.Decrement(ref _state) == Closed)
        {
            zero();
        }
    }

    /// <summary>One operation under way.</summary>
    public readonly ref struct Use(KeyLifetime owner) : IDisposable
    {
        public void Dispose() => owner.Exit();
    }
}
