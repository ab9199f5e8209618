using System.Text.RegularExpressions;
using Coffer.Core.Audit;
using CsCheck;

namespace Coffer.Core.Tests.Audit.Indexing;

/// <summary>Records and queries by chance, from few texts so that they meet, and a query's answer by its plain definition.</summary>
internal static class RandomTrails
{
    private static readonly Gen<string?> Principal = Gen.OneOf<string?>("shop-api", "shop", "shop-api2", "Shop-api", "ä\"\\\u2028", "\0", "🔑", null);
    private static readonly Gen<string?> Vault = Gen.OneOf<string?>("shop-prod", "shop", "shop-prod2", null);
    private static readonly Gen<string?> Name = Gen.OneOf<string?>("db/password", "db", "db/pass", "team/a", "team/b", "team/ünder🔑x", "a\"b", "\u0001", "shop-prod/db", null);
    private static readonly Gen<string> Action = Gen.OneOf("ReadValue", "ReadMetadata", "ReadMetadata+ReadValue", "ReadMetadata + ListVersions", "Administer", "ÉTAT");
    private static readonly Gen<string> Operation = Gen.OneOf("GetSecretValue", "readvalue", "getValue", "état");
    private static readonly Gen<string?> Credential = Gen.OneOf<string?>("AKIA1", "AKIA2", null);
    private static readonly Gen<string?> Address = Gen.OneOf<string?>("10.1.2.3", "::1", null);
    private static readonly Gen<string?> Version = Gen.OneOf<string?>("1", "2", "12", null);
    private static readonly Gen<string> Reason = Gen.OneOf("grant readers", "grant writers", "due");
    private static readonly Gen<string> Request = Gen.OneOf(Gen.Int[0, 40].Select(static n => "req-" + n), Gen.Guid.Select(static g => g.ToString()));
    private static readonly Gen<AuditDecision> Decision = Gen.Enum<AuditDecision>();

    /// <summary>Times go forward, and now and then back.</summary>
    private static readonly Gen<long> Step = Gen.Frequency((9, Gen.Long[0, 50]), (1, Gen.Long[-200, 0]));

    public static readonly Gen<(AuditRecord Record, long Step)> Record =
        from what in Gen.Select(Principal, Vault, Name, Action, Operation, Decision)
        from how in Gen.Select(Credential, Address, Version, Reason, Request, Gen.Guid)
        from change in Gen.Frequency((4, Gen.Const(0)), (1, Gen.Int[1, 99]))
        from step in Step
        select (
            new AuditRecord
            {
                Id = how.Item6, Time = 0, Dialect = "aws", WireOperation = what.Item5, Action = what.Item4, Principal = what.Item1, Vault = what.Item2, Name = what.Item3,
                Version = how.Item3, Decision = what.Item6, Reason = how.Item4, Credential = how.Item1, Address = how.Item2, RequestId = how.Item5,
                Change = change == 0 ? null : Changes.Write(change),
            },
            step);

    /// <summary>Each member given or not; times as a share of the trail's.</summary>
    public static readonly Gen<(AuditQuery Query, double Since, double Until)> Query =
        from what in Gen.Select(Sometimes(Principal), Sometimes(Vault), Sometimes(Gen.OneOf<string?>("*", "db*", "*pass*", "team/?", "db/password", "?", "")), Sometimes(Gen.OneOf<string?>("shop-prod/team/*", "shop*", "*/db/*", "shop-prod/db/password", "shop-prod", "/db", "*🔑*", "shop-prod/team/ünder🔑?", "shop-prod/*")))
        from how in Gen.Select(Sometimes(Gen.OneOf<string?>("readvalue", "READMETADATA", "GetSecretValue", "État", "none")), Sometimes(Credential), Sometimes(Address), Sometimes(Request!, 1, 9))
        from decision in Gen.Frequency((2, Gen.Const((AuditDecision?)null)), (1, Decision.Select(static d => (AuditDecision?)d)))
        from limit in Gen.Frequency((1, Gen.Const((int?)null)), (1, Gen.Int[1, 150].Select(static n => (int?)n)))
        from times in Gen.Select(Gen.Double[-2, 1], Gen.Double[0, 3])
        select (
            new AuditQuery
            {
                Principal = what.Item1, Vault = what.Item2, NamePattern = what.Item3, PathPattern = what.Item4,
                Action = how.Item1, Credential = how.Item2, Address = how.Item3, RequestId = how.Item4, Decision = decision, Limit = limit,
            },
            times.Item1,
            times.Item2);

    /// <summary>Mostly absent: a query by everything finds nothing.</summary>
    private static Gen<string?> Sometimes(Gen<string?> gen, int given = 1, int absent = 3) => Gen.Frequency((absent, Gen.Const((string?)null)), (given, gen));

    public static List<AuditEntry> Answer(IEnumerable<AuditEntry> all, AuditQuery query) =>
        [.. all.Where(e => Matches(query, e.Record)).TakeLast(query.Limit ?? int.MaxValue)];

    private static bool Matches(AuditQuery query, AuditRecord record)
    {
        string? path = record.Name is null ? record.Vault : record.Vault + "/" + record.Name;
        return Same(query.Principal, record.Principal) && Same(query.Vault, record.Vault) && Same(query.Credential, record.Credential) && Same(query.Address, record.Address)
            && Same(query.RequestId, record.RequestId) && (query.Decision ?? record.Decision) == record.Decision
            && record.Time >= (query.Since ?? record.Time) && (query.Until is null || record.Time < query.Until)
            && Like(query.NamePattern, record.Name) && Like(query.PathPattern, path)
            && (query.Action is null || record.Action.Split('+').Select(static a => a.Trim()).Append(record.WireOperation).Contains(query.Action, StringComparer.OrdinalIgnoreCase));
    }

    private static bool Same(string? asked, string? text) => asked is null || asked == text;

    private static bool Like(string? pattern, string? text) =>
        pattern is null || (text is not null && Regex.IsMatch(text, "\\A" + Regex.Escape(pattern).Replace("\\*", "(?s:.*)", StringComparison.Ordinal).Replace("\\?", "(?s:.)", StringComparison.Ordinal) + "\\z"));
}
