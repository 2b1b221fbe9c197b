// Who is waited for when a translation is taken away: devices and page tables that were lost while they held some (reliability 3.4).
using IoasidGrains.Core;

namespace IoasidGrains.Tests;

public sealed class MachineLeaseTests
{
    private const ulong Window = DmaWorkload.MinWindow;
    private const long Long = 1L << 40;
    private static readonly DeviceId A = MachineBed.A;

    [Fact]
    public void Unmap_WhileTheDeviceAnswers_WaitsForNoLease()
    {
        MachineBed bed = Running(apart: true);
        AssertTakes(bed, 0, MachineBed.Unmap(0, Window));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Unmap_AfterTheDeviceWasLostWithFetchedTranslations_WaitsForItsLease(bool goesOn)
    {
        MachineBed bed = Running(apart: true, accesses: 4096);
        Assert.True(bed.Machine.TryLose(A.Object, goesOn));
        AssertTakes(bed, FetchTranslations.LeaseAndDrift, MachineBed.Unmap(0, Window));
        bed.Expect("0", MachineBed.Map(0, Window));
        AssertTakes(bed, 0, MachineBed.Unmap(0, Window));
    }

    [Fact]
    public void Unmap_AfterADeviceThatFetchedNothingWasLost_WaitsForNoLease()
    {
        var bed = new MachineBed(new Machine(apart: true));
        bed.Expect("0", MachineBed.Map(0, Window));
        bed.Expect("0", MachineBed.Attach(A));
        bed.Machine.Lose(A.Object);
        AssertTakes(bed, 0, MachineBed.Unmap(0, Window));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Unmap_OfATableThatIsFilledAgain_WaitsForALease_Once(bool apart)
    {
        MachineBed bed = Running(apart, accesses: 512);
        bed.Machine.RunAll();
        bed.Machine.Lose(MachineBed.Table.Object);
        bed.Expect("0", MachineBed.Map(2 * Window, Window));
        AssertTakes(bed, FetchTranslations.LeaseAndDrift, MachineBed.Unmap(0, Window));
        AssertTakes(bed, 0, MachineBed.Unmap(2 * Window, Window));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Unmap_OfAFreshTable_WaitsForNoLease(bool apart)
    {
        var bed = new MachineBed(new Machine(apart: apart));
        bed.Expect("0", MachineBed.Map(0, Window));
        bed.Expect("0", MachineBed.Attach(A));
        AssertTakes(bed, 0, MachineBed.Unmap(0, Window));
    }

    [Fact]
    public void Detach_AfterTheDeviceWasLostWithFetchedTranslations_WaitsForItsLease()
    {
        MachineBed bed = Running(apart: true, accesses: 4096);
        bed.Machine.Lose(A.Object);
        AssertTakes(bed, FetchTranslations.LeaseAndDrift, MachineBed.Detach(A));
        AssertTakes(bed, 0, MachineBed.Attach(A));
    }

    [Fact]
    public void DirtyBitmap_ReadAndCleared_AfterTheDeviceWasLost_WaitsForItsLease()
    {
        MachineBed bed = Running(apart: true, accesses: 4096);
        bed.Machine.RunAll();
        bed.Expect("0", new SetDirtyTracking(MachineBed.Fd, MachineBed.One, true));
        bed.RunDma(MachineBed.A, MachineBed.Uniform(0, Window, 512));
        bed.Machine.Lose(A.Object);
        var read = new GetDirtyBitmap(MachineBed.Fd, MachineBed.One, 0, Window, 4096, NoClear: true);
        AssertTakes(bed, 0, read);
        AssertTakes(bed, FetchTranslations.LeaseAndDrift, read with { NoClear = false });
    }

    /// <summary>
    /// The cut-off device asks to keep its lease while the table waits for the end of it. The answer comes too late, and must not give what was
    /// invalidated elsewhere a new life.
    /// </summary>
    [Fact]
    public void Lease_ThatEndedWhileItWasAskedFor_IsNotProlonged()
    {
        var bed = new MachineBed(new Machine(new KeepLast(), apart: true));
        bed.Expect("0", MachineBed.Map(0, Window));
        bed.Expect("0", MachineBed.Attach(A));
        bed.StartDma(A, MachineBed.Uniform(0, Window, 512 * 20));
        TakeSome(bed, 20);
        bed.Machine.Pass(FetchTranslations.Lease / 2);
        Assert.True(bed.Machine.TryLose(A.Object, goesOn: true));
        AssertTakes(bed, FetchTranslations.LeaseAndDrift - (FetchTranslations.Lease / 2), MachineBed.Unmap(0, Window));
        AssertTakes(bed, 0, new FreePages(MachineBed.Memory, 0, Window, true));
        long before = bed.LastRun.Report().Accesses;
        bed.Machine.RunAll();
        Assert.True(bed.LastRun.Report().Accesses > before);
        Assert.Equal(0, bed.LastRun.Report().Freed);
    }

    /// <summary>
    /// The cell's silo is cut off, not killed: its device goes on reading the table that it knows, while fd and table live elsewhere again. UNMAP waits for as long as that
    /// silo's lease may last, and then the run reads nothing more (the lease was prolonged by nobody).
    /// </summary>
    [Fact]
    public void Unmap_WhileADeviceThatWasCutOffReadsItsOwnTable_WaitsForItsLease_AndNothingFreedIsReached()
    {
        MachineBed bed = Running(apart: false);
        foreach (ObjectId id in (ObjectId[])[A.Object, MachineBed.Table.Object])
        {
            Assert.True(bed.Machine.TryLose(id, goesOn: true));
        }

        DmaRun cutOff = bed.LastRun;
        Operation unmap = bed.Start(MachineBed.Unmap(0, Window));
        PassUntilAnswered(bed, unmap);
        bed.Expect("0", new FreePages(MachineBed.Memory, 0, Window, true));
        long before = cutOff.Report().Accesses;
        TakeSome(bed, 50);
        Assert.True(before > 512, "it went on while its lease lasted");
        Assert.Equal(before, cutOff.Report().Accesses);
        Assert.Equal(0, cutOff.Report().Freed);
    }

    /// <summary>A run whose silo's lease is over stands still at the end of a section, and goes on when it is prolonged.</summary>
    [Fact]
    public void View_IsReadOnlyWhileTheSilosLeaseLasts()
    {
        (long now, DmaRun? run) = (0, null);
        var views = new LocalViews(() => now, long.MaxValue, started => run = started, leased: true);
        KernelObject table = KernelObjects.Create(MachineBed.Table.Object, StoredObject.Nothing, views);
        Fill(table, views);
        KernelObject device = KernelObjects.Create(
            A.Object, StoredObject.Nothing with { Declaration = new DeclareDevice(A, MachineBed.TraitsOf(A)), Holders = [MachineBed.Fd] }, views);
        var hold = new HoldDevice(new Stamp(MachineBed.Fd, 1, 1, 1), A, Held: true, FileOpen: true, Capable) { Route = new DmaRoute(MachineBed.Table, Capable) };
        Assert.IsType<Answer>(device.Handle(hold));
        Assert.IsType<Answer>(device.Handle(new StartDma(A, MachineBed.Uniform(0, Window, Long))));
        DmaRun source = run!;
        Assert.Equal(DmaPoint.Paused, source.Next());
        Assert.False(source.IsOver);
        views.Prolong(asked: 0);
        Assert.Equal([DmaPoint.Translated, DmaPoint.Made], [source.Next(), source.Next()]);
        now = FetchTranslations.Lease;
        Assert.Equal(DmaPoint.Paused, source.Next());
        Assert.Equal(Errno.EAGAIN, ((Answer)table.Handle(new KeepTranslations(MachineBed.Table, A, 1))).Reply.Errno);
        views.Prolong(asked: now - 1);
        views.Prolong(asked: now - 2);
        Assert.Equal(DmaPoint.Translated, source.Next());
        source.Stop(DmaRunState.Cancelled);
        Assert.Equal([DmaPoint.Made, DmaPoint.Over], [source.Next(), source.Next()]);
        Assert.True(source.IsStill);
    }

    /// <summary>The device answers nothing while its workload goes on and keeps its lease: UNMAP gives it up, the table gives it no more time, and nothing freed is reached.</summary>
    [Fact]
    public void Unmap_WhileADeviceIsSilent_EndsWithItsLease()
    {
        MachineBed bed = Running(apart: true);
        bed.Machine.Silence(A.Object);
        long began = bed.Machine.Now;
        Operation unmap = bed.Start(MachineBed.Unmap(0, Window));
        PassUntilAnswered(bed, unmap);
        Assert.InRange(bed.Machine.Now - began, FetchTranslations.LeaseAndDrift, 2 * FetchTranslations.LeaseAndDrift + Lapse);
        bed.Expect("0", new FreePages(MachineBed.Memory, 0, Window, true));
        long before = bed.LastRun.Report().Accesses;
        TakeSome(bed, 400);
        Assert.True(bed.LastRun.Report().Accesses > before, "it fetches anew and finds a hole");
        Assert.Equal(0, bed.LastRun.Report().Freed);
        Assert.True(bed.LastRun.Report().Faults.Length > 0);
    }

    /// <summary>All leases run at the same time.</summary>
    [Fact]
    public void Unmap_WhileTwoDevicesAreSilent_WaitsForOneLease()
    {
        MachineBed bed = Running(apart: true, accesses: 4096);
        bed.Expect("0", MachineBed.Attach(MachineBed.B));
        bed.RunDma(MachineBed.B, MachineBed.Uniform(0, Window, 512));
        bed.Machine.RunAll();
        bed.Machine.Silence(A.Object);
        bed.Machine.Silence(MachineBed.B.Object);
        AssertTakes(bed, FetchTranslations.LeaseAndDrift, MachineBed.Unmap(0, Window));
    }

    private const long Lapse = FetchTranslations.Lease / 8;

    private static readonly IommuCapabilities Capable = new(true, 48, IommuCapabilities.AllPageSizes, true, []);

    private static void Fill(KernelObject table, LocalViews views)
    {
        var stamp = new Stamp(MachineBed.Fd, 1, 1, 1);
        var area = new Area(new IovaRange(0, Window - 1), new UserAddress(MachineBed.Memory, 0), DmaAccess.ReadWrite);
        Assert.IsType<Answer>(table.Handle(new FillTable(stamp, MachineBed.Table, new IoasidSpec(true, 48, IommuCapabilities.AllPageSizes), [area], [A], Fresh: true)));
        Assert.NotNull(KernelObjects.Create(MachineBed.Memory.Object, StoredObject.Nothing, views));
    }

    /// <summary>Workloads go on, and time with them.</summary>
    private static void PassUntilAnswered(MachineBed bed, Operation operation)
    {
        for (int events = 1; operation.Reply is null; events++)
        {
            Assert.True(bed.Machine.TakeOne());
            if (events % 8 == 0)
            {
                bed.Machine.Pass(Lapse);
            }

            Assert.True(events < 10_000, "it is never answered");
        }

        Assert.True(operation.Reply.Succeeded, operation.Reply.ToString());
    }

    /// <summary>Asking for a longer lease arrives after everything else.</summary>
    private sealed class KeepLast : Schedule
    {
        public override int Next(IReadOnlyList<MachineEvent> pending)
        {
            int next = 0;
            while (next < pending.Count && pending[next].Command is KeepTranslations)
            {
                next++;
            }

            return next == pending.Count ? 0 : next;
        }
    }

    /// <summary>The whole cell is lost right after the answer: the fd drives its last record again, and first builds what it is for.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Unmap_ThatWasAnswered_GivesNothingBack_WhenFdIoasidAndTableAreLost(bool apart)
    {
        for (ulong seed = 1; seed <= 100; seed++)
        {
            var bed = new MachineBed(new Machine(Schedule.Seeded(seed), apart: apart));
            bed.Expect("0", MachineBed.Map(0, Window));
            bed.Expect("0", MachineBed.Attach(A));
            bed.Expect("0 size=0x200000", MachineBed.Unmap(0, Window));
            bed.Expect("0", new FreePages(MachineBed.Memory, 0, Window, true));
            LoseCell(bed);
            Operation next = bed.Start(MachineBed.Map(2 * Window, Window));
            for (int events = 0; next.Reply is null; events++)
            {
                if (events % 4 == 0 && events < 40)
                {
                    bed.Start(new StartDma(A, MachineBed.Uniform(0, Window, 512)));
                }

                Assert.True(bed.Machine.TakeOne());
            }

            Assert.Equal(Reply.Ok, next.Reply);
            bed.Machine.RunAll();
            Assert.All(bed.Machine.Runs, run => Assert.True(run.Report().Freed == 0, $"seed {seed}: {run.Report().Text}"));
        }
    }

    [Fact]
    public void Detach_ThatWasAnswered_EnablesTheDeviceNoMore_WhenAllAreLost()
    {
        MachineBed bed = Running(apart: false);
        bed.Expect("0", MachineBed.Detach(A));
        LoseCell(bed);
        bed.Machine.Lose(A.Object);
        Operation next = bed.Start(MachineBed.Map(2 * Window, Window));
        while (next.Reply is null)
        {
            Assert.True(bed.Machine.TakeOne());
            Assert.DoesNotContain(bed.Machine.Objects.OfType<Device>(), device => device.Id == A.Object && device.Records.Route is not null);
        }

        Assert.Equal(Reply.Ok, next.Reply);
        bed.Expect("0", MachineBed.Attach(A));
    }

    private static void LoseCell(MachineBed bed)
    {
        foreach (ObjectId id in (ObjectId[])[MachineBed.Fd.Object, MachineBed.Table.Ioasid.Object, MachineBed.Table.Object])
        {
            bed.Machine.Lose(id);
        }
    }

    private static void TakeSome(MachineBed bed, int events)
    {
        for (int i = 0; i < events; i++)
        {
            bed.Machine.TakeOne();
        }
    }

    /// <summary>A is attached and has made some accesses of a workload, of which the window is mapped.</summary>
    private static MachineBed Running(bool apart, long accesses = Long)
    {
        var bed = new MachineBed(new Machine(apart: apart));
        bed.Expect("0", MachineBed.Map(0, Window));
        bed.Expect("0", MachineBed.Attach(A));
        bed.StartDma(A, MachineBed.Uniform(0, Window, accesses));
        TakeSome(bed, 20);
        Assert.True(bed.LastRun.Report().Accesses > 0);
        return bed;
    }

    private static void AssertTakes(MachineBed bed, long nanoseconds, UapiCommand command)
    {
        long before = bed.Machine.Now;
        Operation operation = bed.Start(command);
        while (operation.Reply is null)
        {
            Assert.True(bed.Machine.TakeOne());
        }

        Assert.True(operation.Reply.Succeeded, operation.Reply.ToString());
        Assert.Equal(nanoseconds, bed.Machine.Now - before);
    }
}
