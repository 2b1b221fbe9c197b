// A page table and a device on one silo, without a runner: tests take every step, and the clock stands until they move it.
using IoasidGrains.Core;

namespace IoasidGrains.Tests;

/// <summary>The window is mapped and the device is routed to the table.</summary>
internal sealed class ViewBed
{
    public const ulong Window = DmaWorkload.MinWindow;
    public const long Lease = FetchTranslations.Lease;

    private static readonly IommuCapabilities Unit = new(true, 48, IommuCapabilities.AllPageSizes, true, []);
    private static readonly Area Mapped =
        new(new IovaRange(0, Window - 1), new UserAddress(MachineBed.Memory, 0), DmaAccess.ReadWrite);

    private readonly List<DmaRun> _runs = [];

    public ViewBed(bool apart = false)
    {
        Views = new LocalViews(() => Now, long.MaxValue, _runs.Add, apart);
        Table = new Core.PageTable(MachineBed.Table.Object, Views);
        Device = new Device(MachineBed.A.Object, StoredObject.Nothing, Views);
        Fill(Table, order: 1);
        Assert.True(Answer(Device, new HoldDevice(StampOf(1), MachineBed.A, true, true, Unit) { Route = new DmaRoute(MachineBed.Table, Unit) }).Succeeded);
    }

    public long Now { get; set; }

    public LocalViews Views { get; }

    public Core.PageTable Table { get; }

    public Device Device { get; }

    public static Stamp StampOf(long order) => new(MachineBed.Fd, 1, order, order);

    public void Fill(Core.PageTable table, long order)
    {
        var spec = new IoasidSpec(true, 48, IommuCapabilities.AllPageSizes);
        Assert.True(Answer(table, new FillTable(StampOf(order), MachineBed.Table, spec, [Mapped], [MachineBed.A], Fresh: true)).Succeeded);
    }

    public DmaRun Start(long accesses = 1L << 40)
    {
        var start = new StartDma(MachineBed.A, MachineBed.Uniform(0, Window, accesses) with { WatchFreed = false }) { Request = new RequestId("bed", _runs.Count + 1) };
        Assert.True(Answer(Device, start).Succeeded);
        return _runs[^1];
    }

    /// <summary>Of a command that needs no further step.</summary>
    public static Reply Answer(KernelObject item, Command command) => Assert.IsType<Answer>(item.Handle(command)).Reply;

    /// <summary>The run asks the table, and is answered.</summary>
    public void Ask(DmaRun run)
    {
        Assert.Equal(DmaPoint.Asks, run.Next());
        run.Take(Answer(Table, run.Message!));
    }
}
