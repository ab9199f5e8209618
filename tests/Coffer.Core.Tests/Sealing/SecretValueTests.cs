using System.Security.Cryptography;
using Coffer.Core.Sealing;
using Coffer.Core.Secrets;
using CsCheck;
using Xunit;

namespace Coffer.Core.Tests.Sealing;

public sealed class SecretValueTests
{
    [Fact]
    public void A_value_holds_a_copy_until_it_is_disposed()
    {
        byte[] source = RandomNumberGenerator.GetBytes(100), kept = [.. source];
        SecretValue value = SecretValue.Copy(source);
        CryptographicOperations.ZeroMemory(source);

        Assert.Equal(100, value.Length);
        Assert.Equal(kept, value.Span);
        Assert.Equal(kept, value.Memory.Span);

        value.Dispose();
        value.Dispose();

        Assert.Throws<ObjectDisposedException>(() => value.Span.Length);
        Assert.Throws<ObjectDisposedException>(() => value.Buffer.Length);
        Assert.Throws<ObjectDisposedException>(() => value.Memory.Length);
        Assert.Throws<ObjectDisposedException>(() => value.FixedTimeEquals(kept));
        Assert.Equal("***", value.ToString());
    }

    [Fact]
    public void Values_that_live_at_once_share_nothing_and_start_as_zeros() =>
        Gen.Int[0, 3000].Array[1, 40].Sample(lengths =>
        {
            SecretValue[] values = [.. lengths.Select(SecretValue.Rent)];
            bool clean = values.All(v => !v.Span.ContainsAnyExcept((byte)0));
            for (int i = 0; i < values.Length; i++)
            {
                values[i].Buffer.Fill((byte)(i + 1));
            }

            bool apart = values.Index().All(v => !v.Item.Span.ContainsAnyExcept((byte)(v.Index + 1)));
            Array.ForEach(values, v => v.Dispose());
            return clean && apart;
        });

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(64)]
    [InlineData(65)]
    [InlineData(1024 * 1024)]
    [InlineData((1024 * 1024) + 1)]
    public void Every_size_is_zeroed_at_dispose(int length)
    {
        SecretValue value = SecretValue.Rent(length);
        value.Buffer.Fill(0xA5);
        // Keeps the buffer reachable: pinned and pooled, it stays where it is.
        ReadOnlyMemory<byte> memory = value.Memory;

        value.Dispose();

        Assert.Equal(length, memory.Length);
        Assert.False(memory.Span.ContainsAnyExcept((byte)0));
    }

    [Fact]
    public void A_truncated_value_keeps_its_beginning_and_zeroes_the_rest()
    {
        SecretValue value = SecretValue.Copy([1, 2, 3, 4]);
        ReadOnlyMemory<byte> memory = value.Memory;

        value.Truncate(1);

        Assert.Equal<byte>([1], value.Span);
        Assert.Equal<byte>([1, 0, 0, 0], memory.Span);
        Assert.Throws<ArgumentOutOfRangeException>(() => value.Truncate(2));
        Assert.Throws<ArgumentOutOfRangeException>(() => value.Truncate(-1));
        value.Dispose();
        Assert.Equal<byte>([0, 0, 0, 0], memory.Span);
    }

    [Fact]
    public void Content_is_compared_only_on_purpose()
    {
        using SecretValue one = SecretValue.Copy("same"u8), two = SecretValue.Copy("same"u8), three = SecretValue.Copy("else"u8);

        Assert.True(one.FixedTimeEquals(two));
        Assert.False(one.FixedTimeEquals(three));
        Assert.False(one.FixedTimeEquals("sam"u8));
        Assert.False(one.Equals(two));
    }

    [Fact]
    public async Task Buffers_are_never_handed_out_twice_at_once()
    {
        Task[] threads = [.. Enumerable.Range(1, 4).Select(mark => Task.Run(() =>
        {
            for (int i = 0; i < 20_000; i++)
            {
                byte[] buffer = PinnedBuffers.Rent(200);
                Assert.False(buffer.AsSpan(0, 200).ContainsAnyExcept((byte)0));
                buffer.AsSpan(0, 200).Fill((byte)mark);
                Assert.False(buffer.AsSpan(0, 200).ContainsAnyExcept((byte)mark));
                PinnedBuffers.Return(buffer, 200);
            }
        }, TestContext.Current.CancellationToken))];
        await Task.WhenAll(threads);
    }
}
