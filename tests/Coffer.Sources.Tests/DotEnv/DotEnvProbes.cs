namespace Coffer.Sources.Tests.DotEnv;

/// <summary>One question to the dialect, from the table of 64 on which ten parsers and bash were compared.</summary>
/// <param name="Number">Its number in the table.</param>
/// <param name="Text">The file.</param>
/// <param name="Answer">Expected keys and values, or null for an error.</param>
/// <param name="Place">"line:column" of the error.</param>
/// <param name="Reason">Why, where the answer differs from that of bash.</param>
public sealed record DotEnvProbe(int Number, string Text, string? Answer, string? Place = null, string? Reason = null)
{
    public override string ToString() => $"probe {Number}";
}

/// <summary>The dialect, probe by probe. The environment holds <c>EXIST=fromenv</c> and nothing else.</summary>
public static class DotEnvProbes
{
    private const string PemText = "-----BEGIN-----\nabc=\n-----END-----";

    public static readonly DotEnvProbe[] All =
    [
        new(1, "A=x", "A=x"),
        new(2, "A = x", "A=x", Reason: "bash runs a command A; all ten parsers read x"),
        new(3, "A='a\\nb $X \"q\"'", "A=a\\nb $X \"q\""),
        new(4, "A=\"a\\nb\\tc\"", "A=a\nb\tc", Reason: "\\n and \\t are escapes for most parsers, and there is no other way to write a tab that shows"),
        new(5, "A=\"say \\\"hi\\\"\"", "A=say \"hi\""),
        new(6, "A='it\\'s'", null, "1:8"),
        new(7, "A=\"C:\\\\dir\"", "A=C:\\dir"),
        new(8, "A=C:\\new\\table", "A=C:\\new\\table", Reason: "all ten parsers keep the backslash of a bare value"),
        new(9, "A=`x y`", null, "1:3", "bash runs it; four parsers read quotes, five text: no guess"),
        new(10, "A=x # c", "A=x"),
        new(11, "A=x#y", "A=x#y"),
        new(12, "A=\"x # y\" # c", "A=x # y"),
        new(13, "A=\"l1\nl2\"\nB=2", "A=l1\nl2|B=2"),
        new(14, "A='l1\nl2'\nB=2", "A=l1\nl2|B=2"),
        new(15, "export A=x", "A=x"),
        new(16, "A: x", null, "1:2"),
        new(17, "EXIST\nB=2", null, "1:1"),
        new(18, "A=\nB=2", "A=|B=2"),
        new(19, "A=\"\"", "A="),
        new(20, "A=1\nA=2", "A=2"),
        new(21, "\uFEFFA=x\nB=2", "A=x|B=2", Reason: "editors write the mark; bash takes it for a part of the name"),
        new(22, "A=x\r\nB=y\r", "A=x|B=y", Reason: "a carriage return at the end of a line is never meant; bash keeps it"),
        new(23, "A=\"l1\r\nl2\"\r\nB=y\r", "A=l1\nl2|B=y", Reason: "line ends of the file are not part of the value; \\r is"),
        new(24, "A=x\rB=y\r", "A=x|B=y", Reason: "a lone carriage return ends a line, as in six of ten parsers"),
        new(25, "A=1\nB=$A", "A=1|B=1"),
        new(26, "A=1\nB=${A}", "A=1|B=1"),
        new(27, "A=1\nB=\"v${A}\"", "A=1|B=v1"),
        new(28, "A=1\nB='v${A}'", "A=1|B=v${A}"),
        new(29, "B=${NOPE:-d}", "B=d"),
        new(30, "B=${NOPE-d}", "B=d"),
        new(31, "A=1\nB=${A:+alt}", "A=1|B=alt"),
        new(32, "B=${NOPE:?boom}", null, "1:3"),
        new(33, "A=1\nB=${NOPE:-${A}}", "A=1|B=1"),
        new(34, "A=1\nB=\\$A", "A=1|B=$A"),
        new(35, "A=1\nB=$$A", "A=1|B=$A", Reason: "bash writes its process number; $$ is the dollar sign of compose files"),
        new(36, "EXIST=fromfile\nB=${EXIST}", "EXIST=fromfile|B=fromenv", Reason: "the environment wins over the file, so B agrees with the EXIST that the program sees"),
        new(37, "B=x${NOPE}y", "B=xy"),
        new(38, "B=${LATER}\nLATER=2", "B=|LATER=2"),
        new(39, "B=$(echo hi)", null, "1:3", "bash runs it; a .env file never runs anything, and text that others run is refused"),
        new(40, "A-b.c=x", "A-b.c=x", Reason: "nine of ten parsers take it; programs do use such names"),
        new(41, "1A=x", "1A=x", Reason: "nine of ten parsers take it"),
        new(42, "A=a=b==", "A=a=b=="),
        new(43, "A=x   ", "A=x"),
        new(44, "   A=x", "A=x"),
        new(45, "this is junk\nB=2", null, "1:1"),
        new(46, "A=\"x\nB=2", null, "1:3"),
        new(47, "A=\"x\"y\nB=2", null, "1:6", "bash joins x and y; parsers give five different answers"),
        new(48, "A={\"k\": \"v\", \"n\": 1}", "A={\"k\": \"v\", \"n\": 1}", Reason: "quotes inside a bare value are text, so that JSON stays JSON; bash fails"),
        new(49, "A=pa$$w0rd$", "A=pa$w0rd$", Reason: "as 35"),
        new(50, "A=žluť😀", "A=žluť😀"),
        new(51, "A=\"\\u0041\"", "A=\\u0041"),
        new(52, "A='C:\\dir\\'\nB=2", "A=C:\\dir\\|B=2"),
        new(53, "A=\"C:\\\\\"\nB=2", "A=C:\\|B=2"),
        new(54, "A=   \nB=2", "A=|B=2"),
        new(55, "A=#x", "A=#x"),
        new(56, "A=a\"b\"c", "A=a\"b\"c", Reason: "as 48; nine of ten parsers keep the quotes"),
        new(57, "'A'=x", null, "1:1"),
        new(58, "A=x\t#c", "A=x"),
        new(59, $"A=\"{PemText}\"\nB=2", $"A={PemText}|B=2"),
        new(60, "A=x\u00A0", "A=x\u00A0"),
        new(62, "A=x\0y", null, "1:4", "bash drops it; no environment variable can hold it"),
        new(64, "A=a\\\nb\nB=2", null, "2:1", "bash joins the lines; for seven parsers the backslash is text, and b is then a bad line"),
    ];

    /// <summary>The two probes that are bytes and not text.</summary>
    public static readonly (int Number, byte[] Bytes, string Place)[] Bytes =
    [
        (61, [0xFF, 0xFE, (byte)'A', 0, (byte)'=', 0, (byte)'x', 0], "0:0"),
        (63, [(byte)'A', (byte)'=', (byte)'c', (byte)'a', (byte)'f', 0xE9, (byte)'\n'], "1:6"),
    ];
}
