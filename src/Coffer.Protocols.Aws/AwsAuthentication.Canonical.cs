using System.Buffers;
using System.Collections.Frozen;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;

namespace Coffer.Protocols.Aws;

internal sealed partial class AwsAuthentication
{
    private static readonly SearchValues<char> Unreserved =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~");

    /// <summary>Names that SDKs sign, as one string each: looking a header up then allocates nothing.</summary>
    private static readonly FrozenSet<string>.AlternateLookup<ReadOnlySpan<char>> UsualHeaders = new[]
    {
        "accept", "accept-encoding", "amz-sdk-invocation-id", "amz-sdk-request", "content-length", "content-md5", "content-type", "date", "host",
        "user-agent", "x-amz-api-version", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token", "x-amz-target", "x-amz-user-agent",
    }.ToFrozenSet(StringComparer.Ordinal).GetAlternateLookup<ReadOnlySpan<char>>();

    /// <summary>Method, path, query, signed headers, their names and the body's hash, each in the one form that both sides agree on.</summary>
    private static void WriteCanonicalRequest(AwsBuffer into, HttpContext context, in AwsClaim claim, ReadOnlySpan<byte> bodyHash)
    {
        ReadOnlySpan<char> target = TargetOf(context);
        int mark = target.IndexOf('?');
        ReadOnlySpan<char> path = mark < 0 ? target : target[..mark];
        ReadOnlySpan<char> query = mark < 0 ? default : target[(mark + 1)..];

        into.Write(context.Request.Method);
        into.Write((byte)'\n');
        WritePath(into, path);
        into.Write((byte)'\n');
        if (!query.IsEmpty)
        {
            WriteQuery(into, query, claim.Presigned);
        }

        into.Write((byte)'\n');
        ReadOnlySpan<char> names = claim.SignedHeaders.Span;
        foreach (Range range in names.Split(';'))
        {
            ReadOnlySpan<char> name = names[range];
            into.Write(name);
            into.Write((byte)':');
            WriteHeader(into, context.Request.Headers[UsualHeaders.TryGetValue(name, out string? usual) ? usual : name.ToString()]);
            into.Write((byte)'\n');
        }

        into.Write((byte)'\n');
        into.Write(names);
        into.Write((byte)'\n');
        into.Write(bodyHash);
    }

    /// <summary>Path and query as they came, before anyone decoded them.</summary>
    private static ReadOnlySpan<char> TargetOf(HttpContext context)
    {
        ReadOnlySpan<char> target = context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        if (target.IsEmpty || target[0] == '/')
        {
            return target;
        }

        // A proxy's absolute form: what follows the authority is the path.
        int authority = target.IndexOf("://");
        int slash = authority < 0 ? -1 : target[(authority + 3)..].IndexOfAny('/', '?');
        return slash < 0 ? default : target[(authority + 3 + slash)..];
    }

    /// <summary>Each segment percent-encoded once more than it came; empty and dot segments resolved.</summary>
    private static void WritePath(AwsBuffer into, ReadOnlySpan<char> path)
    {
        into.Write((byte)'/');
        if (path.Length <= 1)
        {
            return;
        }

        List<Range> kept = [];
        foreach (Range range in path.Split('/'))
        {
            switch (path[range])
            {
                case "" or ".":
                    break;
                case "..":
                    if (kept.Count > 0)
                    {
                        kept.RemoveAt(kept.Count - 1);
                    }

                    break;
                default:
                    kept.Add(range);
                    break;
            }
        }

        for (int i = 0; i < kept.Count; i++)
        {
            if (i > 0)
            {
                into.Write((byte)'/');
            }

            Encode(into, path[kept[i]]);
        }

        if (kept.Count > 0 && path[^1] == '/')
        {
            into.Write((byte)'/');
        }
    }

    /// <summary>Names and values decoded and encoded anew, sorted by encoded name, then value. The signature itself is not part of it.</summary>
    private static void WriteQuery(AwsBuffer into, ReadOnlySpan<char> query, bool presigned)
    {
        List<(string Name, string Value)> pairs = [];
        foreach (Range range in query.Split('&'))
        {
            ReadOnlySpan<char> pair = query[range];
            int equals = pair.IndexOf('=');
            string name = Recode(equals < 0 ? pair : pair[..equals]);
            if (!pair.IsEmpty && !(presigned && name == "X-Amz-Signature"))
            {
                pairs.Add((name, equals < 0 ? "" : Recode(pair[(equals + 1)..])));
            }
        }

        pairs.Sort(static (a, b) => string.CompareOrdinal(a.Name, b.Name) is not 0 and var byName ? byName : string.CompareOrdinal(a.Value, b.Value));
        for (int i = 0; i < pairs.Count; i++)
        {
            if (i > 0)
            {
                into.Write((byte)'&');
            }

            into.Write(pairs[i].Name);
            into.Write((byte)'=');
            into.Write(pairs[i].Value);
        }
    }

    /// <summary>A header's values, each trimmed and with runs of spaces made one, joined by commas.</summary>
    private static void WriteHeader(AwsBuffer into, StringValues values)
    {
        for (int i = 0; i < values.Count; i++)
        {
            if (i > 0)
            {
                into.Write((byte)',');
            }

            ReadOnlySpan<char> rest = values[i].AsSpan().Trim(" \t");
            for (int run = rest.IndexOf("  "); run >= 0; run = rest.IndexOf("  "))
            {
                into.Write(rest[..(run + 1)]);
                rest = rest[run..].TrimStart(' ');
            }

            into.Write(rest);
        }
    }

    private static string Recode(ReadOnlySpan<char> text)
    {
        using AwsBuffer decoded = new(text.Length), encoded = new(text.Length * 3);
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] == '%' && i + 2 < text.Length && char.IsAsciiHexDigit(text[i + 1]) && char.IsAsciiHexDigit(text[i + 2]))
            {
                decoded.Write((byte)((Digit(text[i + 1]) << 4) | Digit(text[i + 2])));
                i += 2;
            }
            else
            {
                decoded.Write(text.Slice(i, 1));
            }
        }

        foreach (byte b in decoded.Span)
        {
            Encode(encoded, b);
        }

        return Encoding.ASCII.GetString(encoded.Span);
    }

    private static int Digit(char c) => char.IsAsciiDigit(c) ? c - '0' : (c | 0x20) - 'a' + 10;

    private static void Encode(AwsBuffer into, ReadOnlySpan<char> segment)
    {
        Span<byte> bytes = stackalloc byte[4];
        while (!segment.IsEmpty)
        {
            int odd = segment.IndexOfAnyExcept(Unreserved);
            into.Write(odd < 0 ? segment : segment[..odd]);
            if (odd < 0)
            {
                return;
            }

            Rune.DecodeFromUtf16(segment[odd..], out Rune rune, out int used);
            foreach (byte b in bytes[..rune.EncodeToUtf8(bytes)])
            {
                Encode(into, b);
            }

            segment = segment[(odd + used)..];
        }
    }

    private static void Encode(AwsBuffer into, byte b)
    {
        if (b < 0x80 && Unreserved.Contains((char)b))
        {
            into.Write(b);
            return;
        }

        into.Write((byte)'%');
        into.Write("0123456789ABCDEF"u8[b >> 4]);
        into.Write("0123456789ABCDEF"u8[b & 15]);
    }
}
