using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using Coffer.Core.Sealing;
using Coffer.Core.Secrets;
using Coffer.Core.Stores;
using Xunit;
using static Coffer.Core.Tests.Sealing.TestKeys;

namespace Coffer.Core.Tests.Sealing;

/// <summary>
/// Vectors made by another implementation (<c>Vectors/make_vectors.py</c>) freeze what is stored. They may grow; none may change.
/// </summary>
public sealed class VectorTests
{
    private static readonly JsonElement Sealed = Vectors("sealed-values.json");
    private static readonly JsonElement Rows = Vectors("row-macs.json");
    private static readonly JsonElement Tables = Vectors("key-table.json");
    private static readonly JsonElement Shares = Vectors("shamir.json");

    public static TheoryData<string> Good => [.. Names(Sealed, "good")];

    public static TheoryData<string> Bad => [.. Names(Sealed, "bad")];

    [Theory]
    [MemberData(nameof(Good))]
    public void A_good_vector_opens(string name)
    {
        JsonElement vector = Find("good", name);
        using Keyring keys = Ring(Sealed);

        using SecretValue opened = keys.Open(Hex(vector, "sealed"), Context(vector));

        Assert.Equal(Hex(vector, "plaintext"), opened.Span);
    }

    [Theory]
    [MemberData(nameof(Good))]
    public void Sealing_with_the_nonce_of_a_good_vector_gives_its_bytes(string name)
    {
        JsonElement vector = Find("good", name);
        byte[] expected = Hex(vector, "sealed");
        uint keyId = SealedValue.KeyIdOf(expected);
        JsonElement key = Sealed.GetProperty("dataKeys").EnumerateArray().Single(k => k.GetProperty("id").GetUInt32() == keyId);

        byte[] made = SealedValue.Seal(new DataKey(keyId, Hex(key, "key")), Hex(vector, "plaintext"), Context(vector), expected.AsSpan(5, 12));

        Assert.Equal(expected, made);
    }

    [Theory]
    [MemberData(nameof(Bad))]
    public void A_bad_vector_fails_by_its_own_rule(string name)
    {
        JsonElement vector = Find("bad", name);
        using Keyring keys = Ring(Sealed);

        SealIntegrityException refused = Assert.Throws<SealIntegrityException>(() => keys.Open(Hex(vector, "sealed"), Context(vector)).Dispose());

        Assert.Equal(vector.GetProperty("failure").GetString(), refused.Reason.ToString());
    }

    [Fact]
    public void Every_failure_has_a_vector() =>
        Assert.Equal(Enum.GetNames<SealFailure>().Order(), Sealed.GetProperty("bad").EnumerateArray().Select(v => v.GetProperty("failure").GetString()!).Distinct().Order());

    [Fact]
    public void A_row_has_the_canonical_form_and_the_MACs_of_the_vector()
    {
        using Keyring keys = Ring(Rows);
        RowWriter row = new();
        foreach (JsonElement field in Rows.GetProperty("fields").EnumerateArray())
        {
            Write(ref row, field);
        }

        Assert.Equal(Hex(Rows, "canonical"), row.Written);
        JsonElement[] macs = [.. Rows.GetProperty("macs").EnumerateArray()];
        Assert.Equal(Enum.GetValues<RowKind>().Length, macs.Length);
        foreach (JsonElement vector in macs)
        {
            RowKind kind = (RowKind)vector.GetProperty("kind").GetInt32();
            Assert.Equal(Hex(vector, "mac"), keys.Mac(kind, row.Written));
            Assert.True(keys.VerifyMac(kind, row.Written, Hex(vector, "mac")));
        }

        row.Dispose();
    }

    [Fact]
    public void Index_and_derived_keys_are_those_of_the_vector()
    {
        using Keyring keys = Ring(Rows);

        Assert.Equal(Hex(Rows.GetProperty("index"), "hash"), keys.Index(Hex(Rows.GetProperty("index"), "token")));
        Assert.Equal(Hex(Rows.GetProperty("derived"), "key"), keys.DeriveKey(Rows.GetProperty("derived").GetProperty("purpose").GetString()!));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void A_key_table_of_the_vector_opens_and_its_keys_open_values(int index)
    {
        KeyTable table = Table(index);

        using Keyring keys = SealService.Open(new VectorSeal(), table);

        Assert.Equal(table.Keys[^1].KeyId, keys.NewestKeyId);
        JsonElement vector = Find("good", "value");
        using SecretValue opened = keys.Open(Hex(vector, "sealed"), Context(vector));
        Assert.Equal(Hex(vector, "plaintext"), opened.Span);
        Assert.Equal(Tables.GetProperty("auditKeyId").GetString(), keys.AuditSigner.KeyId);
        byte[] mac = new byte[32];
        keys.AuditSigner.Mac(Hex(Tables.GetProperty("auditMac"), "data"), mac);
        Assert.Equal(Hex(Tables.GetProperty("auditMac"), "mac"), mac);
    }

    public static TheoryData<string, Func<KeyTable, KeyTable>> Changes => new()
    {
        { "revision", t => t with { Revision = t.Revision + 1 } },
        { "key dropped", t => t with { Keys = t.Keys.RemoveAt(1) } },
        { "last key dropped", t => t with { Keys = t.Keys.RemoveAt(2) } },
        { "no keys", t => t with { Keys = [] } },
        { "key twice", t => t with { Keys = t.Keys.Add(t.Keys[0]) } },
        { "keys exchanged", t => t with { Keys = [t.Keys[0] with { Wrapped = t.Keys[1].Wrapped }, t.Keys[1] with { Wrapped = t.Keys[0].Wrapped }, t.Keys[2]] } },
        { "key id", t => t with { Keys = t.Keys.SetItem(0, t.Keys[0] with { KeyId = 5 }) } },
        { "age of a key", t => t with { Keys = t.Keys.SetItem(0, t.Keys[0] with { CreatedAt = 1 }) } },
        { "wrapped key", t => t with { Keys = t.Keys.SetItem(0, t.Keys[0] with { Wrapped = Flip(t.Keys[0].Wrapped, 20) }) } },
        { "wrapped key cut", t => t with { Keys = t.Keys.SetItem(0, t.Keys[0] with { Wrapped = t.Keys[0].Wrapped[..^1] }) } },
        { "layout", t => Edit(t, "\"layout\":1", "\"layout\":2") },
        { "parameter", t => Edit(t, "\"memoryKib\":65536", "\"memoryKib\":65537") },
        { "parameter added", t => Edit(t, "\"passes\":3", "\"passes\":3,\"extra\":1") },
        { "parameter twice", t => Edit(t, "\"passes\":3", "\"passes\":3,\"passes\":3") },
        { "parameter dropped", t => Edit(t, "\"passes\":3,", "") },
        { "root", t => EditBytes(t, "root") },
        { "audit public key", t => EditBytes(t, "auditPublicKey") },
        { "audit private key", t => EditBytes(t, "auditPrivateKey") },
        { "mac", t => EditBytes(t, "mac") },
        { "no JSON", t => t with { Seal = [.. "{"u8] } },
        { "another JSON", t => t with { Seal = [.. "null"u8] } },
        { "nothing", t => t with { Seal = [] } },
    };

    [Theory]
    [MemberData(nameof(Changes), DisableDiscoveryEnumeration = true)]
    public void A_key_table_that_was_changed_does_not_open(string what, Func<KeyTable, KeyTable> change)
    {
        Assert.NotEmpty(what);
        Assert.Throws<SealIntegrityException>(() => SealService.Open(new VectorSeal(), change(Table(1))).Dispose());
    }

    [Fact]
    public void Products_in_the_field_are_those_of_the_vector()
    {
        foreach (JsonElement[] product in Shares.GetProperty("products").EnumerateArray().Select(p => p.EnumerateArray().ToArray()))
        {
            Assert.Equal(product[2].GetByte(), Shamir.Multiply(product[0].GetByte(), product[1].GetByte()));
        }
    }

    [Fact]
    public void Any_three_shares_of_the_vector_give_its_secret()
    {
        string[] texts = [.. Shares.GetProperty("shares").EnumerateArray().Select(s => s.GetString()!)];
        SealParameters parameters = ShareParameters();
        for (int subset = 0; subset < 1 << texts.Length; subset++)
        {
            if (int.PopCount(subset) != 3)
            {
                continue;
            }

            using ShamirSeal seal = new();
            for (int i = 0; i < texts.Length; i++)
            {
                if ((subset & (1 << i)) != 0)
                {
                    seal.Give(Encoding.UTF8.GetBytes(texts[i]), parameters);
                }
            }

            using SecretValue key = seal.Open(parameters);
            Assert.Equal(Hex(Shares, "secret"), key.Span);
        }
    }

    [Fact]
    public void Text_that_is_no_share_is_refused()
    {
        using ShamirSeal seal = new();
        foreach (string text in Shares.GetProperty("malformed").EnumerateArray().Select(s => s.GetString()!).Append(Shares.GetProperty("mistyped").GetString()!))
        {
            Assert.Equal(SealRefusal.BadShare, Assert.Throws<SealRefusedException>(() => seal.Give(Encoding.UTF8.GetBytes(text))).Reason);
        }

        Assert.Equal(0, seal.Given);
    }

    [Theory]
    [InlineData("foreign", "another set")]
    [InlineData("wrong", "not one of those handed out")]
    [InlineData("wrongIndex", "not one of those handed out")]
    public void A_share_that_was_not_handed_out_is_refused_and_spoils_nothing(string which, string why)
    {
        string[] texts = [.. Shares.GetProperty("shares").EnumerateArray().Select(s => s.GetString()!)];
        SealParameters parameters = ShareParameters();
        using ShamirSeal seal = new();

        SealRefusedException refused = Assert.Throws<SealRefusedException>(() => seal.Give(Encoding.UTF8.GetBytes(Shares.GetProperty(which).GetString()!), parameters));

        Assert.Equal(SealRefusal.BadShare, refused.Reason);
        Assert.Contains(why, refused.Message, StringComparison.Ordinal);
        Assert.Equal(2, seal.Give(Encoding.UTF8.GetBytes(texts[0]), parameters));
        Assert.Equal(1, seal.Give(Encoding.UTF8.GetBytes(texts[1].ToUpperInvariant().Replace("COFFER-SHARE-", "coffer-share-", StringComparison.Ordinal)), parameters));
        Assert.Equal(0, seal.Give(Encoding.UTF8.GetBytes($" {texts[4]}\r\n"), parameters));
        using SecretValue key = seal.Open(parameters);
        Assert.Equal(Hex(Shares, "secret"), key.Span);
    }

    private static IEnumerable<string> Names(JsonElement vectors, string list) => vectors.GetProperty(list).EnumerateArray().Select(v => v.GetProperty("name").GetString()!);

    private static JsonElement Find(string list, string name) => Sealed.GetProperty(list).EnumerateArray().Single(v => v.GetProperty("name").GetString() == name);

    private static SealContext Context(JsonElement vector)
    {
        JsonElement c = vector.GetProperty("context");
        return (SealPurpose)c.GetProperty("purpose").GetInt32() switch
        {
            SealPurpose.Value => SealContext.ForValue(
                c.GetProperty("vault").GetInt64(), Number128(c.GetProperty("uid").GetString()!), c.GetProperty("number").GetInt32(), Number128(c.GetProperty("version").GetString()!), c.GetProperty("kind").GetByte()),
            SealPurpose.Credential => SealContext.ForCredential(c.GetProperty("id").GetString()!),
            SealPurpose.Configuration => SealContext.ForConfiguration(c.GetProperty("id").GetString()!),
        };
    }

    private static void Write(ref RowWriter row, JsonElement field)
    {
        JsonElement value = field.GetProperty("value");
        switch (field.GetProperty("type").GetString())
        {
            case "text": row.Write(value.GetString()); break;
            case "long": row.Write(value.GetInt64()); break;
            case "int": row.Write(value.GetInt32()); break;
            case "none": row.Write((long?)null); break;
            case "uint128": row.Write(Number128(value.GetString()!)); break;
            case "guid": row.Write(value.GetGuid()); break;
            case "bytes": row.Write(Convert.FromHexString(value.GetString()!)); break;
            default: throw new InvalidOperationException("unknown field");
        }
    }

    private static KeyTable Table(int index)
    {
        JsonElement table = Tables.GetProperty("tables")[index];
        ImmutableArray<WrappedKey> keys = [.. table.GetProperty("keys").EnumerateArray().Select(k =>
            new WrappedKey(k.GetProperty("id").GetUInt32(), k.GetProperty("createdAt").GetInt64(), k.GetProperty("wrapped").GetBytesFromBase64()))];
        return new(table.GetProperty("revision").GetInt64(), JsonSerializer.SerializeToUtf8Bytes(table.GetProperty("seal")), keys);
    }

    private static SealParameters ShareParameters() =>
        JsonSerializer.Deserialize<SealParameters>(Shares.GetProperty("parameters"), JsonSerializerOptions.Web)!;

    private static byte[] Flip(byte[] bytes, int at)
    {
        byte[] changed = [.. bytes];
        changed[at] ^= 1;
        return changed;
    }

    private static KeyTable Edit(KeyTable table, string from, string to)
    {
        string text = Encoding.UTF8.GetString(table.Seal), changed = text.Replace(from, to, StringComparison.Ordinal);
        Assert.NotEqual(text, changed);
        return table with { Seal = Encoding.UTF8.GetBytes(changed) };
    }

    private static KeyTable EditBytes(KeyTable table, string member)
    {
        using JsonDocument document = JsonDocument.Parse(table.Seal);
        Dictionary<string, JsonElement> members = document.RootElement.EnumerateObject().ToDictionary(p => p.Name, p => p.Value);
        members[member] = JsonSerializer.SerializeToElement(Flip(members[member].GetBytesFromBase64(), 16));
        return table with { Seal = JsonSerializer.SerializeToUtf8Bytes(members) };
    }

    /// <summary>Gives the sealing key of the vector.</summary>
    private sealed class VectorSeal : ISeal
    {
        public string Type => "test";

        public (SealParameters Parameters, SecretValue Key) Create(SealParameters? inForce) => throw new InvalidOperationException();

        public SecretValue Open(SealParameters parameters)
        {
            SecretValue key = SecretValue.Copy(Hex(Tables, "sealingKey"));
            Assert.Equal(parameters.KeyFingerprint, KeyWrap.Fingerprint(key));
            return key;
        }
    }
}
