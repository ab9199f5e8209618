namespace Coffer.Core.Audit;

/// <summary>
/// Whole lines of one file, in constant memory. At the end of the file it can be asked again when the file has grown.
/// </summary>
internal sealed class TrailLineReader(Stream stream, long offset = 0, int bufferSize = 256 * 1024) : IDisposable
{
    private byte[] _buffer = new byte[bufferSize];
    private int _start;
    private int _end;
    private int _seen;
    private bool _overlong;

    /// <summary>Where the line last read begins.</summary>
    public long LineOffset { get; private set; }

    /// <summary>Where the next line begins: behind the last line feed read.</summary>
    public long Offset { get; private set; } = offset;

    /// <summary>Lines read so far.</summary>
    public long Lines { get; private set; }

    /// <summary>Bytes behind the last line feed, once <see cref="TryRead"/> has answered false.</summary>
    public ReadOnlySpan<byte> Rest => _buffer.AsSpan(_start, _end - _start);

    public long RestLength => _position - Offset;

    private long _position = offset;

    /// <summary>
    /// The next line without its line feed, valid until the next call; false at the end of what is there. Of a line longer
    /// than <see cref="AuditLimits.LineBytes"/> only the beginning.
    /// </summary>
    public bool TryRead(out ReadOnlySpan<byte> line)
    {
        while (true)
        {
            int feed = _buffer.AsSpan(_seen, _end - _seen).IndexOf((byte)'\n');
            if (feed >= 0)
            {
                feed += _seen;
                line = _buffer.AsSpan(_start, _overlong ? int.Min(64, feed - _start) : feed - _start);
                LineOffset = Offset;
                Offset = _position - (_end - feed - 1);
                _start = _seen = feed + 1;
                _overlong = false;
                Lines++;
                return true;
            }

            _seen = _end;
            if (!Fill())
            {
                line = default;
                return false;
            }
        }
    }

    public void Dispose() => stream.Dispose();

    private bool Fill()
    {
        if (_start == _end)
        {
            _start = _end = _seen = 0;
        }

        if (_end == _buffer.Length && _start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            (_end, _seen, _start) = (_end - _start, _seen - _start, 0);
        }

        if (_end == _buffer.Length)
        {
            if (_buffer.Length >= AuditLimits.LineBytes)
            {
                // Not a line of ours: keep its beginning, let the rest go by.
                _overlong = true;
                _end = _seen = 64;
            }
            else
            {
                Array.Resize(ref _buffer, _buffer.Length * 2);
            }
        }

        if (stream.Position != _position)
        {
            stream.Position = _position;
        }

        int read = stream.Read(_buffer, _end, _buffer.Length - _end);
        _end += read;
        _position += read;
        return read > 0;
    }
}
