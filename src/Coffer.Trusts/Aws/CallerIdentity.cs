using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Xml;

namespace Coffer.Trusts.Aws;

/// <summary>The answer to GetCallerIdentity.</summary>
internal static class CallerIdentity
{
    private const string Space = "https://sts.amazonaws.com/doc/2011-06-15/", Root = "GetCallerIdentityResponse", Result = "GetCallerIdentityResult";
    private const int MaxCharacters = 64 * 1024;

    private static readonly XmlReaderSettings Settings = new()
    {
        DtdProcessing = DtdProcessing.Prohibit,
        XmlResolver = null,
        MaxCharactersInDocument = MaxCharacters,
        MaxCharactersFromEntities = 0,
        IgnoreComments = true,
        IgnoreWhitespace = true,
        IgnoreProcessingInstructions = true,
    };

    /// <summary><c>account</c>, <c>arn</c> and <c>userid</c>, or null where the document is not exactly that answer.</summary>
    public static FrozenDictionary<string, ImmutableArray<string>>? Parse(byte[] xml)
    {
        Dictionary<string, string> found = new(StringComparer.Ordinal);
        try
        {
            using MemoryStream stream = new(xml);
            using XmlReader reader = XmlReader.Create(stream, Settings);
            if (reader.MoveToContent() != XmlNodeType.Element || !Is(reader, Root, 0))
            {
                return null;
            }

            int results = 0;
            bool inside = false;
            while (reader.Read())
            {
                if (reader.NodeType == XmlNodeType.EndElement && reader.Depth == 1)
                {
                    inside = false;
                }

                while (reader.NodeType == XmlNodeType.Element)
                {
                    if (reader.Depth == 1)
                    {
                        inside = Is(reader, Result, 1);
                        results += inside ? 1 : 0;
                        break;
                    }

                    // Only what stands right there counts, wherever else the same names may turn up.
                    if (!inside || reader.Depth != 2)
                    {
                        break;
                    }

                    string name = reader.LocalName;
                    // Moves behind the element, to what may be the next one.
                    if (reader.NamespaceURI != Space || !found.TryAdd(name, reader.ReadElementContentAsString()))
                    {
                        return null;
                    }
                }

                if (reader.NodeType == XmlNodeType.EndElement && reader.Depth == 1)
                {
                    inside = false;
                }
            }

            return results == 1 && found.Count == 3 && found.TryGetValue("Account", out string? account) && found.TryGetValue("Arn", out string? arn) && found.TryGetValue("UserId", out string? user)
                && account.Length == 12 && account.All(char.IsAsciiDigit) && IsText(user) && IsText(arn) && arn.Split(':', 6) is ["arn", { Length: > 0 }, "iam" or "sts", "", var owner, { Length: > 0 }] && owner == account
                ? new Dictionary<string, ImmutableArray<string>>(StringComparer.Ordinal) { ["account"] = [account], ["arn"] = [arn], ["userid"] = [user] }.ToFrozenDictionary(StringComparer.Ordinal)
                : null;
        }
        catch (XmlException)
        {
            return null;
        }
    }

    private static bool Is(XmlReader reader, string name, int depth) => reader.LocalName == name && reader.NamespaceURI == Space && reader.Depth == depth;

    private static bool IsText(string text) => text.Length is > 0 and <= 2048 && !text.AsSpan().ContainsAnyExceptInRange('!', '~');
}
