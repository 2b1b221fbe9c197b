// The unit, devices, fd and IOASID that `ioasid dma` works on: set up and torn down by commands alone.
using IoasidGrains.Flows;
using IoasidGrains.Uapi;

namespace IoasidGrains.Console;

/// <summary>What one invocation makes on its host. Whatever was made is torn down again, also after a set-up that did not get to its end.</summary>
internal sealed class DmaBed(IUapi uapi, HostId host, string session, DmaPlan plan, DmaChoice choice)
{
    private const ushort IntelVendor = 0x8086;
    private const ushort EthernetClass = 0x0200;

    private readonly RequestIds _requests = new(session);
    private readonly UnitId _unit = new(host.Key("vtd0"));
    private readonly List<DeviceId> _bound = [];
    private bool _opened;

    public IReadOnlyList<DeviceId> Devices { get; } = [.. Enumerable.Range(1, choice.Devices).Select(number => new DeviceId(host.Key($"dev{number}")))];

    public FdId Fd { get; } = new(host.Key("fd1"));

    /// <summary>Lives where the fd and the page table do, so that a device that reads that table also looks there for freed pages.</summary>
    public GuestMemoryId Memory => Fd.ProcessMemory;

    /// <summary>The IOASID that all devices are attached to, once it is set up.</summary>
    public IoasidNumber Ioasid { get; private set; }

    /// <summary>A refusal is a <see cref="ConsoleException"/> that says what was asked.</summary>
    public async Task SetUp(CancellationToken cancellation)
    {
        ulong sizes = IommuCapabilities.AllPageSizes & ((choice.PageSize << 1) - 1);
        await Must(new DeclareUnit(_unit, new IommuCapabilities(true, plan.AddressWidth, sizes, false, [])), $"declaring the unit {_unit}");
        await Must(new OpenFd(Fd, OpenOptions.Default), $"opening {Fd}");
        _opened = true;
        foreach (DeviceId device in Devices)
        {
            cancellation.ThrowIfCancellationRequested();
            await Must(new DeclareDevice(device, Traits(device)), $"declaring {device}");
            _bound.Add(device);
            await Must(new VfioBindIoasidFd(device, Fd), $"binding {device}");
        }

        Reply alloc = await Must(new IoasidAlloc(Fd, SnoopFormat.Snoop, plan.AddressWidth), "allocating an IOASID");
        Ioasid = new IoasidNumber((uint)alloc.Value);
        foreach (DeviceId device in Devices)
        {
            await Must(new VfioAttachIoasid(device, Ioasid, SnoopFormat.Snoop), $"attaching {device}");
        }

        await Map(cancellation);
    }

    /// <summary>Detaches, unbinds and closes; false if one of that was refused.</summary>
    public async Task<bool> TearDown()
    {
        bool clean = true;
        foreach (DeviceId device in _bound)
        {
            // A set-up that failed may not have come so far as to attach or to bind.
            await Call(new VfioDetachIoasid(device, Ioasid));
            await Call(new VfioUnbindIoasidFd(device));
            clean &= (await Call(new CloseDevice(device))).Succeeded;
        }

        return clean & (!_opened || (await Call(new CloseFd(Fd))).Succeeded);
    }

    private async Task Map(CancellationToken cancellation)
    {
        foreach (PlannedArea area in plan.Areas)
        {
            cancellation.ThrowIfCancellationRequested();
            var map = new IoasidMapDma(Fd, Ioasid, area.Range.Start, area.Range.Length, new UserAddress(Memory, area.Offset), DmaAccess.ReadWrite);
            await Must(map, $"mapping {ByteSize.Text(area.Range.Length)} at 0x{area.Range.Start:x} as {Quantity.PageSizeName(choice.PageSize)} pages");
        }

        if (plan.Churn is { } churn)
        {
            await Must(new FreePages(Memory, churn.Offset, churn.Range.Length, Free: true), "freeing the pages of the churn");
        }
    }

    private DeviceTraits Traits(DeviceId device) => new(
        _unit, new GroupId(device.Key), new PciId(IntelVendor, EthernetClass), CoherentOnly: false, DeviceDriver.VfioPci, DriverOpens.AtBind, []);

    private async Task<Reply> Must(UapiCommand command, string what)
    {
        Reply reply = await Call(command);
        return reply.Succeeded ? reply : throw new ConsoleException($"{what} was refused: -{reply.Errno}{Reason(command, reply.Errno)}");
    }

    private string Reason(UapiCommand command, Errno errno) => (command, errno) switch
    {
        (IoasidMapDma, Errno.ENOMEM) => $"; that takes about {ByteSize.Text(TableBytes)} of page tables, more than their limit leaves. A silo's is its setting "
            + "PageTableMemory (--page-table-memory); of this process it is half of its memory.",
        (IoasidMapDma, Errno.ENOSPC) => $"; {plan.Areas.Length} pieces are more mappings than an ioasid_fd may hold.",
        (_, Errno.EEXIST) => $"; the host {host} is in use, choose another --host.",
        (_, Errno.EIO) => "; no answer came in time, what it did is not known.",
        _ => ".",
    };

    /// <summary>2 MiB per GiB of 4 KiB pages, 4 KiB per GiB of larger ones.</summary>
    private ulong TableBytes => plan.MappedBytes >> (choice.PageSize == Quantity.PageSize ? 9 : 18);

    private ValueTask<Reply> Call(UapiCommand command) => uapi.Call(command with { Request = _requests.Next() });
}
