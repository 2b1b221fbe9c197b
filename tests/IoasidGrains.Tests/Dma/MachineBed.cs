// A Machine with one unit, two devices bound to one fd, and an IOASID; the Machine tests of the DMA path start from it.
using IoasidGrains.Core;

namespace IoasidGrains.Tests;

/// <summary>Declares, opens, binds and allocates. Nothing is attached or mapped yet.</summary>
internal sealed class MachineBed
{
    public static readonly FdId Fd = new("h/fd1");
    public static readonly UnitId Unit = new("h/u");
    public static readonly DeviceId A = new("h/A");
    public static readonly DeviceId B = new("h/B");
    public static readonly IoasidNumber One = new(1);
    public static readonly GuestMemoryId Memory = Fd.ProcessMemory;
    public static readonly PageTableId Table = new(new IoasidId(Fd, One), 0);

    private long _sequence;

    public MachineBed(Machine machine, bool scalable = true, int width = 48)
    {
        Machine = machine;
        Expect("0", new DeclareUnit(Unit, new IommuCapabilities(true, 48, IommuCapabilities.AllPageSizes, scalable, [])));
        Expect("0", new OpenFd(Fd, OpenOptions.Default));
        foreach (DeviceId device in (DeviceId[])[A, B])
        {
            Expect("0", new DeclareDevice(device, TraitsOf(device)));
            Expect("0", new VfioBindIoasidFd(device, Fd));
        }

        Expect("1", new IoasidAlloc(Fd, SnoopFormat.Snoop, width));
    }

    public Machine Machine { get; }

    /// <summary>The run that was started last.</summary>
    public DmaRun LastRun => Machine.Runs[^1];

    public static DeviceTraits TraitsOf(DeviceId device) =>
        new(Unit, new GroupId(device.Key), new PciId(0x8086, 0x0200), false, DeviceDriver.VfioPci, DriverOpens.AtBind, []);

    public static VfioAttachIoasid Attach(DeviceId device) => new(device, One, SnoopFormat.Snoop);

    public static VfioDetachIoasid Detach(DeviceId device) => new(device, One);

    /// <summary>The memory begins where the IOVA does.</summary>
    public static IoasidMapDma Map(ulong iova, ulong length, DmaAccess access = DmaAccess.ReadWrite) =>
        new(Fd, One, iova, length, new UserAddress(Memory, iova), access);

    public static IoasidUnmapDma Unmap(ulong iova, ulong length) => new(Fd, One, iova, length, false);

    public static DmaWorkload Uniform(ulong start, ulong length, long accesses, ulong seed = 1) =>
        new(DmaPattern.UniformRandom, new IovaRange(start, start + (length - 1)), accesses, seed) { WatchFreed = true };

    /// <summary>Sends it as a new request and waits for the answer.</summary>
    public Reply Call(UapiCommand command) => Send(command with { Request = NextRequest() });

    /// <summary>With the request id that it has.</summary>
    public Reply Send(UapiCommand command) => Machine.Call(command).Result;

    public Operation Start(UapiCommand command) => Machine.Start(command with { Request = NextRequest() });

    public void Expect(string answer, UapiCommand command) => Assert.Equal(answer, Call(command).ToString());

    /// <summary>Starts a workload, which must succeed.</summary>
    public DmaReport StartDma(DeviceId device, DmaWorkload workload)
    {
        Reply reply = Call(new StartDma(device, workload));
        Assert.True(reply.Succeeded, reply.ToString());
        return Assert.IsType<DmaReport>(reply.Outputs);
    }

    /// <summary>Runs a workload to its end.</summary>
    public DmaReport RunDma(DeviceId device, DmaWorkload workload)
    {
        DmaReport report = StartDma(device, workload);
        while (!report.IsOver)
        {
            report = Assert.IsType<DmaReport>(Call(new WatchDma(device, report.Number)).Outputs);
        }

        return report;
    }

    private RequestId NextRequest() => new("bed", ++_sequence);
}
