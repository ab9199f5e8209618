using System.Text;

namespace Coffer.Core.Audit.Indexing;

/// <summary>What a key is about: its first byte. Numbers are stored and frozen.</summary>
internal enum IndexField : byte
{
    /// <summary>Name of the principal, to the records that have it.</summary>
    Principal = 1,

    /// <summary><c>vault/name</c>, to the records.</summary>
    Path = 2,

    /// <summary>One core operation, or the wire's own, in capitals, to the records.</summary>
    Action = 3,

    /// <summary>One digit, to the records.</summary>
    Decision = 4,

    /// <summary>Public id of the credential, to the records.</summary>
    Credential = 5,

    /// <summary>The peer's address, to the records.</summary>
    Address = 6,

    /// <summary>Path, principal and version of a value that was read, to how often and the last record.</summary>
    Reader = 7,

    /// <summary>Principal, vault, operation and reason of what was allowed, to how often, when last, and which names.</summary>
    Use = 8,
}

/// <summary>
/// Composes keys. A key of one text is the field and the text in UTF-8; of several, each part ends with a zero byte, and a
/// zero inside a part is followed by 255, which UTF-8 never holds: so no text can pass for another part.
/// </summary>
internal static class IndexKey
{
    public static byte[] Of(IndexField field, ReadOnlySpan<char> text)
    {
        byte[] key = new byte[1 + Encoding.UTF8.GetByteCount(text)];
        key[0] = (byte)field;
        Encoding.UTF8.GetBytes(text, key.AsSpan(1));
        return key;
    }

    public static byte[] Of(AuditDecision decision) => [(byte)IndexField.Decision, (byte)decision];

    /// <summary>Operations are compared but for case.</summary>
    public static byte[] OfAction(string action) => Of(IndexField.Action, action.ToUpperInvariant());

    /// <summary>The beginning that all keys of these first parts share.</summary>
    public static byte[] OfParts(IndexField field, params ReadOnlySpan<string> parts)
    {
        LineBuffer key = new(256);
        key.Append((byte)field);
        foreach (string part in parts)
        {
            Part(key, Encoding.UTF8.GetBytes(part));
        }

        return key.Written.ToArray();
    }

    public static void Part(LineBuffer key, ReadOnlySpan<byte> text)
    {
        for (int zero; (zero = text.IndexOf((byte)0)) >= 0; text = text[(zero + 1)..])
        {
            key.Append(text[..(zero + 1)]);
            key.Append(byte.MaxValue);
        }

        key.Append(text);
        key.Append((byte)0);
    }

    /// <summary>The parts of a key of several, without its field.</summary>
    public static List<string> Parts(ReadOnlySpan<byte> key)
    {
        List<string> parts = [];
        LineBuffer part = new(256);
        for (key = key[1..]; !key.IsEmpty;)
        {
            int zero = key.IndexOf((byte)0);
            if (zero < 0)
            {
                throw IndexBytes.Damaged();
            }

            part.Append(key[..zero]);
            key = key[(zero + 1)..];
            if (key is [byte.MaxValue, ..])
            {
                part.Append((byte)0);
                key = key[1..];
                continue;
            }

            parts.Add(Encoding.UTF8.GetString(part.Written));
            part.Clear();
        }

        return parts;
    }

    /// <summary>32 bits of a request's id; what they find is compared in full.</summary>
    public static uint OfRequest(ReadOnlySpan<byte> id)
    {
        // FNV-1a, then mixed so that the upper bits depend on all of it: the array of them is searched by interpolation.
        ulong hash = 14695981039346656037;
        foreach (byte value in id)
        {
            hash = (hash ^ value) * 1099511628211;
        }

        hash = (hash ^ (hash >> 33)) * 0xFF51AFD7ED558CCD;
        hash = (hash ^ (hash >> 33)) * 0xC4CEB9FE1A85EC53;
        return (uint)((hash ^ (hash >> 33)) >> 32);
    }
}
