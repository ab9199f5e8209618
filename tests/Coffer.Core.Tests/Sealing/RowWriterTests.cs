using Coffer.Core.Sealing;
using CsCheck;
using Xunit;

namespace Coffer.Core.Tests.Sealing;

public sealed class RowWriterTests
{
    private static readonly Gen<string> Text = Gen.Char['\0', '\u0FFF'].Array[0, 5].Select(c => new string(c));

    [Fact]
    public void Different_rows_never_look_alike() =>
        Gen.Select(Text.Null().Array[0, 6], Text.Null().Array[0, 6])
            .Sample((one, other) => Canonical(one).SequenceEqual(Canonical(other)) == one.SequenceEqual(other));

    [Fact]
    public void None_is_neither_empty_nor_zero()
    {
        byte[] none = Canonical([null]), empty = Canonical([""]);

        Assert.Equal([0xFF, 0xFF, 0xFF, 0xFF], none);
        Assert.Equal([0, 0, 0, 0], empty);
        RowWriter row = new();
        row.Write((int?)0);
        row.Write((long?)0);
        row.Write((Guid?)Guid.Empty);
        row.Write((int?)null);
        row.Write((long?)null);
        row.Write((Guid?)null);
        Assert.Equal([0, 0, 0, 4, .. new byte[4], 0, 0, 0, 8, .. new byte[8], 0, 0, 0, 16, .. new byte[16], .. none, .. none, .. none], row.Written.ToArray());
        row.Dispose();
    }

    [Fact]
    public void Long_rows_grow_and_a_disposed_writer_is_empty()
    {
        RowWriter row = new();
        Assert.True(row.Written.IsEmpty);
        byte[] field = new byte[1000];
        field.AsSpan().Fill(7);
        for (int i = 0; i < 100; i++)
        {
            row.Write(field);
        }

        Assert.Equal(100 * 1004, row.Written.Length);
        Assert.Equal(field, row.Written[^1000..]);
        row.Dispose();
        Assert.True(row.Written.IsEmpty);
    }

    [Fact]
    public void The_numbers_of_stored_enums_are_frozen()
    {
        Assert.Equal(
            "Vault=1 Secret=2 Version=3 Principal=4 Group=5 Member=6 Credential=7 Trust=8 Policy=9 Role=10 Alias=11 AuditHead=12 Lease=13 Approval=14",
            string.Join(' ', Enum.GetValues<RowKind>().Select(k => $"{k}={(int)k}")));
        Assert.Equal("Value=1 Credential=2 Configuration=3", string.Join(' ', Enum.GetValues<SealPurpose>().Select(p => $"{p}={(int)p}")));
        Assert.Equal((1, 5, 12, 16, 33, 61), (SealedValue.Layout, SealedValue.HeaderBytes, SealedValue.NonceBytes, SealedValue.TagBytes, SealedValue.OverheadBytes, KeyWrap.WrappedBytes));
    }

    private static byte[] Canonical(string?[] fields)
    {
        RowWriter row = new();
        foreach (string? field in fields)
        {
            row.Write(field);
        }

        byte[] written = row.Written.ToArray();
        row.Dispose();
        return written;
    }
}
