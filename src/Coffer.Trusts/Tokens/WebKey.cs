using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text.Json;

namespace Coffer.Trusts.Tokens;

/// <summary>A public key of an issuer (RFC 7517), RSA or elliptic curve. Symmetric keys are not read: whoever verifies with one can sign.</summary>
internal sealed class WebKey
{
    public const int MostKeys = 100;

    private const int MinRsaBits = 2048, MaxRsaBits = 8192;

    private readonly RSAParameters? _rsa;
    private readonly ECParameters? _curve;
    private readonly string? _curveAlgorithm, _algorithm;

    private WebKey(string? id, string? algorithm, RSAParameters? rsa, ECParameters? curve, string? curveAlgorithm) =>
        (Id, _algorithm, _rsa, _curve, _curveAlgorithm) = (id, algorithm, rsa, curve, curveAlgorithm);

    /// <summary>The key's id, or null.</summary>
    public string? Id { get; }

    /// <summary>Algorithms that a trust may pin: signatures by a private key that is not ours.</summary>
    public static ImmutableArray<string> Algorithms { get; } = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"];

    /// <summary>
    /// The keys of a set that can be used here; others (symmetric, for encryption, of unknown kinds) are passed over, as RFC 7517 asks.
    /// Null where it is no key set.
    /// </summary>
    public static ImmutableArray<WebKey>? ParseSet(ReadOnlyMemory<byte> json)
    {
        using JsonDocument? document = StrictJson.ParseObject(json);
        return document is null ? null : ParseSet(document.RootElement);
    }

    /// <summary>The same of an element.</summary>
    public static ImmutableArray<WebKey>? ParseSet(JsonElement set)
    {
        if (set.ValueKind != JsonValueKind.Object || !set.TryGetProperty("keys", out JsonElement keys) || keys.ValueKind != JsonValueKind.Array || keys.GetArrayLength() > MostKeys)
        {
            return null;
        }

        return [.. keys.EnumerateArray().Where(k => k.ValueKind == JsonValueKind.Object).Select(Parse).OfType<WebKey>()];
    }

    /// <summary>Whether the key is one for an algorithm. A key for RSA verifies no HMAC, whatever the token says.</summary>
    public bool Fits(string algorithm) =>
        (_algorithm is null || _algorithm == algorithm) && (_rsa is not null ? algorithm is ['R' or 'P', 'S', '2' or '3' or '5', _, _] : _curveAlgorithm == algorithm);

    /// <summary>Verifies a signature with a key that <see cref="Fits"/>.</summary>
    public bool Verify(string algorithm, ReadOnlySpan<byte> signed, ReadOnlySpan<byte> signature)
    {
        HashAlgorithmName hash = algorithm[2] switch
        {
            '2' => HashAlgorithmName.SHA256,
            '3' => HashAlgorithmName.SHA384,
            _ => HashAlgorithmName.SHA512,
        };
        try
        {
            // Made anew each time: these objects are not for several threads at once.
            if (_rsa is { } parameters)
            {
                using RSA rsa = RSA.Create(parameters);
                return signature.Length == parameters.Modulus!.Length && rsa.VerifyData(signed, signature, hash, algorithm[0] == 'P' ? RSASignaturePadding.Pss : RSASignaturePadding.Pkcs1);
            }

            using ECDsa curve = ECDsa.Create(_curve!.Value);
            return curve.VerifyData(signed, signature, hash, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
        }
        catch (CryptographicException)
        {
            return false;
        }
    }

    private static WebKey? Parse(JsonElement key)
    {
        string? use = StrictJson.Text(key, "use"), id = StrictJson.Text(key, "kid"), algorithm = StrictJson.Text(key, "alg");
        if (use is not (null or "sig") || (key.TryGetProperty("key_ops", out JsonElement operations) && !HasVerify(operations)))
        {
            return null;
        }

        return StrictJson.Text(key, "kty") switch
        {
            "RSA" => ParseRsa(key, id, algorithm),
            "EC" => ParseCurve(key, id, algorithm),
            _ => null,
        };
    }

    private static bool HasVerify(JsonElement operations) =>
        operations.ValueKind == JsonValueKind.Array && operations.EnumerateArray().Any(o => o.ValueKind == JsonValueKind.String && o.ValueEquals("verify"));

    private static WebKey? ParseRsa(JsonElement key, string? id, string? algorithm)
    {
        byte[]? modulus = Number(key, "n"), exponent = Number(key, "e");
        if (modulus is null || exponent is not { Length: <= 4 } || (exponent[^1] & 1) == 0 || (modulus[^1] & 1) == 0 || exponent is [1])
        {
            return null;
        }

        int bits = (modulus.Length * 8) - byte.LeadingZeroCount(modulus[0]);
        return bits is < MinRsaBits or > MaxRsaBits ? null : new(id, algorithm, new RSAParameters { Modulus = modulus, Exponent = exponent }, null, null);
    }

    private static WebKey? ParseCurve(JsonElement key, string? id, string? algorithm)
    {
        (ECCurve curve, int size, string own)? known = StrictJson.Text(key, "crv") switch
        {
            "P-256" => (ECCurve.NamedCurves.nistP256, 32, "ES256"),
            "P-384" => (ECCurve.NamedCurves.nistP384, 48, "ES384"),
            "P-521" => (ECCurve.NamedCurves.nistP521, 66, "ES512"),
            _ => null,
        };
        if (known is not { } found || StrictJson.Text(key, "x") is not { } x || StrictJson.Text(key, "y") is not { } y)
        {
            return null;
        }

        ECParameters parameters = new() { Curve = found.curve, Q = new() { X = CompactToken.Decode(x), Y = CompactToken.Decode(y) } };
        if (parameters.Q.X?.Length != found.size || parameters.Q.Y?.Length != found.size)
        {
            return null;
        }

        try
        {
            // A point that is not on the curve is refused here, once, and not at every login.
            using ECDsa probe = ECDsa.Create(parameters);
            return new(id, algorithm, null, parameters, found.own);
        }
        catch (CryptographicException)
        {
            return null;
        }
    }

    /// <summary>A big-endian number without the zeros that some issuers put in front.</summary>
    private static byte[]? Number(JsonElement key, string name)
    {
        byte[]? bytes = StrictJson.Text(key, name) is { } text ? CompactToken.Decode(text) : null;
        int zeros = bytes is null ? 0 : Math.Max(bytes.AsSpan().IndexOfAnyExcept((byte)0), 0);
        return bytes?[zeros..];
    }
}
