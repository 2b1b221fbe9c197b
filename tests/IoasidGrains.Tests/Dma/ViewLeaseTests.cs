// The lease of what a silo shows its devices: accesses are made only while it lasts, and nothing that a table grants outlasts it.
using IoasidGrains.Core;

namespace IoasidGrains.Tests;

public sealed class ViewLeaseTests
{
    private const long Lease = FetchTranslations.Lease;
    private static readonly DeviceId A = MachineBed.A;

    [Fact]
    public void Run_WhileTheLeaseIsRenewed_GoesOn_WithoutAMessage()
    {
        var bed = new ViewBed();
        DmaRun run = bed.Start();
        for (int i = 1; i <= 20; i++)
        {
            bed.Views.Renew(bed.Now + Lease);
            bed.Now += Lease / 2;
            Assert.Equal((DmaPoint.Translated, DmaPoint.Made), (run.Next(), run.Next()));
            Assert.Equal(512 * i, run.Report().Accesses);
        }
    }

    [Fact]
    public void Run_WhoseLeaseEndsInASection_MakesNoneOfItsAccesses_AndGoesOnWhenItIsRenewed()
    {
        var bed = new ViewBed();
        bed.Views.Renew(Lease);
        DmaRun run = bed.Start();
        Assert.Equal(DmaPoint.Translated, run.Next());
        bed.Now = Lease;
        Assert.Equal(DmaPoint.Made, run.Next());
        Assert.Equal((0, false), (run.Report().Accesses, run.IsInSection));

        Assert.Equal((DmaPoint.Waits, DmaPoint.Waits), (run.Next(), run.Next()));
        Assert.Equal((false, 0), (run.IsInSection, run.Report().CacheLookups));
        bed.Views.Renew(bed.Now + Lease);
        Assert.True(run.Until!.IsReached);
        Assert.Equal((DmaPoint.Translated, DmaPoint.Made), (run.Next(), run.Next()));
        Assert.Equal((512, DmaRunState.Running), (run.Report().Accesses, run.Report().State));
    }

    [Fact]
    public void Run_WhoseLeaseIsOver_IsStoppedAtOnce()
    {
        var bed = new ViewBed();
        bed.Views.Renew(0);
        DmaRun run = bed.Start();
        Assert.Equal(DmaPoint.Waits, run.Next());
        Assert.True(ViewBed.Answer(bed.Device, new StopDma(A, run.Number)).Succeeded);
        Assert.Equal((true, DmaRunState.Cancelled), (run.IsStill, run.Report().State));
    }

    [Fact]
    public void Run_ThatWaitsForTheLease_GoesOnWithTheCache_WhenTheTableLivesElsewhere()
    {
        var bed = new ViewBed();
        bed.Views.Renew(0);
        DmaRun run = bed.Start();
        Assert.Equal(DmaPoint.Waits, run.Next());
        bed.Views.EndTable(MachineBed.Table);
        Assert.True(run.Until!.IsReached);
        Assert.Equal(DmaPoint.Asks, run.Next());
    }

    [Fact]
    public void Run_InASectionOfATableThatLivesElsewhere_MakesNoneOfItsAccesses_ThoughTheLeaseIsRenewed()
    {
        var bed = new ViewBed();
        DmaRun run = bed.Start();
        Assert.Equal(DmaPoint.Translated, run.Next());
        bed.Views.EndTable(MachineBed.Table);
        bed.Views.Renew(bed.Now + Lease);
        Assert.Equal((DmaPoint.Made, DmaPoint.Asks), (run.Next(), run.Next()));
        Assert.Equal(0, run.Report().Accesses);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Table_ThatLivesElsewhere_GrantsNothing_UntilItIsFilledAgain(bool apart)
    {
        var bed = new ViewBed(apart);
        bed.Views.EndTable(MachineBed.Table);
        Command[] asks =
        [
            new FetchTranslations(MachineBed.Table, A, 1, 0, [0]), new KeepTranslations(MachineBed.Table, A, 1, 0),
            new Translate(MachineBed.Table, A, 1, 0, 1, DmaAccess.Read, true),
        ];
        Assert.All(asks, ask => Assert.Equal(ReplyStatus.NotDriven, ViewBed.Answer(bed.Table, ask).Status));
        bed.Fill(bed.Table, order: 1);
        Assert.All(asks, ask => Assert.True(ViewBed.Answer(bed.Table, ask).Succeeded));
    }

    [Fact]
    public void Table_FilledOnTheSameSilo_EndsTheViewOfTheOneBefore()
    {
        var bed = new ViewBed();
        TableView before = bed.Views.Find(MachineBed.Table)!;
        bed.Fill(new Core.PageTable(MachineBed.Table.Object, bed.Views), order: 1);
        Assert.True(before.IsEnded);
        Assert.False(bed.Views.Find(MachineBed.Table)!.IsEnded);
    }

    [Fact]
    public void Table_GrantsNoLongerThanItsSiloMayUseIt()
    {
        var bed = new ViewBed();
        bed.Views.Renew(Lease / 4);
        Assert.Equal(Lease / 4, Assert.IsType<FetchedTranslations>(ViewBed.Answer(bed.Table, new FetchTranslations(MachineBed.Table, A, 1, 0, [0])).Outputs).Lease);
        Assert.Equal(Lease / 4, Assert.IsType<TranslationsKept>(ViewBed.Answer(bed.Table, new KeepTranslations(MachineBed.Table, A, 1, 0)).Outputs).Lease);
        Assert.Equal(
            Lease / 4,
            Assert.IsType<Translated>(ViewBed.Answer(bed.Table, new Translate(MachineBed.Table, A, 1, 0, 1, DmaAccess.Read, true)).Outputs).Lease);
    }

    /// <summary>What the cached translations lead to may be freed from then on.</summary>
    [Fact]
    public void Run_WhoseCacheIsLeasedNoMore_MakesNoneOfItsAccesses()
    {
        var bed = new ViewBed(apart: true);
        DmaRun run = bed.Start();
        bed.Ask(run);
        Assert.Equal(DmaPoint.Translated, run.Next());
        bed.Now = Lease;
        Assert.Equal((DmaPoint.Made, DmaPoint.Asks), (run.Next(), run.Next()));
        Assert.Equal(0, run.Report().Accesses);
    }

    [Fact]
    public void Access_ThatIsNotMadeInTime_IsTranslatedAgain()
    {
        var bed = new ViewBed();
        var translate = Assert.IsType<Call>(bed.Device.Handle(new DeviceDma(A, 0, 1, DmaAccess.Read, false, null)));
        Reply translated = ViewBed.Answer(bed.Table, translate.Command);
        bed.Now = Lease - 1;
        Assert.IsType<AccessMemory>(Assert.IsType<Call>(translate.Then(translated)).Command);
        bed.Now = Lease;
        Assert.IsType<Translate>(Assert.IsType<Call>(translate.Then(translated)).Command);
    }

    [Fact]
    public void Access_OfADeviceWithoutARouteInTheTable_IsBlocked()
    {
        var bed = new ViewBed();
        var translate = Assert.IsType<Call>(bed.Device.Handle(new DeviceDma(A, 0, 1, DmaAccess.Read, false, null)));
        var route = new RouteDevice(ViewBed.StampOf(2), 1, MachineBed.Table, A, Routed: false, Incarnation: 0, EnforceSnoop: true);
        Assert.True(ViewBed.Answer(bed.Table, route).Succeeded);
        Reply blocked = Assert.IsType<Answer>(translate.Then(ViewBed.Answer(bed.Table, translate.Command))).Reply;
        Assert.Equal(DmaFault.ContextNotPresent, Assert.IsType<DmaOutcome>(blocked.Outputs).Fault);
    }

    /// <summary>They share the device's cache.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Run_ThatIsOver_LeavesTheCacheToTheNext_WhateverBecomesOfWhatItAsked(bool abandoned)
    {
        var bed = new ViewBed(apart: true);
        DmaRun over = bed.Start();
        Assert.Equal(DmaPoint.Asks, over.Next());
        Reply late = ViewBed.Answer(bed.Table, over.Message!);
        Assert.True(ViewBed.Answer(bed.Device, new StopDma(A, over.Number)).Succeeded);

        DmaRun next = bed.Start();
        bed.Ask(next);
        Assert.Equal(DmaPoint.Translated, next.Next());
        if (abandoned)
        {
            over.Abandon();
        }
        else
        {
            over.Take(late);
        }

        // Whoever invalidates still waits for the section of the next run.
        var invalidate = new InvalidateTranslations(ViewBed.StampOf(2), A, MachineBed.Table, [new IovaRange(0, ViewBed.Window - 1)], 1);
        Completion left = Assert.IsType<Await>(bed.Device.Handle(invalidate)).Until;
        Assert.False(left.IsReached);
        Assert.Equal(DmaPoint.Made, next.Next());
        Assert.True(left.IsReached);
    }

    [Fact]
    public void Run_ThatHasNotHeardOfAnInvalidation_IsNotGivenALongerLease_AndThenIsAgain()
    {
        var bed = new ViewBed(apart: true);
        DmaRun run = bed.Start();
        bed.Ask(run);
        bed.Now = Lease / 2;
        Assert.Equal(new CacheHolder(A, 0, FetchTranslations.LeaseAndDrift - bed.Now), Assert.Single(Unmap().Devices));

        bed.Ask(run);
        Assert.Equal((DmaPoint.Translated, DmaPoint.Made), (run.Next(), run.Next()));
        CachedBy cached = Unmap();
        Assert.Equal(FetchTranslations.LeaseAndDrift - bed.Now, Assert.Single(cached.Devices).LeaseLeft);

        Assert.True(ViewBed.Answer(bed.Device, new InvalidateTranslations(ViewBed.StampOf(2), A, MachineBed.Table, [], cached.Number)).Succeeded);
        bed.Now += Lease / 4;
        bed.Ask(run);
        Assert.Equal(FetchTranslations.LeaseAndDrift, Assert.Single(Unmap().Devices).LeaseLeft);

        CachedBy Unmap() => Assert.IsType<CachedBy>(ViewBed.Answer(bed.Table, new UnmapPages(ViewBed.StampOf(2), 1, MachineBed.Table, [])).Outputs);
    }
}
