using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Serialization;

namespace Coffer.Contracts;

/// <summary>
/// Text that must not be seen: a value, a token, a passphrase. Held as UTF-8 in one pinned buffer that is zeroed by
/// <see cref="Dispose"/>; prints as <c>***</c>. In JSON it is a plain string, without a managed string in between.
/// </summary>
[JsonConverter(typeof(SecretTextConverter))]
[DebuggerDisplay("***")]
public sealed class SecretText : IDisposable
{
    private readonly byte[] _buffer;
    private readonly int _length;

    /// <summary>A copy of UTF-8 bytes. Throws <see cref="ArgumentException"/> where they are not UTF-8.</summary>
    public SecretText(ReadOnlySpan<byte> utf8)
        : this(Pinned(utf8), utf8.Length)
    {
        if (!System.Text.Unicode.Utf8.IsValid(utf8))
        {
            Dispose();
            throw new ArgumentException("the text is not UTF-8", nameof(utf8));
        }
    }

    internal SecretText(byte[] pinned, int length) => (_buffer, _length) = (pinned, length);

    /// <summary>The UTF-8 bytes; zeros once disposed.</summary>
    public ReadOnlySpan<byte> Utf8 => _buffer.AsSpan(0, _length);

    /// <summary>The UTF-8 bytes; zeros once disposed.</summary>
    public ReadOnlyMemory<byte> Memory => _buffer.AsMemory(0, _length);

    /// <summary>From characters: whoever holds them already cannot take them back out of memory.</summary>
    public static SecretText From(ReadOnlySpan<char> text)
    {
        byte[] buffer = GC.AllocateUninitializedArray<byte>(Encoding.UTF8.GetMaxByteCount(text.Length), pinned: true);
        return new(buffer, Encoding.UTF8.GetBytes(text, buffer));
    }

    /// <summary>The text as a string, which stays in memory until it is collected. For those who need one.</summary>
    public string Reveal() => Encoding.UTF8.GetString(Utf8);

    /// <inheritdoc/>
    public void Dispose() => CryptographicOperations.ZeroMemory(_buffer);

    /// <inheritdoc/>
    public override string ToString() => "***";

    private static byte[] Pinned(ReadOnlySpan<byte> bytes)
    {
        byte[] buffer = GC.AllocateUninitializedArray<byte>(bytes.Length, pinned: true);
        bytes.CopyTo(buffer);
        return buffer;
    }
}

/// <summary>Bytes that must not be seen. As <see cref="SecretText"/>; in JSON a base64 string.</summary>
[JsonConverter(typeof(SecretBytesConverter))]
[DebuggerDisplay("***")]
public sealed class SecretBytes : IDisposable
{
    private readonly byte[] _buffer;
    private readonly int _length;

    /// <summary>A copy of the bytes.</summary>
    public SecretBytes(ReadOnlySpan<byte> bytes)
    {
        _buffer = GC.AllocateUninitializedArray<byte>(bytes.Length, pinned: true);
        _length = bytes.Length;
        bytes.CopyTo(_buffer);
    }

    internal SecretBytes(byte[] pinned, int length) => (_buffer, _length) = (pinned, length);

    /// <summary>The bytes; zeros once disposed.</summary>
    public ReadOnlySpan<byte> Span => _buffer.AsSpan(0, _length);

    /// <summary>The bytes; zeros once disposed.</summary>
    public ReadOnlyMemory<byte> Memory => _buffer.AsMemory(0, _length);

    /// <inheritdoc/>
    public void Dispose() => CryptographicOperations.ZeroMemory(_buffer);

    /// <inheritdoc/>
    public override string ToString() => "***";
}
