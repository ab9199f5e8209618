using System.Text;

namespace Coffer.Launch.Processes;

/// <summary>Arguments as the bytes they were given as. The runtime's strings lose what is not UTF-8.</summary>
internal static class RawArguments
{
    /// <summary>The bytes of <paramref name="arguments"/>, which are the last arguments of this process.</summary>
    public static byte[][] Of(ReadOnlySpan<string> arguments)
    {
        byte[][] bytes = new byte[arguments.Length][];
        bool lossy = false;
        for (int i = 0; i < bytes.Length; i++)
        {
            bytes[i] = Encoding.UTF8.GetBytes(arguments[i]);
            lossy |= arguments[i].Contains('\uFFFD', StringComparison.Ordinal);
        }

        return lossy && FromKernel(bytes.Length) is { } exact ? exact : bytes;
    }

    private static byte[][]? FromKernel(int count)
    {
        try
        {
            ReadOnlySpan<byte> all = File.ReadAllBytes("/proc/self/cmdline");
            List<byte[]> parts = [];
            while (!all.IsEmpty)
            {
                int end = all.IndexOf((byte)0);
                parts.Add(all[..(end < 0 ? all.Length : end)].ToArray());
                all = end < 0 ? [] : all[(end + 1)..];
            }

            return parts.Count > count ? [.. parts.TakeLast(count)] : null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
