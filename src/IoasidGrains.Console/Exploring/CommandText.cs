// A command as a flow says it; used to write counterexamples.
using IoasidGrains.Core;
using IoasidGrains.Uapi;

namespace IoasidGrains.Console;

/// <summary>Only the commands that a search gives.</summary>
/// <param name="suffix">Behind every name, so that two hosts fit in one flow: <c>A</c> becomes <c>A-2</c>. Empty for the first.</param>
internal sealed class CommandText(string suffix)
{
    /// <summary>What a device is if a flow does not say.</summary>
    private static readonly PciId Usual = new(0x8086, 0x0200);

    public string Of(UapiCommand command) => command switch
    {
        DeclareUnit unit => $"iommu {Name(unit.Unit)}{UnitOptions(unit.Capabilities)}",
        DeclareDevice device => $"device {Name(device.Device)} behind {Name(device.Traits.Unit)}{DeviceOptions(device)}",
        OpenDevice open => $"open {Name(open.Device)}",
        CloseDevice close => $"close {Name(close.Device)}",
        OpenFd open => $"open {Name(open.Fd)} /dev/ioasid {open.Options.Profile}",
        KvmAddIoasidFd add => $"ioctl {Name(add.Vm)} KVM_ADD_IOASID_FD {Name(add.Fd)}",
        KvmDelIoasidFd del => $"ioctl {Name(del.Vm)} KVM_DEL_IOASID_FD {Name(del.Fd)}",
        KvmUpdateIoasidFd update => $"ioctl {Name(update.Vm)} KVM_UPDATE_IOASID_FD {Name(update.Fd)}",
        KvmFileAdd add => $"ioctl {Name(add.Vm)} KVM_DEV_VFIO_FILE_ADD {Name(add.Device)}",
        KvmFileDel del => $"ioctl {Name(del.Vm)} KVM_DEV_VFIO_FILE_DEL {Name(del.Device)}",
        IoasidAlloc alloc => $"ioctl {Name(alloc.Fd)} IOASID_ALLOC {alloc.Format!.Value.Word()}{(alloc.AddressWidth == 48 ? "" : $" width {alloc.AddressWidth}")}",
        IoasidFree free => $"ioctl {Name(free.Fd)} IOASID_FREE {free.Number}",
        IoasidMapDma map => $"ioctl {Name(map.Fd)} IOASID_MAP_DMA {map.Number} {Range(map.Iova, map.Length)} {map.Memory.Memory}{suffix}+0x{map.Memory.Offset:x}{Flag(map.Format)}",
        IoasidUnmapDma unmap => $"ioctl {Name(unmap.Fd)} IOASID_UNMAP_DMA {unmap.Number} {Range(unmap.Iova, unmap.Length)}",
        VfioBindIoasidFd bind => $"ioctl {Name(bind.Device)} VFIO_BIND_IOASID_FD {Name(bind.Fd)}",
        VfioUnbindIoasidFd unbind => $"ioctl {Name(unbind.Device)} VFIO_UNBIND_IOASID_FD",
        VfioAttachIoasid attach => $"ioctl {Name(attach.Device)} VFIO_ATTACH_IOASID {attach.Number}{Flag(attach.Format)}",
        VfioDetachIoasid detach => $"ioctl {Name(detach.Device)} VFIO_DETACH_IOASID {detach.Number}",
        DeviceDma { Data: { } data } write => $"dma {Name(write.Device)} write 0x{write.Iova:x}+{data.Length}{NoSnoop(write)} data {Convert.ToHexStringLower(data)}",
        DeviceDma read => $"dma {Name(read.Device)} read 0x{read.Iova:x}+{read.Length}{NoSnoop(read)}",
        CpuWrite write => $"cpu {write.Memory}{suffix} write 0x{write.Offset:x} {Convert.ToHexStringLower(write.Data)}",
        CpuRead read => $"cpu {read.Memory}{suffix} read 0x{read.Offset:x}+{read.Length}",
        CpuWbinvd wbinvd => $"cpu {Name(wbinvd.Vm)} wbinvd",
        _ => throw new InvalidOperationException($"A flow has no words for {command.GetType().Name}."),
    };

    /// <summary>Other names than vm1, vm2.. must be declared.</summary>
    public string? VmLine => suffix.Length == 0 ? null : $"vm {Topology.Vm}{suffix}";

    /// <summary>The right margin: what was answered, with the VM's name as it is here.</summary>
    public string Of(Reply reply) => reply.ToString().Replace(Topology.Vm.ToString(), Topology.Vm + suffix, StringComparison.Ordinal);

    private string Name<TId>(TId id)
        where TId : struct => id + suffix;

    private static string Flag(SnoopFormat? flag) => flag is { } format ? " " + format.Word() : "";

    private static string NoSnoop(DeviceDma dma) => dma.NoSnoop ? " no_snoop" : "";

    private static string Range(ulong start, ulong length) => $"0x{start:x}+0x{length:x}";

    private static string UnitOptions(IommuCapabilities unit) =>
        (unit.EnforceSnoop ? " enforce_snoop" : "") + (unit.AddressWidth != 48 ? $" width {unit.AddressWidth}" : "")
        + (unit.PageSizes != IommuCapabilities.AllPageSizes ? $" pages {unit.PageSizeNames}" : "") + (unit.ScalableMode ? " scalable" : "") + Windows(unit.Reserved);

    private string DeviceOptions(DeclareDevice device)
    {
        DeviceTraits traits = device.Traits;
        return (traits.Group.ToString() == device.Device.ToString() ? "" : $" group {Name(traits.Group)}") + (traits.Id == Usual ? "" : $" id {traits.Id}")
            + (traits.CoherentOnly ? " coherent_only" : "") + (traits.Driver == DeviceDriver.VfioPci ? "" : $" driver {(traits.Driver == DeviceDriver.Kvmgt ? "kvmgt" : "vfio-ap")}")
            + (traits.Opens == DriverOpens.AtBind ? "" : " opens_at attach") + Windows(traits.Reserved);
    }

    private static string Windows(IovaRange[] windows) => string.Concat(windows.Select(window => " reserved " + Range(window.Start, window.Length)));
}
