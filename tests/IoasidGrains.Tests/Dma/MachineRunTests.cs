// The rules of a running workload on the Machine: what starts, what is refused, what is counted, and what ends it.
using IoasidGrains.Core;

namespace IoasidGrains.Tests;

public sealed class MachineRunTests
{
    private const ulong Window = DmaWorkload.MinWindow;
    private const long Long = 1L << 40;
    private static readonly DeviceId A = MachineBed.A;

    [Fact]
    public void StartDma_OfADeviceThatNobodyHolds_AnswersEinval_AndEbadfWhenItsFileIsClosed()
    {
        MachineBed bed = Attached();
        bed.Expect("0", new VfioUnbindIoasidFd(A));
        bed.Expect("-EINVAL", new StartDma(A, MachineBed.Uniform(0, Window, 1)));
        bed.Expect("0", new CloseDevice(A));
        bed.Expect("-EBADF", new StartDma(A, MachineBed.Uniform(0, Window, 1)));
    }

    public static TheoryData<string, DmaWorkload> Nonsense() => new()
    {
        { "no access", MachineBed.Uniform(0, Window, 0) },
        { "a window that is too small", MachineBed.Uniform(0, Window - 1, 1) },
        { "a window that ends before it starts", new DmaWorkload(DmaPattern.UniformRandom, new IovaRange(Window, 0), 1, 1) },
        { "a window that starts within a page", MachineBed.Uniform(1, Window + 4096, 1) },
        { "a pattern that is none", MachineBed.Uniform(0, Window, 1) with { Pattern = (DmaPattern)99 } },
        { "a negative depth", MachineBed.Uniform(0, Window, 1) with { Depth = -1 } },
        { "too deep a queue", MachineBed.Uniform(0, Window, 1) with { Depth = DmaWorkload.MaxDepth + 1 } },
        { "a replay of nothing", MachineBed.Uniform(0, Window, 1) with { Pattern = DmaPattern.Trace } },
        { "a trace beside another pattern", MachineBed.Uniform(0, Window, 1) with { Trace = new DmaTrace([0], [1], [false]) } },
        { "a trace of unequal columns", Replay(new DmaTrace([0], [1, 1], [false])) },
        { "a trace with an empty access", Replay(new DmaTrace([0], [0], [false])) },
        { "a trace that passes the last address", Replay(new DmaTrace([ulong.MaxValue], [2], [false])) },
        { "no workload", null! },
    };

    [Theory]
    [MemberData(nameof(Nonsense))]
    public void StartDma_OfNonsense_AnswersEinval(string what, DmaWorkload workload)
    {
        MachineBed bed = Attached();
        Assert.True(bed.Call(new StartDma(A, workload)) == Reply.Refuse(Errno.EINVAL), what);
        Assert.Empty(bed.Machine.Runs);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void StartDma_OfALostDevice_IsDrivenAgain_AndRuns(bool apart)
    {
        MachineBed bed = Attached(apart: apart);
        bed.Machine.Lose(A.Object);
        Assert.Equal(DmaRunState.Completed, bed.RunDma(A, MachineBed.Uniform(0, Window, 1024)).State);
    }

    [Fact]
    public void StartDma_WhileAnotherRunGoesOn_AnswersEbusy()
    {
        MachineBed bed = Attached();
        DmaReport first = bed.StartDma(A, MachineBed.Uniform(0, Window, Long));
        bed.Expect("-EBUSY", new StartDma(A, MachineBed.Uniform(0, Window, 1)));
        Assert.Equal(DmaRunState.Cancelled, Report(bed.Call(new StopDma(A, first.Number))).State);
        Assert.Equal(DmaRunState.Completed, bed.RunDma(A, MachineBed.Uniform(0, Window, 1)).State);
    }

    [Fact]
    public void StartDma_SentAgain_StartsNothing()
    {
        MachineBed bed = Attached();
        var start = new StartDma(A, MachineBed.Uniform(0, Window, 512)) { Request = new("once", 1) };
        long number = Report(bed.Send(start)).Number;
        Assert.Equal(number, Report(bed.Send(start)).Number);
        bed.Machine.RunAll();
        DmaReport again = Report(bed.Send(start));
        Assert.Equal((number, DmaRunState.Completed, 512), (again.Number, again.State, again.Accesses));
        Assert.Single(bed.Machine.Runs);
    }

    [Fact]
    public void WatchAndStop_OfARunThatTheDeviceDoesNotKnow_AnswerEnoent()
    {
        MachineBed bed = Attached();
        long first = bed.RunDma(A, MachineBed.Uniform(0, Window, 1)).Number;
        Assert.Equal(DmaRunState.Completed, Report(bed.Call(new StopDma(A, first))).State);
        long second = bed.RunDma(A, MachineBed.Uniform(0, Window, 1)).Number;
        Assert.NotEqual(first, second);
        bed.Expect("-ENOENT", new WatchDma(A, first));
        bed.Expect("-ENOENT", new StopDma(A, first));
        bed.Expect("-ENOENT", new WatchDma(MachineBed.B, second));

        bed.Machine.Lose(A.Object);
        bed.Expect("-ENOENT", new WatchDma(A, second));
        bed.Expect("-ENOENT", new StopDma(A, second));
        Assert.NotEqual(second, bed.RunDma(A, MachineBed.Uniform(0, Window, 1)).Number);
    }

    [Theory]
    [InlineData(false, 0x2)]
    [InlineData(true, 0x59)]
    public void StartDma_OfABlockedDevice_ReportsBlocked(bool scalable, int code)
    {
        var bed = new MachineBed(new Machine(), scalable);
        DmaReport report = bed.StartDma(A, MachineBed.Uniform(Window, Window, 100));
        Assert.Equal(DmaRunState.Detached, report.State);
        Assert.Equal([new DmaFaultCount(DmaFault.ContextNotPresent, code, 1, Window)], report.Faults);
        Assert.Equal((0, 0, 0), (report.Accesses, report.Translations, report.Bytes));
        Assert.Empty(bed.Machine.Runs);
    }

    /// <summary>
    /// Two bursts of 512: writes, then reads. That SNP is reserved on a unit without Snoop Control cannot be reached by ioctls: ATTACH of such a unit to an
    /// IOASID in snoop format is EINVAL; the page table's own tests have it.
    /// </summary>
    [Theory]
    [InlineData(DmaAccess.Read, DmaFault.NoWrite, false, 0x5)]
    [InlineData(DmaAccess.Read, DmaFault.NoWrite, true, 0x79)]
    [InlineData(DmaAccess.Write, DmaFault.NoRead, false, 0x6)]
    [InlineData(DmaAccess.Write, DmaFault.NoRead, true, 0x79)]
    public void Faults_OfAPermission_AreCountedWithTheUnitsCode(DmaAccess mapped, DmaFault fault, bool scalable, int code)
    {
        DmaWorkload workload = MachineBed.Uniform(0, Window, 1024);
        ulong first = PagesOf(workload, bursts: 2)[mapped == DmaAccess.Read ? 0 : 512];
        foreach (bool apart in (bool[])[false, true])
        {
            var bed = new MachineBed(new Machine(apart: apart), scalable);
            bed.Expect("0", MachineBed.Map(0, Window, mapped));
            bed.Expect("0", MachineBed.Attach(A));
            DmaReport report = bed.RunDma(A, workload);
            Assert.Equal([new DmaFaultCount(fault, code, 512, first)], report.Faults);
            Assert.Equal((1024L, 1024L, 512L * 64), (report.Accesses, report.Translations, report.Bytes));
        }
    }

    [Theory]
    [InlineData(false, 0x4)]
    [InlineData(true, 0x84)]
    public void Faults_BeyondTheWidth_AreCountedWithTheUnitsCode(bool scalable, int code)
    {
        const ulong End = 1UL << 39;
        DmaWorkload workload = MachineBed.Uniform(End - Window, 2 * Window, 1024);
        ulong[] pages = [.. PagesOf(workload, bursts: 2).Where(page => page >= End)];
        foreach (bool apart in (bool[])[false, true])
        {
            var bed = new MachineBed(new Machine(apart: apart), scalable, width: 39);
            bed.Expect("0", MachineBed.Map(End - Window, Window));
            bed.Expect("0", MachineBed.Attach(A));
            Assert.Equal([new DmaFaultCount(DmaFault.BeyondWidth, code, pages.Length, pages[0])], bed.RunDma(A, workload).Faults);
        }
    }

    [Fact]
    public void Faults_OfAHole_AreNoWriteAndNoRead_AndGoneAfterMap()
    {
        foreach (bool apart in (bool[])[false, true])
        {
            var bed = new MachineBed(new Machine(apart: apart), scalable: false);
            bed.Expect("0", MachineBed.Attach(A));
            DmaReport report = bed.RunDma(A, MachineBed.Uniform(0, Window, 1024));
            Assert.Equal([(DmaFault.NoWrite, 5, 512L), (DmaFault.NoRead, 6, 512L)], report.Faults.Select(fault => (fault.Fault, fault.Code, fault.Count)));
            bed.Expect("0", MachineBed.Map(0, Window));
            Assert.Empty(bed.RunDma(A, MachineBed.Uniform(0, Window, 1024)).Faults);
        }
    }

    public static TheoryData<DmaPattern> Patterns => [.. Enum.GetValues<DmaPattern>()];

    [Theory]
    [MemberData(nameof(Patterns))]
    public void Report_IsTheSameFromAViewAndFromACache_ButForTheCachesNumbers(DmaPattern pattern)
    {
        DmaWorkload workload = pattern == DmaPattern.Trace
            ? Replay(new DmaTrace([0x1000, 0x3ffffe, 0x10_0000], [8192, 4, 1], [true, false, true])) with { Accesses = 3000 }
            : new DmaWorkload(pattern, new IovaRange(0, (8UL << 20) - 1), 3000, 7);
        DmaReport view = RunWithAHole(apart: false, workload);
        DmaReport cache = RunWithAHole(apart: true, workload);
        Assert.Equal(DmaRunState.Completed, view.State);
        Assert.True(view.Accesses >= 3000 && view.Accesses < 3000 + DmaSource.MaxBurst);
        Assert.True(view.Faulted > 0 && view.Bytes > 0);
        Assert.Equal((0, 0, 0), (view.CacheLookups, view.CacheHits, view.CacheFills));
        Assert.Equal(cache.Translations, cache.CacheLookups);
        Assert.True(cache.CacheHits > 0 && cache.CacheFills > 0);
        Assert.Equal(view.Faults, cache.Faults);
        Assert.Equal(view with { Faults = [] }, cache with { Faults = view.Faults[..0], CacheLookups = 0, CacheHits = 0, CacheFills = 0 }, SameNumbers);
    }

    public static TheoryData<string, UapiCommand[]> Endings() => new()
    {
        { "detach", [MachineBed.Detach(A)] },
        { "unbind", [new VfioUnbindIoasidFd(A)] },
        { "close", [new CloseDevice(A)] },
        { "close of the fd, then of the device", [new CloseFd(MachineBed.Fd), new CloseDevice(A)] },
    };

    [Theory]
    [MemberData(nameof(Endings))]
    public void Run_EndsDetached_AndTheAnswerComesAfterItsLastSection(string what, UapiCommand[] endings)
    {
        for (ulong seed = 1; seed <= 40; seed++)
        {
            foreach (bool apart in (bool[])[false, true])
            {
                MachineBed bed = Attached(Schedule.Seeded(seed), apart);
                long number = bed.StartDma(A, MachineBed.Uniform(0, Window, Long)).Number;
                DmaRun run = bed.LastRun;
                foreach (UapiCommand ending in endings)
                {
                    Operation operation = bed.Start(ending);
                    while (operation.Reply is null && bed.Machine.TakeOne())
                    {
                    }

                    Assert.True(operation.Reply!.Succeeded, $"{what}, seed {seed}, apart {apart}: {operation.Reply}");
                }

                string atAnswer = Text(run.Report());
                Assert.True(run.IsStill, $"{what}, seed {seed}, apart {apart}: a section is open after the answer");
                bed.Machine.RunAll();
                Assert.Equal(atAnswer, Text(run.Report()));
                DmaReport report = Report(bed.Call(new WatchDma(A, number)));
                Assert.Equal(DmaRunState.Detached, report.State);
            }
        }
    }

    /// <summary>As the group's other member stays attached, and the other device's run goes on.</summary>
    [Fact]
    public void Detach_OfOneDevice_EndsNoRunOfAnother()
    {
        MachineBed bed = Attached();
        bed.Expect("0", MachineBed.Attach(MachineBed.B));
        bed.StartDma(A, MachineBed.Uniform(0, Window, Long));
        long other = bed.StartDma(MachineBed.B, MachineBed.Uniform(0, Window, Long)).Number;
        bed.Expect("0", MachineBed.Detach(A));
        DmaReport before = Report(bed.Call(new WatchDma(MachineBed.B, other)));
        DmaReport after = Report(bed.Call(new WatchDma(MachineBed.B, other)));
        Assert.Equal(DmaRunState.Running, after.State);
        Assert.True(after.Accesses > before.Accesses);
    }

    /// <summary>One silo's worth of trouble: a run of before must leave the cache alone that the next run uses.</summary>
    [Fact]
    public void Stop_WhileTheRunAsksThePageTable_LeavesTheCacheToTheNextRun()
    {
        for (ulong seed = 1; seed <= 200; seed++)
        {
            MachineBed bed = Attached(Schedule.Seeded(seed), apart: true);
            for (int i = 0; i < 4; i++)
            {
                Operation start = bed.Start(new StartDma(A, MachineBed.Uniform(0, Window, 4096)));
                TakeUntilAnswered(bed, start);
                TakeUntilAnswered(bed, bed.Start(new StopDma(A, Report(start.Reply!).Number)));
                Assert.True(bed.LastRun.IsStill);
            }

            bed.Machine.RunAll();
            Assert.All(bed.Machine.Runs, run => Assert.NotEqual(DmaRunState.Running, run.Report().State));
        }
    }

    /// <summary>Reading dirty pages invalidates them; what is only invalidated is fetched again and is no fault.</summary>
    [Fact]
    public void Invalidation_OfPagesThatStayMapped_IsNoFault()
    {
        for (ulong seed = 1; seed <= 100; seed++)
        {
            MachineBed bed = Attached(Schedule.Seeded(seed), apart: true);
            bed.Expect("0", new SetDirtyTracking(MachineBed.Fd, MachineBed.One, true));
            Operation start = bed.Start(new StartDma(A, MachineBed.Uniform(0, Window, 8192)));
            for (ulong page = 0; page < 8; page++)
            {
                TakeUntilAnswered(bed, bed.Start(new GetDirtyBitmap(MachineBed.Fd, MachineBed.One, page * 4096, 64 * 4096, 4096, NoClear: false)));
            }

            bed.Machine.RunAll();
            Assert.True(bed.LastRun.Report().Faulted == 0, $"seed {seed}: {bed.LastRun.Report().Text}");
            Assert.True(start.Reply!.Succeeded);
        }
    }

    [Fact]
    public void DriveAgain_OfADeviceThatLostNothing_EndsNoRun()
    {
        MachineBed bed = Attached();
        long number = bed.StartDma(A, MachineBed.Uniform(0, Window, Long)).Number;
        bed.Expect("0", MachineBed.Map(Window, Window));
        bed.Expect("0", new DriveAgain(MachineBed.Fd, A.Object));
        Assert.Equal(DmaRunState.Running, Report(bed.Call(new WatchDma(A, number))).State);
    }

    private static readonly IEqualityComparer<DmaReport> SameNumbers = EqualityComparer<DmaReport>.Create((a, b) => Text(a!) == Text(b!));

    private static MachineBed Attached(Schedule? schedule = null, bool apart = false)
    {
        var bed = new MachineBed(new Machine(schedule, apart: apart));
        bed.Expect("0", MachineBed.Map(0, Window));
        bed.Expect("0", MachineBed.Attach(A));
        return bed;
    }

    private static DmaReport RunWithAHole(bool apart, DmaWorkload workload)
    {
        var bed = new MachineBed(new Machine(apart: apart));
        bed.Expect("0", MachineBed.Map(0, 3UL << 20));
        bed.Expect("0", MachineBed.Map(5UL << 20, 3UL << 20));
        bed.Expect("0", MachineBed.Attach(A));
        return bed.RunDma(A, workload) with { Number = 0 };
    }

    private static void TakeUntilAnswered(MachineBed bed, Operation operation)
    {
        while (operation.Reply is null)
        {
            Assert.True(bed.Machine.TakeOne());
        }
    }

    private static DmaWorkload Replay(DmaTrace trace) => new(DmaPattern.Trace, default, 1, 0) { Trace = trace };

    private static ulong[] PagesOf(DmaWorkload workload, int bursts)
    {
        DmaSource source = DmaSources.Create(workload);
        var iovas = new ulong[DmaSource.MaxBurst];
        List<ulong> pages = [];
        for (int burst = 0; burst < bursts; burst++)
        {
            int count = source.Next(iovas, new int[DmaSource.MaxBurst]).Count;
            pages.AddRange(iovas[..count].Select(iova => iova & ~(Quantity.PageSize - 1)));
        }

        return [.. pages];
    }

    private static string Text(DmaReport report) => $"{report.Text} first_freed={report.FirstFreed} ns={report.Nanoseconds}";

    private static DmaReport Report(Reply reply) => Assert.IsType<DmaReport>(reply.Outputs);
}
