using System.Globalization;

namespace Coffer.Benchmarks;

/// <summary>Processor time and allocated bytes of one call, in one thread: the best of five rounds.</summary>
internal static class Steps
{
    private const int Rounds = 5;

    public static void Header() => Console.WriteLine($"{"step",-34} {"µs of cpu",10} {"bytes",8}");

    public static void Measure(string name, int calls, Action step)
    {
        double best = double.MaxValue;
        long bytes = 0;
        for (int round = 0; round < Rounds; round++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            TimeSpan cpu = Environment.CpuUsage.TotalTime;
            for (int i = 0; i < calls; i++)
            {
                step();
            }

            best = Math.Min(best, (Environment.CpuUsage.TotalTime - cpu).TotalMicroseconds / calls);
            bytes = GC.GetAllocatedBytesForCurrentThread() - before;
        }

        Print(name, best, bytes / (double)calls);
    }

    public static void Print(string name, double microseconds, double bytes) =>
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name,-34} {microseconds,10:F2} {bytes,8:F0}"));
}
