// A session of `ioasid dma` against a port that answers from a script: what it sends, what it makes of the answers.
using IoasidGrains.Console;

namespace IoasidGrains.Tests;

public sealed class DmaSessionTests
{
    private const ulong GiB = 1UL << 30;
    private static readonly HostId Host = new("host1");
    private static readonly DmaChoice Choice = new("random", Quantity.PageSize, GiB, 2, 1000, TimeSpan.FromSeconds(3), 0, 1, null, null, false);

    [Fact]
    public async Task Session_SetsUpRunsAndTearsDown()
    {
        var uapi = new FakeUapi(Answer);

        DmaResult result = await Run(uapi, Choice);

        Assert.True(result.IsSound);
        Assert.Equal([2000L, 2000], result.Devices.Select(device => device.Report.Translations));
        Assert.Equal(
            [
                typeof(DeclareUnit), typeof(OpenFd), typeof(DeclareDevice), typeof(VfioBindIoasidFd), typeof(DeclareDevice), typeof(VfioBindIoasidFd),
                typeof(IoasidAlloc), typeof(VfioAttachIoasid), typeof(VfioAttachIoasid), typeof(IoasidMapDma), typeof(StartDma), typeof(StartDma),
                typeof(VfioDetachIoasid), typeof(VfioUnbindIoasidFd), typeof(CloseDevice), typeof(VfioDetachIoasid), typeof(VfioUnbindIoasidFd),
                typeof(CloseDevice), typeof(CloseFd),
            ],
            uapi.Commands.Select(command => command.GetType()));
        Assert.Equal(uapi.Commands.Count, uapi.Commands.Select(command => command.Request).Distinct().Count());
    }

    [Theory]
    [InlineData(4UL << 10, 4UL << 10)]
    [InlineData(2UL << 20, (4UL << 10) | (2UL << 20))]
    [InlineData(1UL << 30, IommuCapabilities.AllPageSizes)]
    public async Task Pages_LimitWhatTheUnitCan(ulong pageSize, ulong sizes)
    {
        var uapi = new FakeUapi(Answer);

        await Run(uapi, Choice with { PageSize = pageSize });

        Assert.Equal(sizes, uapi.Commands.OfType<DeclareUnit>().Single().Capabilities.PageSizes);
    }

    [Fact]
    public async Task SetUpRefused_SaysWhatWasAsked_AndIsTornDown()
    {
        var uapi = new FakeUapi(command => command is IoasidMapDma ? Reply.Refuse(Errno.ENOMEM) : Answer(command));

        ConsoleException refused = await Assert.ThrowsAsync<ConsoleException>(() => Run(uapi, Choice));

        Assert.StartsWith("mapping 1 GiB at 0x100000000 as 4K pages was refused: -ENOMEM; that takes about 2 MiB of page tables", refused.Message);
        Assert.IsType<CloseFd>(uapi.Commands[^1]);
        Assert.Equal(2, uapi.Commands.Count(command => command is CloseDevice));
    }

    [Fact]
    public async Task RunLost_IsNotSound_AndSaysSo()
    {
        var uapi = new FakeUapi(command => command switch
        {
            StartDma { Device.Key: "host1/dev1" } => Reply.With(Report(DmaRunState.Running)),
            WatchDma => Reply.Refuse(Errno.ENOENT),
            _ => Answer(command),
        });

        DmaResult result = await Run(uapi, Choice);

        Assert.False(result.IsSound);
        Assert.Contains("dev1: lost with its silo or its page table; at least so much was completed", DmaTable.Lines(result));
    }

    [Fact]
    public async Task Interrupted_StopsTheRuns_AndTearsDown()
    {
        using var cancellation = new CancellationTokenSource();
        var uapi = new FakeUapi(command =>
        {
            if (command is not (StartDma or StopDma))
            {
                return Answer(command);
            }

            cancellation.Cancel();
            return Reply.With(Report(command is StopDma ? DmaRunState.Cancelled : DmaRunState.Running));
        });

        DmaResult result = await Run(uapi, Choice, cancellation.Token);

        Assert.Equal(["stopped", "stopped"], result.Devices.Select(DmaTable.State));
        Assert.IsType<CloseFd>(uapi.Commands[^1]);
    }

    [Theory]
    [InlineData(5, 0x1_0000_0000UL, true)]
    [InlineData(6, 0x1_003f_f000UL, true)]
    [InlineData(6, 0x1_0040_0000UL, false)]
    [InlineData(0xC, 0x1_0000_0000UL, false)]
    public async Task Faults_AreExpectedOnlyInChurnedPages(int fault, ulong iova, bool expected)
    {
        DmaFaultCount count = new((DmaFault)fault, fault, 3, iova);
        var uapi = new FakeUapi(command => command is StartDma ? Reply.With(Report(DmaRunState.Completed) with { Faults = [count] }) : Answer(command));

        DmaResult result = await Run(uapi, Choice with { Churn = 0 });

        Assert.Equal(expected, result.IsSound);
    }

    [Fact]
    public async Task FreedPageReached_IsNotSound()
    {
        var uapi = new FakeUapi(command => command is StartDma ? Reply.With(Report(DmaRunState.Completed) with { Freed = 2, FirstFreed = 0x5000 }) : Answer(command));

        DmaResult result = await Run(uapi, Choice with { Churn = 0 });

        Assert.False(result.IsSound);
        Assert.Contains("4 freed pages were reached by a device", DmaTable.Lines(result));
        Assert.Contains("dev1: reached 2 freed pages, the first at 0x5000", DmaTable.Lines(result));
    }

    [Fact]
    public async Task Churn_FreesAfterUnmap_AndTakesBeforeMap()
    {
        var ring = new ChurnRing(1UL << 32, GiB, Quantity.PageSize, 4);
        var uapi = new FakeUapi(Answer);
        using var cancellation = new CancellationTokenSource();
        uapi.Gate = command =>
        {
            if (uapi.Commands.Count(sent => sent is IoasidUnmapDma) == 6)
            {
                cancellation.Cancel();
            }

            return Task.CompletedTask;
        };
        var bed = new DmaBed(uapi, Host, "s", DmaPlan.Of(Choice with { Churn = 0 }), Choice);

        var churn = new ChurnLoop(uapi, new("churn"), bed, ring, rate: 0);
        Assert.Equal(Reply.Ok, await churn.Fill(default));
        ChurnReport report = await churn.Run(cancellation.Token);

        Assert.Equal((12L, 6, Errno.OK), (report.Operations, report.Unmap.Count, report.Refused));
        var owned = Enumerable.Repeat(false, 4).ToArray();
        var mapped = Enumerable.Repeat(false, 4).ToArray();
        foreach (UapiCommand command in uapi.Commands)
        {
            switch (command)
            {
                case FreePages free:
                    int page = (int)((free.Offset - GiB) / Quantity.PageSize);
                    Assert.False(mapped[page]);
                    owned[page] = !free.Free;
                    break;
                case IoasidMapDma map:
                    int at = (int)((map.Iova - ring.Iova) / Quantity.PageSize);
                    Assert.Equal((true, false, GiB + (map.Iova - ring.Iova)), (owned[at], mapped[at], map.Memory.Offset));
                    mapped[at] = true;
                    break;
                case IoasidUnmapDma unmap:
                    Assert.True(mapped[(int)((unmap.Iova - ring.Iova) / Quantity.PageSize)]);
                    mapped[(int)((unmap.Iova - ring.Iova) / Quantity.PageSize)] = false;
                    break;
                default:
                    Assert.Fail($"{command} does not belong to a churn");
                    break;
            }
        }
    }

    [Fact]
    public async Task Memory_LivesWithTheFd()
    {
        var uapi = new FakeUapi(Answer);

        await Run(uapi, Choice with { Churn = 0 });

        GuestMemoryId memory = new FdId("host1/fd1").ProcessMemory;
        Assert.All(uapi.Commands.OfType<IoasidMapDma>(), map => Assert.Equal(memory, map.Memory.Memory));
        Assert.All(uapi.Commands.OfType<FreePages>(), free => Assert.Equal(memory, free.Memory));
    }

    [Theory]
    [InlineData(80, "random: 1.0 of 3 s, 331.0 M/s, 12345 maps and unmaps")]
    [InlineData(53, "random: 1.0 of 3 s, 331.0 M/s, 12345 maps and unmaps")]
    [InlineData(52, "random: 1.0 of 3 s, 331.0 M/s")]
    [InlineData(20, "random: 1.0 of 3 s")]
    [InlineData(8, "random:")]
    [InlineData(0, "r")]
    public void Progress_FitsTheWindow_LeavingTheLastColumnFree(int columns, string line) =>
        Assert.Equal(line, DmaProgress.Fit(["random: 1.0 of 3 s", "331.0 M/s", "12345 maps and unmaps"], columns));

    [Fact]
    public async Task Progress_ThatIsWatched_IsAsWideAsTheWindow()
    {
        var error = new StringWriter();
        using var over = new CancellationTokenSource();
        DmaReport[] reports = [DmaReport.Nothing with { Translations = 123_456_789_012 }];
        var terminal = new Terminal(TextReader.Null, TextWriter.Null, error, CanEdit: false, ShowsProgress: true)
        {
            Columns = () =>
            {
                over.Cancel();
                return 30;
            },
        };

        await new DmaProgress(terminal, Choice, () => reports, () => 5).Show(over.Token);

        string[] lines = error.ToString().Split('\r', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(["\u001b[K", "random: 0 %"], [lines[^1], lines[0].Split(',')[0]]);
        Assert.InRange(lines[0].Replace("\u001b[K", "").Length, 1, 29);
    }

    [Fact]
    public async Task ChurnRefused_EndsIt_AndIsNotSound()
    {
        var uapi = new FakeUapi(command => command is IoasidUnmapDma ? Reply.Refuse(Errno.EIO) : Answer(command));
        var bed = new DmaBed(uapi, Host, "s", DmaPlan.Of(Choice with { Churn = 0 }), Choice);

        ChurnReport report = await new ChurnLoop(uapi, new("churn"), bed, new ChurnRing(0, 0, Quantity.PageSize, 4), rate: 0).Run(default);

        Assert.Equal((0L, Errno.EIO), (report.Operations, report.Refused));
    }

    [Fact]
    public void Plan_ChurnedPagesStandFirst_AndTheWindowCoversThem()
    {
        DmaPlan plan = DmaPlan.Of(Choice with { Churn = 100, PageSize = GiB });

        Assert.Equal(new ChurnRing(4 * GiB, GiB, GiB, 4), plan.Churn);
        Assert.Equal(new PlannedArea(new IovaRange(8 * GiB, (9 * GiB) - 1), 0), Assert.Single(plan.Areas));
        Assert.Equal(new IovaRange(4 * GiB, (9 * GiB) - 1), plan.Window);
        Assert.True(plan.WorkloadOf(Choice, 0).WatchFreed);
    }

    [Fact]
    public void TraceRanges_AreJoined_AndLeaveTheInterruptWindowOut()
    {
        var trace = new DmaTrace([0x1000, 0x3f_ffff, 0xfee0_0000, 1UL << 56], [1, 2, 1, 1], new bool[4]);

        Assert.Equal(
            [new(0, 0x5f_ffff), new(0xfef0_0000, 0xfeff_ffff), new(1UL << 56, (1UL << 56) + 0x1f_ffff)],
            TraceRanges.Of(trace, TraceRanges.Granule));
    }

    [Fact]
    public void Latencies_ArePercentilesOfWhatWasMeasured()
    {
        long tick = System.Diagnostics.Stopwatch.Frequency / 1_000_000;

        Latencies latencies = Latencies.Of(Enumerable.Range(1, 100).Select(number => number * tick).Reverse());

        Assert.Equal(new Latencies(100, 50, 90, 99, 100), latencies);
        Assert.Equal(new Latencies(0, 0, 0, 0, 0), Latencies.Of([]));
    }

    private static Task<DmaResult> Run(FakeUapi uapi, DmaChoice choice, CancellationToken cancellation = default)
    {
        var terminal = new Terminal(TextReader.Null, TextWriter.Null, TextWriter.Null, CanEdit: false, ShowsProgress: false);
        return new DmaSession(uapi, Host, "run", onMachine: false, choice, terminal).Run(cancellation);
    }

    private static Reply Answer(UapiCommand command) => command switch
    {
        IoasidAlloc => new Reply(Errno.OK, 1),
        StartDma or WatchDma or StopDma => Reply.With(Report(DmaRunState.Completed)),
        _ => Reply.Ok,
    };

    private static DmaReport Report(DmaRunState state) =>
        DmaReport.Nothing with { Number = 1, State = state, Accesses = 1000, Translations = 2000, Bytes = 64000, Nanoseconds = 1_000_000 };
}
