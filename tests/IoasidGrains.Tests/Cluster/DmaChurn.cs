// A writer that unmaps page after page under running workloads, frees what was unmapped and maps other pages there; DmaChurnTests counts its UNMAPs.
using IoasidGrains.Contracts;

namespace IoasidGrains.Tests;

/// <summary>
/// One fd with IOASID 1. All IOVAs are mapped, and there is more memory than that. A turn unmaps the IOVA that was mapped longest ago, frees the page behind
/// it as soon as UNMAP has answered, and maps a page there that has been free for more than half of a round through the memory: so long a device that
/// still had the old translation would reach a freed page.
/// </summary>
internal sealed class DmaChurn(DmaClusterBed bed)
{
    /// <summary>IOVAs, pages of memory, and how many of the free ones are taken at a time.</summary>
    private const int Iovas = 512, Pages = 1280, Bunch = 64;

    private const int UnmapsPerLook = 256;

    private static readonly IovaRange Window = new(0, (Iovas * Quantity.PageSize) - 1);

    private readonly List<Reader> _readers = [];
    private long _turn;

    public DmaClusterBed Bed => bed;

    /// <summary>UNMAPs answered.</summary>
    public long Unmaps { get; private set; }

    public async Task Fill()
    {
        for (; _turn < Iovas; _turn++)
        {
            await Map();
        }
    }

    /// <summary>A workload that reads and writes all that is mapped; it has begun when this returns.</summary>
    public async Task StartReader(DeviceId device)
    {
        var workload = new DmaWorkload(DmaPattern.UniformRandom, Window, 1L << 40, (ulong)_readers.Count + 1) { WatchFreed = true };
        DmaReport started = DmaClusterBed.ReportOf(await bed.Client.Call(new StartDma(device, workload)));
        _readers.Add(new Reader(device, await bed.WatchUntil(device, started.Number, report => report.Accesses > 0)));
    }

    /// <summary>So many more UNMAPs. Every answer must be a success, and no reader may reach a freed page.</summary>
    public async Task Run(long unmaps)
    {
        for (long end = Unmaps + unmaps; Unmaps < end;)
        {
            await Succeeds(new IoasidUnmapDma(bed.Fd, DmaClusterBed.One, Iova, Quantity.PageSize, false));
            await Succeeds(Free(_turn - Iovas, 1, true));
            if (++Unmaps % UnmapsPerLook == 0)
            {
                await LookAtReaders();
            }

            if (_turn % Bunch == 0)
            {
                await Succeeds(Free(_turn, Bunch, false));
            }

            await Map();
            _turn++;
        }
    }

    /// <summary>Ends the run of this device. The last report that was seen, if the run is lost.</summary>
    public async Task<DmaReport> StopReader(DeviceId device)
    {
        Reader reader = _readers.Single(reader => reader.Device == device);
        _readers.Remove(reader);
        await Look(reader, new StopDma(device, reader.Last.Number));
        return reader.Last;
    }

    private async Task LookAtReaders()
    {
        foreach (Reader reader in _readers.Where(reader => !reader.Last.IsOver))
        {
            await Look(reader, new WatchDma(reader.Device, reader.Last.Number));
        }
    }

    private async Task Look(Reader reader, UapiCommand command)
    {
        Reply reply = await bed.Client.Call(command);
        reader.Last = reply.Errno == Errno.ENOENT ? reader.Last with { State = DmaRunState.Lost } : DmaClusterBed.ReportOf(reply);
        Assert.True(reader.Last.Freed == 0, $"{reader.Device} reached freed pages within {Unmaps} UNMAPs: {reader.Last.Text}");
    }

    private ulong Iova => (ulong)(_turn % Iovas) * Quantity.PageSize;

    private Task Map() => Succeeds(
        new IoasidMapDma(bed.Fd, DmaClusterBed.One, Iova, Quantity.PageSize, new UserAddress(bed.Memory, OffsetOf(_turn)), DmaAccess.ReadWrite));

    private FreePages Free(long turn, int pages, bool free) => new(bed.Memory, OffsetOf(turn), (ulong)pages * Quantity.PageSize, free);

    /// <summary>Of the page that this turn maps.</summary>
    private static ulong OffsetOf(long turn) => (ulong)(turn % Pages) * Quantity.PageSize;

    private async Task Succeeds(UapiCommand command)
    {
        Reply reply = await bed.Client.Call(command);
        if (!reply.Succeeded)
        {
            // The text is made only then: it would be a tenth of a turn.
            Assert.Fail($"{command}: {reply}");
        }
    }

    private sealed class Reader(DeviceId device, DmaReport last)
    {
        public DeviceId Device => device;

        public DmaReport Last { get; set; } = last;
    }
}
