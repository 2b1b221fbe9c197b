// The harness of `targets`: variants of one work, interleaved, so that a ratio compares what the same moment of the machine gave.
using System.Runtime;

namespace IoasidGrains.Benchmarks;

/// <summary>One way to do a work.</summary>
/// <param name="Name">As the report calls it.</param>
/// <param name="Sample">Does the work some times; nanoseconds of thread time per operation.</param>
internal sealed record Variant(string Name, Func<double> Sample);

/// <summary>What the rounds gave, in the order of the variants.</summary>
internal sealed class Rounds
{
    private const int WarmSamples = 40, LeastWarmPasses = 2, MostWarmPasses = 12;
    private const double WarmMilliseconds = 60;
    private const double MostWarmMilliseconds = 600;
    private const long MillisecondsPerRound = 75;

    // The JIT compiles a method again in the background, some 100 ms after it was found to be hot; there is no event for it.
    private static readonly TimeSpan JitPause = TimeSpan.FromMilliseconds(180);

    private readonly List<double>[] _samples;

    private Rounds(List<double>[] samples) => _samples = samples;

    /// <summary>
    /// Every variant is warmed by itself, and in every round runs once untimed before it is timed; the order rotates. At least so many rounds, and
    /// of short ones so many that a disturbance of some milliseconds is not all there is.
    /// </summary>
    public static Rounds Run(int rounds, params Variant[] variants)
    {
        foreach (Variant variant in variants)
        {
            Warm(variant);
        }

        List<double>[] samples = [.. variants.Select(_ => new List<double>())];
        long start = Environment.TickCount64;
        long enough = rounds * MillisecondsPerRound;
        for (int round = 0; round < rounds || Environment.TickCount64 - start < enough; round++)
        {
            for (int i = 0; i < variants.Length; i++)
            {
                int which = (round + i) % variants.Length;
                variants[which].Sample();
                samples[which].Add(variants[which].Sample());
            }
        }

        return new Rounds(samples);
    }

    /// <summary>Median nanoseconds of one operation.</summary>
    public double Nanoseconds(int variant) => Median([.. _samples[variant]]);

    /// <summary>The median of the ratios of each round.</summary>
    public double Ratio(int variant, int to) => Median([.. _samples[variant].Zip(_samples[to], (one, other) => one / other)]);

    /// <summary>The median of the differences of each round.</summary>
    public double Difference(int variant, int to) => Median([.. _samples[variant].Zip(_samples[to], (one, other) => one - other)]);

    public static double Median(double[] values)
    {
        double[] sorted = [.. values.Order()];
        return sorted[sorted.Length / 2];
    }

    /// <summary>Until a whole pass and the pause after it have seen nothing compiled; on a busy machine the JIT's own thread waits, too.</summary>
    private static void Warm(Variant variant)
    {
        long compiled = -1;
        for (int pass = 0; pass < LeastWarmPasses || (compiled != JitInfo.GetCompiledMethodCount() && pass < MostWarmPasses); pass++)
        {
            compiled = JitInfo.GetCompiledMethodCount();
            WarmOnce(variant);
            Thread.Sleep(JitPause);
        }

        WarmOnce(variant);
    }

    private static void WarmOnce(Variant variant)
    {
        long start = Environment.TickCount64;
        int samples = 0;
        long passed;
        do
        {
            variant.Sample();
            samples++;
            passed = Environment.TickCount64 - start;
        }
        while ((samples < WarmSamples || passed < WarmMilliseconds) && passed < MostWarmMilliseconds);
    }
}
