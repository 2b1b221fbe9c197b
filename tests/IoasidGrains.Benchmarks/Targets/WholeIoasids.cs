// The memory figures for whole IOASIDs: made by ioctls on an embedded silo, weighed with all that stands for them.
using System.Diagnostics;
using IoasidGrains.Grains;
using IoasidGrains.Uapi;

namespace IoasidGrains.Benchmarks;

/// <summary>
/// An IOASID here is its record in its fd, the fd's log, the grain, the address space in the silo's directory; and its page table with that one's grain, if a
/// device was attached once. What a caller keeps is not part of it.
/// </summary>
internal static class WholeIoasids
{
    private const int Warm = 1000;
    private const double KiB = 1 << 10, GiB = 1 << 30;
    private static readonly IommuCapabilities Capable = new(true, 48, IommuCapabilities.AllPageSizes, false, []);
    private static readonly UnitId Unit = new("host/vtd0");

    public static async Task<MemoryRow[]> Weigh(BenchSettings settings)
    {
        Weight empty = await Weigh(settings.Quick ? 10_000 : 100_000, attach: false);
        Weight withTable = await Weigh(settings.Quick ? 500 : 5_000, attach: true);
        return [.. Rows("without a page table", empty), .. Rows("with an empty page table", withTable)];
    }

    private static MemoryRow[] Rows(string what, Weight weight) =>
    [
        new MemoryRow($"an IOASID {what}, live heap", weight.Heap / weight.Count, 64 * KiB),
        new MemoryRow($"an IOASID {what}, resident", weight.Resident / weight.Count, 64 * KiB),
        new MemoryRow($"100,000 IOASIDs {what}, from {weight.Count:n0}", weight.Resident * (100_000.0 / weight.Count), 8 * GiB),
    ];

    /// <summary>All on one fd, of one client. With the fd before it come the code and the silo's own objects, which are not weighed.</summary>
    private static async Task<Weight> Weigh(int count, bool attach)
    {
        await using EmbeddedSilo silo = await EmbeddedSilo.StartAsync();
        await Succeed(silo, "host", 1, new DeclareUnit(Unit, Capable));
        await Fill(silo, "before", Warm, attach);
        (double heap, double resident) = Read();
        await Fill(silo, "weighed", count, attach);
        (double heapAfter, double residentAfter) = Read();
        return new Weight(count, heapAfter - heap, residentAfter - resident);
    }

    private static async Task Fill(EmbeddedSilo silo, string name, int count, bool attach)
    {
        var fd = new FdId($"host/{name}");
        var device = new DeviceId($"host/{name}");
        long sequence = 0;
        await Succeed(silo, name, ++sequence, new OpenFd(fd, OpenOptions.Default));
        if (attach)
        {
            await Succeed(silo, name, ++sequence, new DeclareDevice(device, new DeviceTraits(
                Unit, new GroupId($"host/{name}"), new PciId(0x8086, 0x0200), false, DeviceDriver.VfioPci, DriverOpens.AtBind, [])));
            await Succeed(silo, name, ++sequence, new VfioBindIoasidFd(device, fd));
        }

        for (uint i = 1; i <= count; i++)
        {
            await Succeed(silo, name, ++sequence, new IoasidAlloc(fd, SnoopFormat.Snoop, 48));
            if (attach)
            {
                // The table stays until FREE.
                await Succeed(silo, name, ++sequence, new VfioAttachIoasid(device, new IoasidNumber(i), SnoopFormat.Snoop));
                await Succeed(silo, name, ++sequence, new VfioDetachIoasid(device, new IoasidNumber(i)));
            }
        }
    }

    private static async Task Succeed(EmbeddedSilo silo, string session, long sequence, UapiCommand command)
    {
        Reply reply = await silo.Uapi.Call(command with { Request = new RequestId(session, sequence) });
        if (!reply.Succeeded)
        {
            throw new InvalidOperationException($"{command} answered {reply}.");
        }
    }

    private static (double Heap, double Resident) Read()
    {
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        GC.WaitForPendingFinalizers();
        double heap = GC.GetTotalMemory(forceFullCollection: true);
        using var process = Process.GetCurrentProcess();
        return (heap, process.WorkingSet64);
    }

    /// <summary>Bytes of so many; table memory is resident and not heap.</summary>
    public readonly record struct Weight(int Count, double Heap, double Resident);
}
