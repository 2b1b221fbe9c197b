// The threads that take a silo's workloads along: few, shared by all runs, and none held by a run that waits for an answer.
using System.Collections.Concurrent;
using System.Diagnostics;
using IoasidGrains.Core;
using IoasidGrains.Grains;
using Microsoft.Extensions.Logging.Abstractions;

namespace IoasidGrains.Tests;

public sealed class DmaThreadsTests
{
    private const int Threads = 2;
    private const long Long = 1L << 40;

    /// <summary>Far above what is needed; only something that hangs reaches it.</summary>
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task MoreRunsThanThreads_AllGoOn_AndAreStoppedAtOnce()
    {
        DmaThreads threads = Answering(RunBed.Fetched);
        DmaRun[] runs = Start(threads, 16, Long);

        // Twice: that each has begun is not that it ever comes back.
        await Until(() => runs.All(run => run.Report().Accesses > 0));
        long[] before = [.. runs.Select(run => run.Report().Accesses)];
        await Until(() => runs.Zip(before).All(pair => pair.First.Report().Accesses > pair.Second));
        foreach (DmaRun run in runs)
        {
            run.Stop(DmaRunState.Cancelled);
        }

        await Until(() => runs.All(run => run.IsStill));
    }

    [Fact]
    public async Task Runs_ShareTheThreads()
    {
        var seen = new ConcurrentDictionary<int, bool>();
        DmaThreads threads = Answering(asked =>
        {
            seen[Environment.CurrentManagedThreadId] = true;
            return RunBed.Fetched(asked);
        });

        DmaRun[] runs = Start(threads, 16, 100_000);
        await Until(() => runs.All(run => run.IsStill));

        Assert.All(runs, run => Assert.Equal(DmaRunState.Completed, run.Report().State));
        Assert.InRange(seen.Count, 1, Threads);
    }

    [Fact]
    public async Task RunsThatWaitForAnswers_HoldNoThread()
    {
        var answers = new TaskCompletionSource();
        var threads = new DmaThreads(
            async (_, asked) =>
            {
                if (((FetchTranslations)asked).Device.Key != "h/dev99")
                {
                    await answers.Task;
                }

                return RunBed.Fetched(asked);
            },
            NullLogger.Instance, Threads);
        DmaRun[] waiting = Start(threads, 4 * Threads, 1000);

        DmaRun other = RunBed.Create(99, 1000);
        threads.Start(other);
        await Until(() => other.IsStill);
        Assert.All(waiting, run => Assert.False(run.IsOver));

        answers.SetResult();
        await Until(() => waiting.All(run => run.IsStill));
        Assert.All(waiting, run => Assert.Equal(DmaRunState.Completed, run.Report().State));
    }

    [Fact]
    public async Task IdleThreads_TakeTheNextRun()
    {
        DmaThreads threads = Answering(RunBed.Fetched);
        for (int number = 1; number <= 100; number++)
        {
            DmaRun run = RunBed.Create(number, 1000);
            threads.Start(run);
            await Until(() => run.IsStill);
            Assert.Equal(DmaRunState.Completed, run.Report().State);
        }
    }

    [Fact]
    public async Task LostAnswer_IsAskedForAgain()
    {
        int asked = 0;
        DmaThreads threads = Answering(command => ++asked == 1 ? throw new TimeoutException() : RunBed.Fetched(command));

        DmaRun run = Assert.Single(Start(threads, 1, 1000));
        await Until(() => run.IsStill);

        Assert.Equal((DmaRunState.Completed, 2), (run.Report().State, asked));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task RunThatBreaks_IsLost_AndTheOthersGoOn(bool whileAsking)
    {
        DmaThreads threads = Answering(asked => ((FetchTranslations)asked).Device.Key != "h/dev1" ? RunBed.Fetched(asked)
            : whileAsking ? throw new InvalidOperationException("a bug") : Reply.With(new FetchedTranslations([], [], 48, [])));

        DmaRun[] runs = Start(threads, 4 * Threads, 1000);
        await Until(() => runs.All(run => run.IsStill));

        Assert.Equal(DmaRunState.Lost, runs[0].Report().State);
        Assert.All(runs[1..], run => Assert.Equal(DmaRunState.Completed, run.Report().State));
    }

    private static DmaThreads Answering(Func<Command, Reply> answer) =>
        new((_, asked) => ValueTask.FromResult(answer(asked)), NullLogger.Instance, Threads);

    private static DmaRun[] Start(DmaThreads threads, int count, long accesses)
    {
        DmaRun[] runs = [.. Enumerable.Range(1, count).Select(number => RunBed.Create(number, accesses))];
        Array.ForEach(runs, threads.Start);
        return runs;
    }

    private static async Task Until(Func<bool> isSo)
    {
        long began = Stopwatch.GetTimestamp();
        while (!isSo())
        {
            Assert.True(Stopwatch.GetElapsedTime(began) < Deadline, "It hangs.");
            await Task.Yield();
        }
    }
}
