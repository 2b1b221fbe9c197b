// One caller: a VMM with a device, an fd, a VM and IOASID 1, doing one ioctl at a time.
using System.Diagnostics;
using IoasidGrains.Contracts;
using IoasidGrains.Uapi;

namespace IoasidGrains.Benchmarks;

/// <summary>Every method does one ioctl and returns the stopwatch ticks it took. A refusal is a mistake of the benchmark and throws.</summary>
internal sealed class BenchCaller
{
    /// <summary>Units are shared, as on a real machine.</summary>
    public const int Units = 8;

    private static readonly IoasidNumber Ioasid = new(1);
    private readonly IUapi _uapi;
    private readonly IBareGrain _bare;
    private readonly HostId _host;
    private readonly int _index;
    private readonly VfioAttachIoasid _attach;
    private long _sequence;

    public BenchCaller(BenchSilos silos, HostId host, int index)
    {
        _uapi = silos.NewUapi();
        _host = host;
        _index = index;
        _bare = silos.Grains.GetGrain<IBareGrain>(Fd.Key);
        _attach = new VfioAttachIoasid(Device, Ioasid, SnoopFormat.Snoop);
    }

    private FdId Fd => new(_host.Key($"fd{_index}"));

    private DeviceId Device => new(_host.Key($"dev{_index}"));

    private VmId Vm => new(_host.Key($"vm{_index}"));

    private UnitId Unit => new(_host.Key($"vtd{_index % Units}"));

    /// <summary>Declared, open, announced, bound, IOASID 1 allocated, attached once: everything is activated.</summary>
    public async Task Prepare()
    {
        if (_index < Units)
        {
            await Do(new DeclareUnit(Unit, new IommuCapabilities(true, 48, IommuCapabilities.AllPageSizes, false, [])));
        }

        var traits = new DeviceTraits(Unit, new GroupId(Device.Key), new PciId(0x8086, 0x0200), false, DeviceDriver.VfioPci, DriverOpens.AtBind, []);
        await Do(new DeclareDevice(Device, traits));
        await Do(new OpenFd(Fd, OpenOptions.Default));
        await Do(new KvmAddIoasidFd(Vm, Fd));
        await Bind();
        await Do(new IoasidAlloc(Fd, SnoopFormat.Snoop, 48));
        await Attach();
        await Detach();
        await Bare();
    }

    public async ValueTask<long> Bare()
    {
        long start = Stopwatch.GetTimestamp();
        await _bare.Answer(_attach with { Request = new RequestId("c", ++_sequence) });
        return Stopwatch.GetTimestamp() - start;
    }

    public ValueTask<long> Attach() => Do(_attach);

    public ValueTask<long> Detach() => Do(new VfioDetachIoasid(Device, Ioasid));

    public ValueTask<long> Map() => Do(new IoasidMapDma(
        Fd, Ioasid, Quantity.PageSize, Quantity.PageSize, new UserAddress(Fd.ProcessMemory, 0), DmaAccess.ReadWrite));

    public ValueTask<long> Unmap() => Do(new IoasidUnmapDma(Fd, Ioasid, Quantity.PageSize, Quantity.PageSize, false));

    public ValueTask<long> Bind() => Do(new VfioBindIoasidFd(Device, Fd));

    public ValueTask<long> Unbind() => Do(new VfioUnbindIoasidFd(Device));

    public ValueTask<long> Update() => Do(new KvmUpdateIoasidFd(Vm, Fd));

    private async ValueTask<long> Do(UapiCommand command)
    {
        UapiCommand asked = command with { Request = new RequestId($"caller{_index}", ++_sequence) };
        long start = Stopwatch.GetTimestamp();
        Reply reply = await _uapi.Call(asked);
        long ticks = Stopwatch.GetTimestamp() - start;
        return reply.Succeeded ? ticks : throw new InvalidOperationException($"{command} answered {reply}.");
    }
}
