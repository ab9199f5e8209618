namespace Coffer.Core.Audit;

/// <summary>Which records to find; what is null does not matter.</summary>
public sealed record AuditQuery
{
    /// <summary>Name of the principal, exactly.</summary>
    public string? Principal { get; init; }

    /// <summary>The vault, exactly.</summary>
    public string? Vault { get; init; }

    /// <summary>The name, by a pattern: <c>*</c> any run of characters, <c>?</c> one; case counts.</summary>
    public string? NamePattern { get; init; }

    /// <summary>One of the core operations of the record, or the wire's own operation, exactly but for case.</summary>
    public string? Action { get; init; }

    /// <summary>How it ended.</summary>
    public AuditDecision? Decision { get; init; }

    /// <summary>Not earlier, UTC microseconds.</summary>
    public long? Since { get; init; }

    /// <summary>Earlier than this, UTC microseconds.</summary>
    public long? Until { get; init; }

    /// <summary>Only that many, the newest; 1–100,000.</summary>
    public int? Limit { get; init; }

    internal bool Matches(AuditRecord record) =>
        (Principal is null || record.Principal == Principal) &&
        (Vault is null || record.Vault == Vault) &&
        (Decision is null || record.Decision == Decision) &&
        (Since is null || record.Time >= Since) &&
        (Until is null || record.Time < Until) &&
        (NamePattern is null || (record.Name is { } name && IsMatch(NamePattern, name))) &&
        (Action is null || IsAction(record, Action));

    private static bool IsAction(AuditRecord record, string action)
    {
        if (record.WireOperation.Equals(action, StringComparison.OrdinalIgnoreCase))
        {
            return true;
        }

        foreach (Range part in record.Action.AsSpan().Split('+'))
        {
            if (record.Action.AsSpan(part).Trim().Equals(action, StringComparison.OrdinalIgnoreCase))
            {
                return true;
            }
        }

        return false;
    }

    // Goes back only to the last star: no pattern makes it slower than length times length.
    internal static bool IsMatch(ReadOnlySpan<char> pattern, ReadOnlySpan<char> text)
    {
        int p = 0, t = 0, star = -1, mark = 0;
        while (t < text.Length)
        {
            if (p < pattern.Length && pattern[p] == '*')
            {
                (star, mark) = (p++, t);
            }
            else if (p < pattern.Length && (pattern[p] == '?' || pattern[p] == text[t]))
            {
                p++;
                t++;
            }
            else if (star >= 0)
            {
                p = star + 1;
                t = ++mark;
            }
            else
            {
                return false;
            }
        }

        return pattern[p..].TrimStart('*').IsEmpty;
    }
}
