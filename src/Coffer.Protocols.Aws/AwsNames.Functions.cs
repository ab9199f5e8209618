namespace Coffer.Protocols.Aws;

internal static partial class AwsNames
{
    /// <summary>Where nothing says a region.</summary>
    public const string DefaultRegion = "us-east-1";

    /// <summary>
    /// The parts of <c>arn:aws:lambda:REGION:ACCOUNT:function:NAME[:QUALIFIER]</c> that mean something here; null for anything else.
    /// </summary>
    public static (string Name, string? Qualifier, string Region)? ParseFunction(string arn)
    {
        string[] parts = arn.Split(':');
        bool ok = parts.Length is 7 or 8 && parts[0] == "arn" && IsPartition(parts[1]) && parts[2] == "lambda" && parts[5] == "function"
            && parts[3].Length is > 0 and <= 32 && parts[3].All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-')
            && parts[4].Length == 12 && parts[4].All(char.IsAsciiDigit)
            && IsFunction(parts[6], 140) && (parts.Length == 7 || IsFunction(parts[7], 128) || parts[7] == "$LATEST");
        return ok ? (parts[6], parts.Length == 8 ? parts[7] : null, parts[3]) : null;
    }

    private static bool IsFunction(string text, int most) =>
        text.Length > 0 && text.Length <= most && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_');
}
