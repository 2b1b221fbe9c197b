// A device object with a route to a page table on another silo, and runs of workloads on it that nobody takes along yet; tests of what takes runs along use it.
using IoasidGrains.Core;
using IoasidGrains.PageTable;

namespace IoasidGrains.Tests;

/// <summary>Runs are made by StartDma, as always, and handed to the test instead of to a silo's threads.</summary>
internal static class RunBed
{
    public static readonly GuestMemoryId Memory = MachineBed.Fd.ProcessMemory;

    private static readonly IommuCapabilities Unit = new(true, 48, IommuCapabilities.AllPageSizes, true, []);

    /// <summary>A run of a device of its own. It translates through its cache, so it asks for translations before it makes its first access.</summary>
    public static DmaRun Create(int number, long accesses, bool watchFreed = false)
    {
        DmaRun? made = null;
        var views = new LocalViews(() => 0, long.MaxValue, run => made = run);
        var id = new DeviceId($"h/dev{number}");
        var device = new Device(id.Object, StoredObject.Nothing, views);
        var hold = new HoldDevice(new Stamp(MachineBed.Fd, 1, 1, 1), id, true, true, Unit) { Route = new DmaRoute(MachineBed.Table, Unit) };
        Assert.True(Assert.IsType<Answer>(device.Handle(hold)).Reply.Succeeded);
        DmaWorkload workload = MachineBed.Uniform(0, DmaWorkload.MinWindow, accesses) with { WatchFreed = watchFreed };
        Assert.True(Assert.IsType<Answer>(device.Handle(new StartDma(id, workload) { Request = new RequestId("bed", number) })).Reply.Succeeded);
        return made!;
    }

    /// <summary>What a page table answers that maps all with pages of 2 MiB to the start of <see cref="Memory"/>.</summary>
    public static Reply Fetched(Command asked)
    {
        var fetch = Assert.IsType<FetchTranslations>(asked);
        ulong leaf = IoPte.Leaf(0, DmaAccess.ReadWrite, snp: true, level: 2).Value;
        return Reply.With(new FetchedTranslations([.. fetch.Slots.Select(_ => leaf)], [], 48, [Memory]));
    }
}
