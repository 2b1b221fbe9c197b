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

        // One that goes on has fetched again since.
        AssertTakes(bed, goesOn ? FetchTranslations.LeaseAndDrift : 0, MachineBed.Unmap(0, Window));
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

    /// <summary>The silo of both is cut off: the run reads the view of a table that nobody writes any more.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void View_OnASiloThatIsCutOff_IsReadNoMore_WhenUnmapIsAnswered(bool deviceToo)
    {
        MachineBed bed = Running(apart: false);
        DmaRun run = bed.LastRun;
        Assert.True(bed.Machine.TryLose(MachineBed.Table.Object, goesOn: true));
        Assert.True(!deviceToo || bed.Machine.TryLose(A.Object, goesOn: true));
        long before = run.Report().Accesses;
        AssertTakes(bed, FetchTranslations.LeaseAndDrift, MachineBed.Unmap(0, Window));
        Assert.True(run.Report().Accesses > before, "it reads on while it may");
        bed.Expect("0", new FreePages(MachineBed.Memory, 0, Window, true));
        TakeSome(bed, 200);
        Assert.Equal(0, run.Report().Freed);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Detach_WhenTheWholeCellAndTheDeviceAreCutOff_IsAnsweredWhenTheViewIsReadNoMore(bool leaving)
    {
        MachineBed bed = Running(apart: false);
        DmaRun run = bed.LastRun;
        Operation? detach = leaving ? bed.Start(MachineBed.Detach(A)) : null;
        while (leaving && !detach!.Committed)
        {
            Assert.True(bed.Machine.TakeOne());
        }

        foreach (ObjectId id in (ObjectId[])[MachineBed.Table.Ioasid.Object, MachineBed.Table.Object, A.Object])
        {
            Assert.True(bed.Machine.TryLose(id, goesOn: true));
        }

        detach ??= bed.Start(MachineBed.Detach(A));
        while (detach.Reply is null)
        {
            Assert.True(bed.Machine.TakeOne());
        }

        Assert.Equal(Reply.Ok, detach.Reply);
        bed.Expect("0 size=0x200000", MachineBed.Unmap(0, Window));
        bed.Expect("0", new FreePages(MachineBed.Memory, 0, Window, true));
        TakeSome(bed, 200);
        Assert.Equal(0, run.Report().Freed);
    }

    [Fact]
    public void Unmap_WhileADeviceIsSilent_WaitsForItsLeaseAndNoLonger()
    {
        MachineBed bed = Running(apart: true);
        Assert.True(bed.Machine.TrySilence(A.Object));
        AssertTakes(bed, FetchTranslations.LeaseAndDrift, MachineBed.Unmap(0, Window));
        AssertTakes(bed, 0, new FreePages(MachineBed.Memory, 0, Window, true));
        TakeSome(bed, 200);
        Assert.Equal(0, bed.LastRun.Report().Freed);
    }

    [Fact]
    public void Unmap_WhileTwoDevicesAreSilent_WaitsForOneLease()
    {
        MachineBed bed = Running(apart: true);
        bed.Expect("0", MachineBed.Attach(MachineBed.B));
        bed.StartDma(MachineBed.B, MachineBed.Uniform(0, Window, Long));
        TakeSome(bed, 40);
        Assert.All(bed.Machine.Runs, run => Assert.True(run.Report().Accesses > 0));
        Assert.True(bed.Machine.TrySilence(A.Object) && bed.Machine.TrySilence(MachineBed.B.Object));
        AssertTakes(bed, FetchTranslations.LeaseAndDrift, MachineBed.Unmap(0, Window));
        AssertTakes(bed, 0, new FreePages(MachineBed.Memory, 0, Window, true));
        TakeSome(bed, 200);
        Assert.All(bed.Machine.Runs, run => Assert.Equal(0, run.Report().Freed));
    }

    /// <summary>Its object is silent, its run is not, and asks to keep the lease while the UNMAP waits for the end of it.</summary>
    [Fact]
    public void Lease_OfADeviceThatHasNotInvalidated_IsNotProlonged()
    {
        var bed = new MachineBed(new Machine(new KeepLast(), apart: true));
        bed.Expect("0", MachineBed.Map(0, Window));
        bed.Expect("0", MachineBed.Attach(A));
        bed.StartDma(A, MachineBed.Uniform(0, Window, Long));
        TakeSome(bed, 20);
        bed.Machine.Pass(FetchTranslations.Lease / 2);
        Assert.True(bed.Machine.TrySilence(A.Object));
        AssertTakes(bed, FetchTranslations.LeaseAndDrift - (FetchTranslations.Lease / 2), MachineBed.Unmap(0, Window));
        AssertTakes(bed, 0, new FreePages(MachineBed.Memory, 0, Window, true));
        TakeSome(bed, 200);
        Assert.Equal(0, bed.LastRun.Report().Freed);
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
