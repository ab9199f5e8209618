using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Coffer.Core.Access;

namespace Coffer.Trusts.Certificates;

/// <summary>What a certificate says of its holder: <c>cn</c>, <c>ou</c>, <c>o</c>, <c>dns</c>, <c>uri</c>, <c>email</c>, <c>serial</c>, <c>fingerprint</c>, <c>issuer</c>.</summary>
internal static class CertificateClaims
{
    private const string AlternativeNames = "2.5.29.17";

    private static readonly FrozenDictionary<string, string> NameParts = new Dictionary<string, string> { ["2.5.4.3"] = "cn", ["2.5.4.10"] = "o", ["2.5.4.11"] = "ou" }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>The claims, or null where a name is not plain text. Throws AsnContentException.</summary>
    public static ProvenClaims? Of(X509Certificate2 certificate)
    {
        Dictionary<string, ImmutableArray<string>> values = new(StringComparer.Ordinal)
        {
            ["serial"] = [Convert.ToHexStringLower(certificate.SerialNumberBytes.Span)],
            ["fingerprint"] = [Convert.ToHexStringLower(SHA256.HashData(certificate.RawDataMemory.Span))],
            ["issuer"] = [certificate.IssuerName.Name],
        };
        foreach (X500RelativeDistinguishedName part in certificate.SubjectName.EnumerateRelativeDistinguishedNames())
        {
            // A part of several attributes is one that two readers read in two ways.
            if (!part.HasMultipleElements && NameParts.TryGetValue(part.GetSingleElementType().Value ?? "", out string? name) && part.GetSingleElementValue() is { Length: > 0 } value)
            {
                Add(values, name, value);
            }
        }

        foreach (X509Extension extension in certificate.Extensions.Where(e => e.Oid?.Value == AlternativeNames))
        {
            AsnReader names = new AsnReader(extension.RawData, AsnEncodingRules.DER).ReadSequence();
            while (names.HasData)
            {
                Asn1Tag tag = names.PeekTag();
                string? claim = tag.TagClass != TagClass.ContextSpecific ? null : tag.TagValue switch { 1 => "email", 2 => "dns", 6 => "uri", _ => null };
                if (claim is null)
                {
                    names.ReadEncodedValue();
                }
                else
                {
                    Add(values, claim, names.ReadCharacterString(UniversalTagNumber.IA5String, tag));
                }
            }
        }

        // A zero byte in a name ends it for some readers and not for others.
        return values.Values.Any(v => v.Any(t => t.Any(char.IsControl))) ? null : new(values.ToFrozenDictionary(StringComparer.Ordinal), new DateTimeOffset(certificate.NotAfter.ToUniversalTime()).ToUnixTimeSeconds() * 1_000_000);
    }

    private static void Add(Dictionary<string, ImmutableArray<string>> values, string claim, string value) =>
        values[claim] = values.TryGetValue(claim, out ImmutableArray<string> before) ? before.Add(value) : [value];
}
