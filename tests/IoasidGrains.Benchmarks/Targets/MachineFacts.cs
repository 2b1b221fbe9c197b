// What of the machine a figure depends on.
using System.Globalization;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace IoasidGrains.Benchmarks;

/// <summary>Read from /proc and /sys.</summary>
internal static class MachineFacts
{
    /// <summary>Memory that can be had without swapping.</summary>
    public static ulong AvailableBytes() => ulong.Parse(
        File.ReadLines("/proc/meminfo").First(line => line.StartsWith("MemAvailable:", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1],
        CultureInfo.InvariantCulture) << 10;

    public static string Line(bool hasC)
    {
        string model = File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':')[1].Trim() ?? "?";
        string pages = File.ReadAllText("/sys/kernel/mm/transparent_hugepage/enabled");
        string vectors = Vector512.IsHardwareAccelerated ? "512-bit vectors" : Avx2.IsSupported ? "AVX2" : "no AVX2";
        string load = File.ReadAllText("/proc/loadavg").Split(' ')[0];
        return $"{Environment.ProcessorCount} cores ({model}, {vectors}), {AvailableBytes() >> 30} GiB available, THP {Chosen(pages)}, load {load}, "
            + $".NET {Environment.Version}, baseline: {(hasC ? "C, gcc -O3 -march=native" : "no gcc here: our own walk on spans")}";
    }

    private static string Chosen(string words) =>
        words.IndexOf('[') is int start and >= 0 ? words[(start + 1)..words.IndexOf(']')] : words.Trim();
}
