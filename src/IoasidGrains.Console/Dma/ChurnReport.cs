// What ChurnLoop did; printed by DmaTable and DmaJson.
using System.Diagnostics;
using IoasidGrains.Uapi;

namespace IoasidGrains.Console;

/// <summary>Sums of one churn.</summary>
/// <param name="Operations">Maps and unmaps that were done.</param>
/// <param name="Unmap">How long UNMAP took to answer, as its caller sees it.</param>
/// <param name="Refused">What ended it early; OK if nothing did.</param>
internal sealed record ChurnReport(long Operations, TimeSpan Time, Latencies Unmap, Errno Refused)
{
    public double PerSecond => Time <= TimeSpan.Zero ? 0 : Operations / Time.TotalSeconds;
}

/// <summary>In microseconds; all 0 if nothing was measured.</summary>
internal sealed record Latencies(int Count, double P50, double P90, double P99, double Max)
{
    /// <param name="ticks">Of <see cref="Stopwatch"/>, in any order.</param>
    public static Latencies Of(IEnumerable<long> ticks)
    {
        double[] sorted = [.. ticks.Order().Select(tick => tick * 1e6 / Stopwatch.Frequency)];
        double At(double share) => sorted.Length == 0 ? 0 : sorted[(int)Math.Ceiling(share * sorted.Length) - 1];
        return new Latencies(sorted.Length, At(0.5), At(0.9), At(0.99), At(1));
    }
}
