using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Coffer.Trusts.Outbound;

namespace Coffer.Trusts.Tokens;

/// <summary>Where an issuer's keys come from: two trusts that agree in all of this share them.</summary>
internal readonly record struct IssuerAddress(string Issuer, bool PrivateNetworks, string? Roots);

/// <summary>
/// Keys of issuers by discovery. They are kept for an hour; a key id that is not among them asks again, at most once a minute; and
/// where the issuer cannot be reached the old keys stay good for a day.
/// </summary>
internal sealed class IssuerKeys(OutboundHttp http, TimeProvider clock)
{
    public static readonly TimeSpan Fresh = TimeSpan.FromHours(1), Kept = TimeSpan.FromDays(1), BetweenTries = TimeSpan.FromMinutes(1);

    private const int MostIssuers = 1000;

    private readonly ConcurrentDictionary<IssuerAddress, Entry> _entries = new();

    /// <summary>
    /// The keys that a token of an issuer may be signed with: those that <paramref name="fits"/> lets through. Throws <see cref="OutboundException"/>
    /// where there are none and the issuer cannot be asked.
    /// </summary>
    public async ValueTask<ImmutableArray<WebKey>> FindAsync(IssuerAddress address, X509Certificate2Collection? roots, Func<WebKey, bool> fits, CancellationToken cancellationToken)
    {
        if (_entries.Count >= MostIssuers && !_entries.ContainsKey(address))
        {
            _entries.Clear();
        }

        Entry entry = _entries.GetOrAdd(address, static _ => new());
        long now = clock.GetTimestamp();
        KeySet? known = entry.Keys;
        bool fresh = known is not null && clock.GetElapsedTime(known.Fetched, now) < Fresh;
        ImmutableArray<WebKey> found = known is null ? [] : [.. known.Keys.Where(fits)];
        if (fresh && !found.IsEmpty)
        {
            return found;
        }

        // Not tied to this caller: whoever hangs up must neither stop the others' fetch nor use up its minute.
        if (await entry.RefreshAsync(() => FetchAsync(address, roots), clock).WaitAsync(cancellationToken).ConfigureAwait(false) is { } failure
            && (entry.Keys is not { } old || clock.GetElapsedTime(old.Fetched) >= Kept))
        {
            throw new OutboundException(failure);
        }

        return entry.Keys is { } current && clock.GetElapsedTime(current.Fetched) < Kept ? [.. current.Keys.Where(fits)] : [];
    }

    private async Task<ImmutableArray<WebKey>> FetchAsync(IssuerAddress address, X509Certificate2Collection? roots)
    {
        Uri discovery = OutboundHttp.TargetOf(address.Issuer.TrimEnd('/') + "/.well-known/openid-configuration") ?? throw new OutboundException("the issuer is no https address");
        using JsonDocument? document = StrictJson.ParseObject(await GetAsync(discovery, address, roots).ConfigureAwait(false));
        if (document is null)
        {
            throw new OutboundException("the issuer's discovery document is malformed");
        }

        // A document that speaks for another issuer could bring that one's keys in.
        if (!string.Equals(StrictJson.Text(document.RootElement, "issuer"), address.Issuer, StringComparison.Ordinal))
        {
            throw new OutboundException("the discovery document names another issuer");
        }

        Uri keys = (StrictJson.Text(document.RootElement, "jwks_uri") is { } uri ? OutboundHttp.TargetOf(uri) : null) ?? throw new OutboundException("the discovery document names no https address of keys");
        return WebKey.ParseSet(await GetAsync(keys, address, roots).ConfigureAwait(false)) is { IsEmpty: false } set ? set : throw new OutboundException("the issuer's key set has no key that can be used");
    }

    private async Task<byte[]> GetAsync(Uri target, IssuerAddress address, X509Certificate2Collection? roots)
    {
        OutboundRequest request = new() { Target = target, Headers = [("Accept", "application/json")], PrivateNetworks = address.PrivateNetworks, Roots = roots };
        OutboundAnswer answer = await http.SendAsync(request, CancellationToken.None).ConfigureAwait(false);
        return answer.Status == HttpStatusCode.OK ? answer.Body : throw new OutboundException($"the issuer answered {(int)answer.Status}");
    }

    private sealed record KeySet(ImmutableArray<WebKey> Keys, long Fetched);

    private sealed class Entry
    {
        private readonly Lock _gate = new();
        private Task<string?> _running = Task.FromResult<string?>(null);
        private long? _tried;

        public KeySet? Keys { get; private set; }

        /// <summary>Joins the fetch that runs, or begins one unless the last was less than a minute ago; answers why the last one failed, or null.</summary>
        public Task<string?> RefreshAsync(Func<Task<ImmutableArray<WebKey>>> fetch, TimeProvider clock)
        {
            lock (_gate)
            {
                if (!_running.IsCompleted || (_tried is { } tried && clock.GetElapsedTime(tried) < BetweenTries))
                {
                    return _running;
                }

                _tried = clock.GetTimestamp();
                return _running = RunAsync(fetch, clock);
            }
        }

        private async Task<string?> RunAsync(Func<Task<ImmutableArray<WebKey>>> fetch, TimeProvider clock)
        {
            // Off the lock before anything is called.
            await Task.Yield();
            try
            {
                ImmutableArray<WebKey> keys = await fetch().ConfigureAwait(false);
                Keys = new(keys, clock.GetTimestamp());
                return null;
            }
            catch (OutboundException failure)
            {
                return failure.Message;
            }
        }
    }
}
