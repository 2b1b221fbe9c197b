// The door of the grains: from an object's id and a command to the typed method of its grain. Used by ClusterUapi and by the runner of every grain.
using IoasidGrains.Uapi;

namespace IoasidGrains.Contracts;

/// <summary>Sends a command to the grain of an object.</summary>
public static class GrainDoor
{
    /// <summary>
    /// Calls the method of <paramref name="to"/>'s grain that takes this command. A command that its kind does not understand is a bug of the
    /// caller and throws; a lost machine throws what <see cref="LostCall"/> names.
    /// </summary>
    public static ValueTask<Reply> Send(IGrainFactory grains, ObjectId to, Command command) => to.Kind switch
    {
        ObjectKind.IoasidFd => Send(grains.GetGrain<IIoasidFdGrain>(to.Key), command),
        ObjectKind.Ioasid => Send(grains.GetGrain<IIoasidGrain>(to.Key), command),
        ObjectKind.Kvm => Send(grains.GetGrain<IKvmGrain>(to.Key), command),
        ObjectKind.IommuUnit => Send(grains.GetGrain<IIommuUnitGrain>(to.Key), command),
        ObjectKind.Device => Send(grains.GetGrain<IDeviceGrain>(to.Key), command),
        ObjectKind.PageTable => Send(grains.GetGrain<IPageTableGrain>(to.Key), command),
        ObjectKind.GuestMemory => Send(grains.GetGrain<IGuestMemoryGrain>(to.Key), command),
        _ => throw NotUnderstood(to.Kind, command),
    };

    private static ValueTask<Reply> Send(IIoasidFdGrain grain, Command command) => command switch
    {
        VfioAttachIoasid it => grain.VfioAttachIoasid(it),
        VfioDetachIoasid it => grain.VfioDetachIoasid(it),
        IoasidMapDma it => grain.IoasidMapDma(it),
        IoasidUnmapDma it => grain.IoasidUnmapDma(it),
        OpenFd it => grain.OpenFd(it),
        CloseFd it => grain.CloseFd(it),
        IoasidCheckExtension it => grain.IoasidCheckExtension(it),
        IoasidRegisterMemory it => grain.IoasidRegisterMemory(it),
        IoasidUnregisterMemory it => grain.IoasidUnregisterMemory(it),
        IoasidAlloc it => grain.IoasidAlloc(it),
        IoasidFree it => grain.IoasidFree(it),
        IoasidGetInfo it => grain.IoasidGetInfo(it),
        IoasidGetDevInfo it => grain.IoasidGetDevInfo(it),
        VfioBindIoasidFd it => grain.VfioBindIoasidFd(it),
        VfioUnbindIoasidFd it => grain.VfioUnbindIoasidFd(it),
        CloseDevice it => grain.CloseDevice(it),
        KvmAddIoasidFd it => grain.KvmAddIoasidFd(it),
        KvmDelIoasidFd it => grain.KvmDelIoasidFd(it),
        KvmUpdateIoasidFd it => grain.KvmUpdateIoasidFd(it),
        DriveAgain it => grain.DriveAgain(it),
        DescribeObject it => grain.DescribeObject(it),
        _ => throw NotUnderstood(ObjectKind.IoasidFd, command),
    };

    private static ValueTask<Reply> Send(IIoasidGrain grain, Command command) => command switch
    {
        BuildIoasid it => grain.BuildIoasid(it),
        AttachDevice it => grain.AttachDevice(it),
        DetachDevice it => grain.DetachDevice(it),
        MapArea it => grain.MapArea(it),
        UnmapAreas it => grain.UnmapAreas(it),
        DestroyIoasid it => grain.DestroyIoasid(it),
        DescribeObject it => grain.DescribeObject(it),
        _ => throw NotUnderstood(ObjectKind.Ioasid, command),
    };

    private static ValueTask<Reply> Send(IKvmGrain grain, Command command) => command switch
    {
        LinkFd it => grain.LinkFd(it),
        UpdateSnoop it => grain.UpdateSnoop(it),
        UnlinkFd it => grain.UnlinkFd(it),
        CloseVm it => grain.CloseVm(it),
        CpuWbinvd it => grain.CpuWbinvd(it),
        DescribeObject it => grain.DescribeObject(it),
        _ => throw NotUnderstood(ObjectKind.Kvm, command),
    };

    private static ValueTask<Reply> Send(IIommuUnitGrain grain, Command command) => command switch
    {
        DeclareUnit it => grain.DeclareUnit(it),
        DescribeUnit it => grain.DescribeUnit(it),
        SetContext it => grain.SetContext(it),
        DescribeObject it => grain.DescribeObject(it),
        _ => throw NotUnderstood(ObjectKind.IommuUnit, command),
    };

    private static ValueTask<Reply> Send(IDeviceGrain grain, Command command) => command switch
    {
        DeclareDevice it => grain.DeclareDevice(it),
        OpenDevice it => grain.OpenDevice(it),
        CloseDevice it => grain.CloseDevice(it),
        VfioUnbindIoasidFd it => grain.VfioUnbindIoasidFd(it),
        VfioAttachIoasid it => grain.VfioAttachIoasid(it),
        VfioDetachIoasid it => grain.VfioDetachIoasid(it),
        DescribeDevice it => grain.DescribeDevice(it),
        HoldDevice it => grain.HoldDevice(it),
        SetRoute it => grain.SetRoute(it),
        InvalidateTranslations it => grain.InvalidateTranslations(it),
        DeviceDma it => grain.DeviceDma(it),
        DescribeObject it => grain.DescribeObject(it),
        _ => throw NotUnderstood(ObjectKind.Device, command),
    };

    private static ValueTask<Reply> Send(IPageTableGrain grain, Command command) => command switch
    {
        FillTable it => grain.FillTable(it),
        RouteDevice it => grain.RouteDevice(it),
        MapPages it => grain.MapPages(it),
        UnmapPages it => grain.UnmapPages(it),
        DropTable it => grain.DropTable(it),
        Translate it => grain.Translate(it),
        DescribeObject it => grain.DescribeObject(it),
        _ => throw NotUnderstood(ObjectKind.PageTable, command),
    };

    private static ValueTask<Reply> Send(IGuestMemoryGrain grain, Command command) => command switch
    {
        CpuWrite it => grain.CpuWrite(it),
        CpuRead it => grain.CpuRead(it),
        AccessMemory it => grain.AccessMemory(it),
        SetWbinvd it => grain.SetWbinvd(it),
        DescribeObject it => grain.DescribeObject(it),
        _ => throw NotUnderstood(ObjectKind.GuestMemory, command),
    };

    private static ArgumentException NotUnderstood(ObjectKind kind, Command command) =>
        new($"An object of kind {kind} understands no {command.GetType().Name}.", nameof(command));
}
