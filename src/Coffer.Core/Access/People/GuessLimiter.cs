using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Coffer.Core.Errors;

namespace Coffer.Core.Access.People;

/// <summary>What is guessed at. Each counts by itself, so that knowing one is no way to guess longer at the other.</summary>
[Flags]
internal enum GuessedFactor
{
    /// <summary>Neither: what cannot be guessed counts to the address only.</summary>
    None = 0,

    /// <summary>The password.</summary>
    Password = 1,

    /// <summary>One-time and recovery codes.</summary>
    Code = 2,

    /// <summary>Both, as a login does.</summary>
    All = Password | Code,
}

/// <summary>
/// How often may be guessed: a few tries free, then each waits twice as long as the one before, then none for a while. A try
/// counts when it begins, so that many at once are no way around it, and is given back when it was right. In memory, and
/// bounded without anything being pushed out: names that nobody has and addresses share a fixed number of slots.
/// </summary>
internal sealed class GuessLimiter(TimeProvider clock)
{
    /// <summary>Tries of one name that wait for nothing.</summary>
    public const int FreePerName = 3;

    /// <summary>Tries of one name after which it is locked.</summary>
    public const int MostPerName = 10;

    /// <summary>Tries of one address that wait for nothing: many people may share one.</summary>
    public const int FreePerAddress = 50;

    /// <summary>Tries of one address after which it is locked.</summary>
    public const int MostPerAddress = 60;

    /// <summary>How long a lock lasts, and how long without a try makes earlier ones forgotten.</summary>
    public static readonly TimeSpan Lock = TimeSpan.FromMinutes(15);

    private readonly Dictionary<string, Entry> _entries = new(StringComparer.Ordinal);
    private readonly Lock _gate = new();
    private readonly byte[] _key = RandomNumberGenerator.GetBytes(32);

    /// <summary>Names and addresses counted now.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _entries.Count;
            }
        }
    }

    /// <summary>Counts a try, or throws Throttled with how long to wait.</summary>
    /// <param name="person">Whom the name belongs to, or null.</param>
    /// <param name="name">The name as it was given. Null where there is none, or none that anybody could have.</param>
    /// <param name="address">Where the try comes from, or null for the local socket.</param>
    /// <param name="factors">What of a person is tried.</param>
    public void Take(Guid? person, string? name, IPAddress? address, GuessedFactor factors)
    {
        lock (_gate)
        {
            (string Key, int Free, int Most)[] counted = [.. Keys(person, name, address, factors)];
            TimeSpan wait = counted.Select(k => WaitOf(k.Key)).Append(TimeSpan.Zero).Max();
            if (wait > TimeSpan.Zero)
            {
                throw Error.Throttled(wait);
            }

            foreach ((string key, int free, int most) in counted)
            {
                int tries = (_entries.TryGetValue(key, out Entry? entry) && Since(entry.Last) < Lock ? entry.Tries : 0) + 1;
                _entries[key] = new(tries, clock.GetTimestamp(), tries >= most ? Lock : tries <= free ? TimeSpan.Zero : TimeSpan.FromSeconds(1 << (tries - free - 1)));
            }
        }
    }

    /// <summary>The try was right: what was proven starts anew, and the address gets its try back.</summary>
    public void Right(Guid person, IPAddress? address, GuessedFactor proven)
    {
        lock (_gate)
        {
            Forget(person, proven);
            if (address is not null)
            {
                GiveBack(KeyOf(address));
            }
        }
    }

    /// <summary>The try was none, since nothing was compared: everything that <see cref="Take"/> counted is as before.</summary>
    public void GiveBack(Guid? person, string? name, IPAddress? address, GuessedFactor factors)
    {
        lock (_gate)
        {
            foreach ((string key, _, _) in Keys(person, name, address, factors))
            {
                GiveBack(key);
            }
        }
    }

    /// <summary>Lets a person try again at once.</summary>
    public void Forgive(Guid person)
    {
        lock (_gate)
        {
            Forget(person, GuessedFactor.All);
        }
    }

    /// <summary>Drops what counts no more.</summary>
    public void Prune()
    {
        lock (_gate)
        {
            foreach ((string key, Entry entry) in _entries.ToArray())
            {
                if (Since(entry.Last) >= Lock)
                {
                    _entries.Remove(key);
                }
            }
        }
    }

    private void Forget(Guid person, GuessedFactor factors)
    {
        foreach ((string key, _, _) in Keys(person, null, null, factors))
        {
            _entries.Remove(key);
        }
    }

    private void GiveBack(string key)
    {
        if (_entries.TryGetValue(key, out Entry? entry))
        {
            _entries[key] = new(entry.Tries - 1, entry.Last, TimeSpan.Zero);
        }
    }

    private IEnumerable<(string Key, int Free, int Most)> Keys(Guid? person, string? name, IPAddress? address, GuessedFactor factors)
    {
        if (person is { } id)
        {
            if (factors.HasFlag(GuessedFactor.Password))
            {
                yield return ($"person/{id:N}/password", FreePerName, MostPerName);
            }

            if (factors.HasFlag(GuessedFactor.Code))
            {
                yield return ($"person/{id:N}/code", FreePerName, MostPerName);
            }
        }
        else if (name is not null)
        {
            yield return ("name/" + Slot(Encoding.UTF8.GetBytes(name)), FreePerName, MostPerName);
        }

        if (address is not null)
        {
            yield return (KeyOf(address), FreePerAddress, MostPerAddress);
        }
    }

    private TimeSpan WaitOf(string key) => _entries.TryGetValue(key, out Entry? entry) ? entry.Wait - Since(entry.Last) : TimeSpan.Zero;

    private TimeSpan Since(long timestamp) => clock.GetElapsedTime(timestamp);

    // Whoever has an IPv6 address has the 2^64 beside it as well.
    private string KeyOf(IPAddress address)
    {
        IPAddress plain = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        ReadOnlySpan<byte> bytes = plain.GetAddressBytes();
        return "address/" + Slot(plain.AddressFamily == AddressFamily.InterNetworkV6 ? bytes[..8] : bytes);
    }

    // Keyed, so that nobody can choose what shares a slot with whom.
    private string Slot(ReadOnlySpan<byte> text)
    {
        Span<byte> digest = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(_key, text, digest);
        return BinaryPrimitives.ReadUInt16BigEndian(digest).ToString(CultureInfo.InvariantCulture);
    }

    private sealed record Entry(int Tries, long Last, TimeSpan Wait);
}
