// Processor time of the calling thread; what every figure of `targets` is measured with, so that other work on the machine is not counted.
using System.Runtime.InteropServices;

namespace IoasidGrains.Benchmarks;

/// <summary>CLOCK_THREAD_CPUTIME_ID. Reading it is a system call, so what is measured should take some microseconds.</summary>
internal static partial class ThreadTime
{
    private const int ThreadCpuTime = 3;
    private const int CalibrationRounds = 2001;

    /// <summary>What two readings, one right behind the other, differ by: taken off where much is measured in short pieces.</summary>
    public static readonly double ReadingNanoseconds = Calibrate();

    public static long Nanoseconds
    {
        get
        {
            _ = Read(ThreadCpuTime, out Time time);
            return (time.Seconds * 1_000_000_000) + time.Nanoseconds;
        }
    }

    private static double Calibrate()
    {
        var readings = new double[CalibrationRounds];
        for (int i = 0; i < readings.Length; i++)
        {
            long start = Nanoseconds;
            readings[i] = Nanoseconds - start;
        }

        Array.Sort(readings);
        return readings[readings.Length / 2];
    }

    [LibraryImport("libc", EntryPoint = "clock_gettime"), SuppressGCTransition]
    private static partial int Read(int clock, out Time time);

    private struct Time
    {
        public long Seconds, Nanoseconds;
    }
}
