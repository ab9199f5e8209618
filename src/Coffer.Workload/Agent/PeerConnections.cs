namespace Coffer.Workload.Agent;

/// <summary>
/// How many connections each user may hold open: an agent's are shared by all of its workloads, and nobody may take them all. Those who are refused
/// may hold a few, enough to be told so.
/// </summary>
internal sealed class PeerConnections
{
    public const int Most = 1024, MostAdmitted = 256, MostRefused = 16, MostRefusedOfAll = 256;

    private readonly Lock _gate = new();
    private readonly Dictionary<(uint Uid, bool IsRefused), int> _open = [];
    private int _refused;

    /// <summary>Counts a connection until what is answered is disposed; null where its user has as many as may be. A user who cannot be told is one too.</summary>
    public IDisposable? TryOpen(uint? uid, bool isRefused)
    {
        // No user has the highest number.
        (uint, bool) key = (uid ?? uint.MaxValue, isRefused);
        lock (_gate)
        {
            int open = _open.GetValueOrDefault(key);
            if (open >= (isRefused ? MostRefused : MostAdmitted) || (isRefused && _refused >= MostRefusedOfAll))
            {
                return null;
            }

            _open[key] = open + 1;
            _refused += isRefused ? 1 : 0;
        }

        return new Held(this, key);
    }

    private void Close((uint Uid, bool IsRefused) key)
    {
        lock (_gate)
        {
            _refused -= key.IsRefused ? 1 : 0;
            if (--_open[key] == 0)
            {
                _open.Remove(key);
            }
        }
    }

    private sealed class Held(PeerConnections all, (uint Uid, bool IsRefused) key) : IDisposable
    {
        private int _closed;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _closed, 1) == 0)
            {
                all.Close(key);
            }
        }
    }
}
