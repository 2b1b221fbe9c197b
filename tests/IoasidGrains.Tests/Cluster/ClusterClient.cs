// Short forms of the commands that the cluster tests give, as one client with a session of its own.
namespace IoasidGrains.Tests;

/// <summary>One client of a port.</summary>
public sealed class ClusterClient(IUapi uapi, HostId host, string session)
{
    private static readonly IommuCapabilities Capable = new(true, 48, IommuCapabilities.AllPageSizes, false, []);
    private long _sequence;

    public HostId Host => host;

    public FdId Fd(string name) => new(host.Key(name));

    public DeviceId Device(string name) => new(host.Key(name));

    public VmId Vm(string name) => new(host.Key(name));

    public UnitId Unit(string name) => new(host.Key(name));

    /// <summary>A new request.</summary>
    public ValueTask<Reply> Call(UapiCommand command) => uapi.Call(command with { Request = new RequestId(session, ++_sequence) });

    public ValueTask<Reply> DeclareUnit(string name, bool enforceSnoop) =>
        Call(new DeclareUnit(Unit(name), Capable with { EnforceSnoop = enforceSnoop }));

    public ValueTask<Reply> DeclareDevice(string name, string unit, string group) => Call(new DeclareDevice(
        Device(name),
        new DeviceTraits(Unit(unit), new GroupId(host.Key(group)), new PciId(0x8086, 0x0200), false, DeviceDriver.VfioPci, DriverOpens.AtBind, [])));

    public ValueTask<Reply> Open(string fd) => Call(new OpenFd(Fd(fd), OpenOptions.Default));

    public ValueTask<Reply> Bind(string device, string fd) => Call(new VfioBindIoasidFd(Device(device), Fd(fd)));

    public ValueTask<Reply> Unbind(string device) => Call(new VfioUnbindIoasidFd(Device(device)));

    public ValueTask<Reply> Alloc(string fd, SnoopFormat format = SnoopFormat.Snoop) => Call(new IoasidAlloc(Fd(fd), format, 48));

    public ValueTask<Reply> Attach(string device, uint ioasid, SnoopFormat format = SnoopFormat.Snoop) =>
        Call(new VfioAttachIoasid(Device(device), new IoasidNumber(ioasid), format));

    public ValueTask<Reply> Detach(string device, uint ioasid) => Call(new VfioDetachIoasid(Device(device), new IoasidNumber(ioasid)));

    /// <summary>One page.</summary>
    public ValueTask<Reply> Map(string fd, uint ioasid, ulong iova) => Call(new IoasidMapDma(
        Fd(fd), new IoasidNumber(ioasid), iova, Quantity.PageSize, new UserAddress(Fd(fd).ProcessMemory, iova), DmaAccess.ReadWrite));

    public ValueTask<Reply> Unmap(string fd, uint ioasid, ulong iova) =>
        Call(new IoasidUnmapDma(Fd(fd), new IoasidNumber(ioasid), iova, Quantity.PageSize, false));

    /// <summary>A unit, a device behind it alone in its group, an open fd that holds the device, and IOASID 1 with the device attached.</summary>
    public async Task AttachOne(string unit, string device, string fd)
    {
        Assert.Equal("0", (await DeclareUnit(unit, true)).ToString());
        Assert.Equal("0", (await DeclareDevice(device, unit, device)).ToString());
        Assert.Equal("0", (await Open(fd)).ToString());
        Assert.Equal("0", (await Bind(device, fd)).ToString());
        Assert.Equal("1", (await Alloc(fd)).ToString());
        Assert.Equal("0", (await Attach(device, 1)).ToString());
    }
}
