using System.Runtime.InteropServices;
using System.Text;
using Coffer.Sources;

namespace Coffer.Launch.Environments;

/// <summary>
/// The variables of a process as the bytes they are. What is not changed is handed on untouched, also where it is not UTF-8 or not even
/// <c>NAME=value</c>, which <see cref="Environment"/> would lose.
/// </summary>
internal sealed class EnvironmentBlock
{
    private static readonly UTF8Encoding Strict = new(false, true);
    private readonly List<byte[]?> _entries = [];
    private readonly Dictionary<string, int> _first = new(StringComparer.Ordinal);

    public EnvironmentBlock(IEnumerable<byte[]> entries)
    {
        foreach (byte[] entry in entries)
        {
            if (entry.AsSpan().IndexOf((byte)'=') is > 0 and var equals)
            {
                _first.TryAdd(Encoding.UTF8.GetString(entry.AsSpan(0, equals)), _entries.Count);
            }

            _entries.Add(entry);
        }
    }

    /// <summary>Names in their order.</summary>
    public IEnumerable<string> Names => _first.Keys;

    public IEnumerable<byte[]> Entries => _entries.Where(entry => entry is not null)!;

    /// <summary>The environment that this process was started with.</summary>
    public static unsafe EnvironmentBlock OfProcess()
    {
        byte** at = *(byte***)NativeLibrary.GetExport(NativeLibrary.GetMainProgramHandle(), "environ");
        List<byte[]> entries = [];
        for (; at is not null && *at is not null; at++)
        {
            entries.Add(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(*at).ToArray());
        }

        return new(entries);
    }

    public bool Has(string name) => _first.ContainsKey(name);

    /// <summary>The bytes of a variable, or null if it is not set.</summary>
    public byte[]? Bytes(string name) => _first.TryGetValue(name, out int index) ? _entries[index]![(_entries[index].AsSpan().IndexOf((byte)'=') + 1)..] : null;

    /// <summary>The text of a variable, or null if it is not set. Throws if it is not UTF-8.</summary>
    public string? Text(string name)
    {
        try
        {
            return Bytes(name) is { } bytes ? Strict.GetString(bytes) : null;
        }
        catch (DecoderFallbackException)
        {
            throw new SourceException(SourceErrorKind.Invalid, $"the environment variable {SourceException.Printable(name)} is not UTF-8", "it can be passed on, but not used in an expansion or reference");
        }
    }

    public void Set(string name, string value)
    {
        byte[] entry = Encoding.UTF8.GetBytes($"{name}={value}");
        if (_first.TryGetValue(name, out int index))
        {
            // A second entry of the name, which some programs would read in place of the first, goes.
            RemoveFrom(index + 1, name);
            _entries[index] = entry;
        }
        else
        {
            _first.Add(name, _entries.Count);
            _entries.Add(entry);
        }
    }

    public void Remove(string name)
    {
        if (_first.Remove(name, out int index))
        {
            RemoveFrom(index, name);
        }
    }

    /// <summary>A block with only the entries whose name <paramref name="keep"/> accepts.</summary>
    public EnvironmentBlock Where(Func<string, bool> keep) => new(Names.Where(keep).Select(name => _entries[_first[name]]!));

    private void RemoveFrom(int index, string name)
    {
        byte[] prefix = Encoding.UTF8.GetBytes(name + "=");
        for (int i = index; i < _entries.Count; i++)
        {
            if (_entries[i] is { } entry && entry.AsSpan().StartsWith(prefix))
            {
                _entries[i] = null;
            }
        }
    }
}
