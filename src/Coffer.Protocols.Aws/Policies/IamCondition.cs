using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;

namespace Coffer.Protocols.Aws.Policies;

/// <summary>How a condition over a key with several values is meant.</summary>
internal enum IamQuantifier
{
    None = 0,
    ForAllValues = 1,
    ForAnyValue = 2,
}

/// <summary>What a condition compares, and how.</summary>
internal enum IamComparison
{
    StringEquals,
    StringEqualsIgnoreCase,
    StringLike,
    NumericEquals,
    NumericLessThan,
    NumericLessThanEquals,
    NumericGreaterThan,
    NumericGreaterThanEquals,
    DateEquals,
    DateLessThan,
    DateLessThanEquals,
    DateGreaterThan,
    DateGreaterThanEquals,
    Bool,
    BinaryEquals,
    IpAddress,
    Arn,
    Null,
}

/// <summary>One operator on one key: the values are alternatives; of a negated operator none may match.</summary>
internal sealed partial class IamCondition
{
    private readonly IamComparison _comparison;
    private readonly bool _negated, _ifExists;
    private readonly IamQuantifier _quantifier;
    private readonly ImmutableArray<Value> _values;

    private IamCondition(string key, IamComparison comparison, bool negated, bool ifExists, IamQuantifier quantifier, ImmutableArray<Value> values)
    {
        Key = key;
        _comparison = comparison;
        _negated = negated;
        _ifExists = ifExists;
        _quantifier = quantifier;
        _values = values;
    }

    /// <summary>The key, in lower case.</summary>
    public string Key { get; }

    /// <summary>Makes a condition of its text; refuses operators that there are none of and values that are not of the operator's kind.</summary>
    public static IamCondition Parse(string operation, string key, IReadOnlyList<string> values, bool variables)
    {
        string name = operation;
        IamQuantifier quantifier = IamQuantifier.None;
        foreach (IamQuantifier one in (ReadOnlySpan<IamQuantifier>)[IamQuantifier.ForAllValues, IamQuantifier.ForAnyValue])
        {
            if (name.StartsWith(one + ":", StringComparison.Ordinal))
            {
                quantifier = one;
                name = name[(name.IndexOf(':') + 1)..];
            }
        }

        bool ifExists = name.EndsWith("IfExists", StringComparison.Ordinal);
        name = ifExists ? name[..^"IfExists".Length] : name;
        (IamComparison Comparison, bool Negated) what = name switch
        {
            "StringEquals" => (IamComparison.StringEquals, false),
            "StringNotEquals" => (IamComparison.StringEquals, true),
            "StringEqualsIgnoreCase" => (IamComparison.StringEqualsIgnoreCase, false),
            "StringNotEqualsIgnoreCase" => (IamComparison.StringEqualsIgnoreCase, true),
            "StringLike" => (IamComparison.StringLike, false),
            "StringNotLike" => (IamComparison.StringLike, true),
            "NumericEquals" => (IamComparison.NumericEquals, false),
            "NumericNotEquals" => (IamComparison.NumericEquals, true),
            "NumericLessThan" => (IamComparison.NumericLessThan, false),
            "NumericLessThanEquals" => (IamComparison.NumericLessThanEquals, false),
            "NumericGreaterThan" => (IamComparison.NumericGreaterThan, false),
            "NumericGreaterThanEquals" => (IamComparison.NumericGreaterThanEquals, false),
            "DateEquals" => (IamComparison.DateEquals, false),
            "DateNotEquals" => (IamComparison.DateEquals, true),
            "DateLessThan" => (IamComparison.DateLessThan, false),
            "DateLessThanEquals" => (IamComparison.DateLessThanEquals, false),
            "DateGreaterThan" => (IamComparison.DateGreaterThan, false),
            "DateGreaterThanEquals" => (IamComparison.DateGreaterThanEquals, false),
            "Bool" => (IamComparison.Bool, false),
            "BinaryEquals" => (IamComparison.BinaryEquals, false),
            "IpAddress" => (IamComparison.IpAddress, false),
            "NotIpAddress" => (IamComparison.IpAddress, true),
            "ArnEquals" or "ArnLike" => (IamComparison.Arn, false),
            "ArnNotEquals" or "ArnNotLike" => (IamComparison.Arn, true),
            "Null" when !ifExists && quantifier == IamQuantifier.None => (IamComparison.Null, false),
            _ => throw IamParser.Malformed("there is no such condition operator"),
        };
        if (!IamParser.IsKey(key))
        {
            throw IamParser.Malformed("a condition key is a prefix, a colon and a name");
        }

        return new(key.ToLowerInvariant(), what.Comparison, what.Negated, ifExists, quantifier, [.. values.Select(v => Value.Parse(what.Comparison, v, variables))]);
    }

    /// <summary>Whether it ties a statement to known principals or networks.</summary>
    public bool Narrows => !_negated && !_ifExists && _quantifier != IamQuantifier.ForAllValues
        && Key is "aws:principalarn" or "aws:principalaccount" or "aws:userid" or "aws:sourceip" or "aws:username"
        && _values.All(v => v.Text.AsSpan().IndexOfAny('*', '?') < 0 && v.Text is not ("0.0.0.0/0" or "::/0"));

    public IamTruth Holds(IamContext context)
    {
        IamKey key = context.Get(Key);
        if (key.State == IamKeyState.Unknown)
        {
            return IamTruth.Unknown;
        }

        bool present = key.State == IamKeyState.Present;
        if (_comparison == IamComparison.Null)
        {
            foreach (Value value in _values)
            {
                if (value.Flag == !present)
                {
                    return IamTruth.True;
                }
            }

            return IamTruth.False;
        }

        if (!present || key.Count == 0)
        {
            return _ifExists || _quantifier == IamQuantifier.ForAllValues || (_negated && _quantifier == IamQuantifier.None) ? IamTruth.True : IamTruth.False;
        }

        // Of a plain operator on a key with several values: one must match; of a negated one, none may.
        bool all = _quantifier == IamQuantifier.ForAllValues || (_quantifier == IamQuantifier.None && _negated);
        IamTruth overall = all ? IamTruth.True : IamTruth.False;
        for (int i = 0; i < key.Count; i++)
        {
            IamTruth one = MatchesAny(key[i], context);
            if (one == IamTruth.Unknown)
            {
                return IamTruth.Unknown;
            }

            bool satisfied = (one == IamTruth.True) != _negated;
            if (satisfied != all)
            {
                overall = satisfied ? IamTruth.True : IamTruth.False;
            }
        }

        return overall;
    }

    private IamTruth MatchesAny(string given, IamContext context)
    {
        foreach (Value value in _values)
        {
            IamTruth one = value.Matches(_comparison, given, context);
            if (one != IamTruth.False)
            {
                return one;
            }
        }

        return IamTruth.False;
    }

    /// <summary>Whether some value stands on a variable that this request has no value for: the statement does not match then, whatever the operator.</summary>
    public IamTruth Resolvable(IamContext context)
    {
        foreach (Value value in _values)
        {
            if (value.Template is { HasVariables: true } template && template.Resolve(context, out _) is var known and not IamTruth.True)
            {
                return known;
            }
        }

        return IamTruth.True;
    }

    /// <summary>A value made ready for its operator.</summary>
    private readonly record struct Value
    {
        public IamTemplate? Template { get; init; }

        public decimal Number { get; init; }

        public long Time { get; init; }

        public bool Flag { get; init; }

        public IPNetwork Network { get; init; }

        public string Text { get; init; }

        public static Value Parse(IamComparison comparison, string text, bool variables) => comparison switch
        {
            IamComparison.StringEquals or IamComparison.StringEqualsIgnoreCase => new() { Text = text, Template = Variable(text, variables) },
            IamComparison.StringLike => new() { Text = text, Template = IamTemplate.Parse(text, variables) },
            IamComparison.Arn => new()
            {
                Text = text,
                Template = text == "*" || text.Split(':').Length >= 6 || (variables && text.Contains("${", StringComparison.Ordinal))
                    ? IamTemplate.Parse(text, variables)
                    : throw IamParser.Malformed("the value of an ARN condition is no ARN"),
            },
            IamComparison.Bool or IamComparison.Null => new() { Text = text, Flag = ParseFlag(text) ?? throw IamParser.Malformed("the value of a Bool or Null condition is true or false") },
            IamComparison.IpAddress => new() { Text = text, Network = ParseNetwork(text) ?? throw IamParser.Malformed("the value of an IpAddress condition is an address or a network") },
            IamComparison.BinaryEquals => new() { Text = ParseBinary(text) ?? throw IamParser.Malformed("the value of a BinaryEquals condition is base64") },
            >= IamComparison.DateEquals and <= IamComparison.DateGreaterThanEquals => new() { Text = text, Time = ParseTime(text) ?? throw IamParser.Malformed("the value of a Date condition is a date of ISO 8601 or seconds since 1970") },
            _ => new() { Text = text, Number = ParseNumber(text) ?? throw IamParser.Malformed("the value of a Numeric condition is a number") },
        };

        public IamTruth Matches(IamComparison comparison, string given, IamContext context)
        {
            switch (comparison)
            {
                case IamComparison.StringEquals or IamComparison.StringEqualsIgnoreCase:
                    StringComparison how = comparison == IamComparison.StringEquals ? StringComparison.Ordinal : StringComparison.OrdinalIgnoreCase;
                    if (Template is null)
                    {
                        return Truth(string.Equals(Text, given, how));
                    }

                    IamTruth resolved = Template.Resolve(context, out IamPattern plain);
                    return resolved == IamTruth.True ? Truth(string.Equals(plain.ToString(), given, how)) : resolved;
                case IamComparison.StringLike:
                    IamTruth known = Template!.Resolve(context, out IamPattern pattern);
                    return known == IamTruth.True ? Truth(pattern.Matches(given)) : known;
                case IamComparison.Arn:
                    IamTruth ready = Template!.Resolve(context, out IamPattern arn);
                    return ready == IamTruth.True ? Truth(ArnMatches(arn, given)) : ready;
                case IamComparison.Bool:
                    return Truth(ParseFlag(given) == Flag);
                case IamComparison.BinaryEquals:
                    return Truth(string.Equals(ParseBinary(given), Text, StringComparison.Ordinal));
                case IamComparison.IpAddress:
                    return Truth(IPAddress.TryParse(given, out IPAddress? address) && Network.Contains(address));
                case >= IamComparison.DateEquals and <= IamComparison.DateGreaterThanEquals:
                    return Truth(ParseTime(given) is { } time && Compares(comparison, IamComparison.DateEquals, time.CompareTo(Time)));
                default:
                    return Truth(ParseNumber(given) is { } number && Compares(comparison, IamComparison.NumericEquals, number.CompareTo(Number)));
            }
        }

        /// <summary>A plain equality has no wildcards: only variables are looked for.</summary>
        private static IamTemplate? Variable(string text, bool variables) =>
            variables && text.Contains("${", StringComparison.Ordinal) ? IamTemplate.Parse(text, variables) : null;

        private static bool Compares(IamComparison comparison, IamComparison first, int order) => (comparison - first) switch
        {
            0 => order == 0,
            1 => order < 0,
            2 => order <= 0,
            3 => order > 0,
            _ => order >= 0,
        };
    }

    private static IamTruth Truth(bool holds) => holds ? IamTruth.True : IamTruth.False;

    /// <summary>The six parts are compared one by one.</summary>
    private static bool ArnMatches(IamPattern pattern, string given)
    {
        if (pattern.MatchesAll)
        {
            return true;
        }

        string text = pattern.ToString();
        Span<Range> wanted = stackalloc Range[6], parts = stackalloc Range[6];
        if (text.AsSpan().Split(wanted, ':') != 6 || given.AsSpan().Split(parts, ':') != 6)
        {
            return false;
        }

        for (int i = 0; i < 6; i++)
        {
            (int start, int length) = wanted[i].GetOffsetAndLength(text.Length);
            if (!pattern.Slice(start, length).Matches(given.AsSpan()[parts[i]]))
            {
                return false;
            }
        }

        return true;
    }

    private static bool? ParseFlag(string text) =>
        string.Equals(text, "true", StringComparison.OrdinalIgnoreCase) ? true : string.Equals(text, "false", StringComparison.OrdinalIgnoreCase) ? false : null;

    private static decimal? ParseNumber(string text) =>
        decimal.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal number) ? number : null;

    /// <summary>UTC microseconds of a date of ISO 8601, or of seconds since 1970.</summary>
    private static long? ParseTime(string text) =>
        IsoDate().IsMatch(text) && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out DateTimeOffset time)
            ? Core.Microseconds.From(time)
            : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long seconds) && seconds < long.MaxValue / 1_000_000 ? seconds * 1_000_000 : null;

    private static IPNetwork? ParseNetwork(string text) =>
        IPNetwork.TryParse(text, out IPNetwork network) ? network
        : IPAddress.TryParse(text, out IPAddress? address) && address.ToString().Equals(text, StringComparison.OrdinalIgnoreCase) ? new IPNetwork(address, address.GetAddressBytes().Length * 8) : null;

    private static string? ParseBinary(string text)
    {
        byte[] bytes = new byte[text.Length];
        return Convert.TryFromBase64String(text, bytes, out int length) ? Convert.ToBase64String(bytes, 0, length) : null;
    }

    [GeneratedRegex(@"^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,7})?)?(Z|[+-]\d{2}:?\d{2})?)?$", RegexOptions.CultureInvariant)]
    private static partial Regex IsoDate();
}
