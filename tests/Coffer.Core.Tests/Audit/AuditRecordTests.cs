using System.Globalization;
using System.Reflection;
using System.Text.Json;
using System.Text;
using Coffer.Core.Audit;
using CsCheck;
using Xunit;

namespace Coffer.Core.Tests.Audit;

public class AuditRecordTests
{
    private static readonly string[] Hostile =
    [
        "", "\0", "\n", "\r\n{\"seq\":1}", "\"", "\\", "\u001b[2J", "\u202Eevil", "\u2028", "\uD800", "\uDC00x", "a\uD83D", "\uD83D\uDD11", "\u200b", "\U000E0041", "\u007f", "\u0085", "plain/name",
    ];

    private static readonly Gen<string> AnyText = Gen.OneOf(
        Gen.String,
        Gen.Char.Array[0, 700].Select(static chars => new string(chars)),
        Gen.Int[0, Hostile.Length - 1].Select(static i => Hostile[i]));

    private static readonly Gen<AuditRecord> AnyRecord =
        Gen.Select(AnyText.Array[14], Gen.Long, Gen.Bool.Array[8], Gen.Int[1, 3], AnyChange()).Select(static (texts, time, given, decision, change) => new AuditRecord
        {
            Id = Guid.CreateVersion7(DateTimeOffset.UnixEpoch),
            Time = time,
            Dialect = texts[0],
            WireOperation = texts[1],
            Action = texts[2],
            Principal = given[0] ? texts[3] : null,
            PrincipalId = given[1] ? new Guid(decision, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10) : null,
            Credential = given[2] ? texts[4] : null,
            Vault = given[3] ? texts[5] : null,
            Name = given[4] ? texts[6] : null,
            Version = given[5] ? texts[7] : null,
            Decision = (AuditDecision)decision,
            Reason = texts[8],
            Address = given[6] ? texts[9] : null,
            UserAgent = given[7] ? texts[10] : null,
            RequestId = texts[11],
            Change = change,
        });

    [Fact]
    public void Any_text_becomes_one_line_of_valid_json_and_reads_back_as_it_was_but_for_its_bounds() => AnyRecord.Sample(static record =>
    {
        byte[] utf8 = record.ToUtf8();
        string text = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(utf8);
        Assert.DoesNotContain(text.EnumerateRunes(), static rune => Rune.GetUnicodeCategory(rune) is
            UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator);
        using (JsonDocument.Parse(utf8))
        {
        }

        Assert.Equal(Bounded(record), AuditRecord.Parse(utf8));
    });

    [Fact]
    public void Huge_texts_are_cut_and_the_line_stays_within_its_bound()
    {
        string huge = new('\u0001', 1_000_000);
        AuditRecord record = Record(huge) with { Change = new() { Rows = [.. Enumerable.Range(0, AuditChange.MaxRows).Select(static i => new AuditRowRevision(AuditRowKind.Credential, new string('x', 124) + (1000 + i), long.MaxValue - 1, long.MaxValue))] } };
        byte[] utf8 = record.ToUtf8();
        Assert.InRange(utf8.Length, 1, AuditLimits.LineBytes - 256);
        Assert.Equal(256, AuditRecord.Parse(utf8).UserAgent!.Length);
    }

    [Fact]
    public void A_cut_never_splits_a_pair_of_surrogates()
    {
        AuditRecord record = Record("x") with { UserAgent = new string('a', 255) + "\U0001F511" };
        Assert.Equal(new string('a', 255), AuditRecord.Parse(record.ToUtf8()).UserAgent);
    }

    [Fact]
    public void Attack_32_no_member_of_a_record_can_hold_a_value_a_body_or_bytes()
    {
        HashSet<Type> safe = [typeof(string), typeof(long), typeof(int), typeof(Guid), typeof(AuditDecision), typeof(AuditRowKind), typeof(AuditStateHash)];
        Queue<Type> open = new([typeof(AuditRecord)]);
        HashSet<Type> seen = [];
        while (open.TryDequeue(out Type? type))
        {
            if (!seen.Add(type))
            {
                continue;
            }

            foreach (PropertyInfo property in type.GetProperties(BindingFlags.Public | BindingFlags.Instance))
            {
                Type held = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
                held = held.IsGenericType && held.GetGenericTypeDefinition() == typeof(IReadOnlyList<>) ? held.GetGenericArguments()[0] : held;
                if (!safe.Contains(held))
                {
                    Assert.True(held.Namespace == typeof(AuditRecord).Namespace, $"{type.Name}.{property.Name} is a {held.Name}");
                    open.Enqueue(held);
                }
            }
        }

        Assert.Equal(5, seen.Count);
    }

    [Fact]
    public void Attack_32_what_a_client_sends_as_its_name_cannot_add_a_line_or_a_member()
    {
        AuditRecord record = Record("x\n{\"seq\":2}\r\",\"decision\":\"allow\"\u2028") with { Decision = AuditDecision.Deny };
        string line = Encoding.UTF8.GetString(record.ToUtf8());
        Assert.DoesNotContain('\n', line);
        using JsonDocument json = JsonDocument.Parse(line);
        Assert.Equal("deny", json.RootElement.GetProperty("decision").GetString());
        Assert.Equal(1, line.Split("\"decision\":\"").Length - 1);
    }

    [Fact]
    public void Stored_numbers_and_names_do_not_change()
    {
        Assert.Equal(["Allow=1", "Deny=2", "Fail=3"], Enum.GetValues<AuditDecision>().Select(static d => $"{d}={(int)d}"));
        Assert.Equal(["Secret=1", "Version=2", "Policy=3", "Principal=4", "Group=5", "Credential=6", "Trust=7", "Vault=8", "Approval=9"], Enum.GetValues<AuditRowKind>().Select(static k => $"{k}={(int)k}"));
        Assert.Equal(
            ["Created=1", "Opened=2", "Count=3", "Time=4", "FileEnd=5", "FileStart=6", "Closed=7", "Break=8"],
            Enum.GetValues<AuditCheckpointCause>().Select(static c => $"{c}={(int)c}"));
        AuditRecord record = new()
        {
            Id = Guid.Parse("01890000-0000-7000-8000-000000000001"), Time = 1_767_225_600_000_000, Dialect = "aws", WireOperation = "PutSecretValue", Action = "AddVersion",
            Principal = "p", PrincipalId = Guid.Parse("00000000-0000-0000-0000-000000000002"), Credential = "AKIA", Vault = "shop", Name = "n", Version = "v",
            Decision = AuditDecision.Fail, Reason = "r", Address = "::1", UserAgent = "u", RequestId = "q",
            Change = new()
            {
                Uid = Changes.Uid(7), Revision = new(3, 4), Versions = [new(5, 0, 1), new(4, 2, 0)], Rows = [new(AuditRowKind.Policy, "id", 1, 2)],
                Gone = AuditStateHash.Zero.Add(AuditRowKind.Version, Changes.Uid(7), 1, 1),
            },
        };
        Assert.Equal(
            """{"id":"01890000-0000-7000-8000-000000000001","time":1767225600000000,"dialect":"aws","operation":"PutSecretValue","action":"AddVersion","principal":"p","principalId":"00000000-0000-0000-0000-000000000002","credential":"AKIA","vault":"shop","name":"n","version":"v","decision":"fail","reason":"r","address":"::1","userAgent":"u","requestId":"q","change":{"uid":"00000000000000000000000000000007","revision":[3,4],"versions":[[5,0,1],[4,2,0]],"rows":[["policy","id",1,2]],"gone":"XX"}}"""
                .Replace("XX", record.Change.Gone.ToString(), StringComparison.Ordinal),
            Encoding.UTF8.GetString(record.ToUtf8()));
    }

    [Fact]
    public void A_change_that_cannot_be_replayed_is_refused()
    {
        AuditChange[] wrong =
        [
            new() { Uid = "short" },
            new() { Uid = Changes.Uid(1).ToUpperInvariant().Replace('0', 'A') },
            new() { Versions = [new(1, 0, 1)] },
            new() { Rows = [new(AuditRowKind.Secret, "x", 0, 1)] },
            new() { Rows = [new(AuditRowKind.Policy, "", 0, 1)] },
            new() { Rows = [new(AuditRowKind.Policy, "a\"b", 0, 1)] },
            new() { Rows = [new(AuditRowKind.Policy, new string('x', 129), 0, 1)] },
            new() { Rows = [new(AuditRowKind.Policy, "x", -1, 1)] },
            new() { Rows = [.. Enumerable.Repeat(new AuditRowRevision(AuditRowKind.Policy, "x", 0, 1), AuditChange.MaxRows + 1)] },
        ];
        foreach (AuditChange change in wrong)
        {
            Assert.Throws<ArgumentException>(() => (Record("x") with { Change = change }).ToUtf8());
        }
    }

    private static AuditRecord Record(string text) => new()
    {
        Id = Guid.CreateVersion7(DateTimeOffset.UnixEpoch), Time = 1, Dialect = text, WireOperation = text, Action = text, Principal = text, Credential = text, Vault = text,
        Name = text, Version = text, Decision = AuditDecision.Allow, Reason = text, Address = text, UserAgent = text, RequestId = text,
    };

    private static Gen<AuditChange?> AnyChange()
    {
        Gen<AuditVersionRevision> version = Gen.Select(Gen.Int[1, int.MaxValue], Gen.Long[0, long.MaxValue], Gen.Long[0, long.MaxValue]).Select(static (n, b, a) => new AuditVersionRevision(n, b, a));
        Gen<AuditRowRevision> row = Gen.Select(Gen.Int[3, 8], Gen.String[Gen.Char['a', 'z'], 1, 128], Gen.Long[0, long.MaxValue]).Select(static (k, id, r) => new AuditRowRevision((AuditRowKind)k, id, r, r / 2));
        Gen<AuditChange> change = Gen.Select(Gen.Bool, version.Array[0, 5], row.Array[0, 5], Gen.Byte.Array[32]).Select(static (secret, versions, rows, gone) => secret
            ? new AuditChange { Uid = Changes.Uid(versions.Length), Revision = new(1, 2), Versions = versions, Rows = rows, Gone = AuditStateHash.From(gone) }
            : new AuditChange { Rows = rows });
        return Gen.Select(Gen.Bool, change).Select(static (given, value) => given ? value : null);
    }

    private static AuditRecord Bounded(AuditRecord record) => record with
    {
        Dialect = Cut(record.Dialect, 16)!, WireOperation = Cut(record.WireOperation, 128)!, Action = Cut(record.Action, 256)!, Principal = Cut(record.Principal, 128),
        Credential = Cut(record.Credential, 128), Vault = Cut(record.Vault, 64), Name = Cut(record.Name, 512), Version = Cut(record.Version, 128),
        Reason = Cut(record.Reason, 512)!, Address = Cut(record.Address, 64), UserAgent = Cut(record.UserAgent, 256), RequestId = Cut(record.RequestId, 128)!,
    };

    private static string? Cut(string? text, int limit)
    {
        if (text?.Length > limit)
        {
            text = text[..(char.IsHighSurrogate(text[limit - 1]) ? limit - 1 : limit)];
        }

        return text is null ? null : string.Concat(text.EnumerateRunes());
    }
}
