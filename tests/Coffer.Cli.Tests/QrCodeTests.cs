using System.Text;
using Coffer.Cli.Output;
using ZXing.Common;

namespace Coffer.Cli.Tests;

/// <summary>Codes are read back by another implementation.</summary>
public sealed class QrCodeTests
{
    [Fact]
    public void Every_length_is_read_back_as_it_was_written()
    {
        for (int length = 1; length <= 230; length++)
        {
            string text = string.Concat(Enumerable.Range(0, length).Select(i => (char)('!' + ((i * 31) + length) % 94)));
            QrCode code = QrCode.Of(Encoding.ASCII.GetBytes(text))!;
            Assert.Equal(text, Read(code, false));
        }

        Assert.Null(QrCode.Of(new byte[231]));
    }

    [Fact]
    public void A_code_with_some_modules_wrong_is_still_read()
    {
        const string address = "otpauth://totp/Coffer:pat?secret=4LOA57YCLEJOYIBH3ZHFZLG2XNETD4OZ&issuer=Coffer&algorithm=SHA1&digits=6&period=30";
        QrCode code = QrCode.Of(Encoding.ASCII.GetBytes(address))!;
        Assert.Equal((6, 41), (code.Version, code.Size));
        Assert.Equal(address, Read(code, true));
    }

    [Fact]
    public void Lines_are_the_modules_with_a_quiet_zone_of_four()
    {
        QrCode code = QrCode.Of("coffer"u8)!;
        string[] lines = [.. code.Lines().Select(l => l.Replace("\u001b[38;5;16;48;5;231m", "", StringComparison.Ordinal).Replace("\u001b[0m", "", StringComparison.Ordinal))];
        Assert.Equal(((code.Size + 9) / 2, code.Size + 8), (lines.Length, code.Width));
        for (int y = 0; y < lines.Length * 2; y++)
        {
            string line = lines[y / 2];
            Assert.Equal(code.Width, line.Length);
            for (int x = 0; x < line.Length; x++)
            {
                Assert.Equal(code[x - 4, y - 4], line[x] == '█' || line[x] == (y % 2 == 0 ? '▀' : '▄'));
            }
        }
    }

    private static string Read(QrCode code, bool damaged)
    {
        BitMatrix bits = new(code.Size);
        for (int y = 0; y < code.Size; y++)
        {
            for (int x = 0; x < code.Size; x++)
            {
                bits[x, y] = code[x, y] ^ (damaged && x is >= 20 and < 24 && y is >= 20 and < 24);
            }
        }

        return new ZXing.QrCode.Internal.Decoder().decode(bits, null).Text;
    }
}
