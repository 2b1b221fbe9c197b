// The door of the grains: from an object's id and a command to the typed method of its grain. Used by ClusterUapi and by the runner of every grain.
using System.Collections.Concurrent;
using IoasidGrains.Uapi;

namespace IoasidGrains.Contracts;

/// <summary>
/// Sends commands to the grains of objects. Keeps the references that it made, because making one costs a third of a call;
/// one door for all callers of a silo or a client.
/// </summary>
public sealed class GrainDoor(IGrainFactory grains)
{
    /// <summary>References that are kept; when there are more, all are dropped and made again as they are needed.</summary>
    private const int MaxReferences = 100_000;

    private readonly ConcurrentDictionary<ObjectId, IKernelObjectGrain> _references = [];
    private int _made;

    /// <summary>
    /// Calls the method of <paramref name="to"/>'s grain that takes this command. A command that its kind does not understand is a bug of the
    /// caller and throws; a lost machine throws what <see cref="LostCall"/> names.
    /// </summary>
    public ValueTask<Reply> Send(ObjectId to, Command command)
    {
        IKernelObjectGrain grain = _references.TryGetValue(to, out IKernelObjectGrain? known) ? known : Keep(to);
        return to.Kind switch
        {
            ObjectKind.IoasidFd => Send((IIoasidFdGrain)grain, command),
            ObjectKind.Ioasid => Send((IIoasidGrain)grain, command),
            ObjectKind.Kvm => Send((IKvmGrain)grain, command),
            ObjectKind.IommuUnit => Send((IIommuUnitGrain)grain, command),
            ObjectKind.Device => Send((IDeviceGrain)grain, command),
            ObjectKind.PageTable => Send((IPageTableGrain)grain, command),
            _ => Send((IGuestMemoryGrain)grain, command),
        };
    }

    private IKernelObjectGrain Keep(ObjectId to)
    {
        if (Interlocked.Increment(ref _made) > MaxReferences)
        {
            _references.Clear();
            _made = 0;
        }

        return _references.GetOrAdd(to, Reference(to));
    }

    private IKernelObjectGrain Reference(ObjectId to) => to.Kind switch
    {
        ObjectKind.IoasidFd => grains.GetGrain<IIoasidFdGrain>(to.Key),
        ObjectKind.Ioasid => grains.GetGrain<IIoasidGrain>(to.Key),
        ObjectKind.Kvm => grains.GetGrain<IKvmGrain>(to.Key),
        ObjectKind.IommuUnit => grains.GetGrain<IIommuUnitGrain>(to.Key),
        ObjectKind.Device => grains.GetGrain<IDeviceGrain>(to.Key),
        ObjectKind.PageTable => grains.GetGrain<IPageTableGrain>(to.Key),
        ObjectKind.GuestMemory => grains.GetGrain<IGuestMemoryGrain>(to.Key),
        _ => throw new ArgumentOutOfRangeException(nameof(to), to, "There is no grain for this kind of object."),
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
        KvmAllowIncoherentDma it => grain.KvmAllowIncoherentDma(it),
        ReadFdCosts it => grain.ReadFdCosts(it),
        DriveAgain it => grain.DriveAgain(it),
        SetDirtyTracking it => grain.SetDirtyTracking(it),
        GetDirtyBitmap it => grain.GetDirtyBitmap(it),
        StartProcess it => grain.StartProcess(it),
        SysOpen it => grain.SysOpen(it),
        SysClose it => grain.SysClose(it),
        SysIoctl it => grain.SysIoctl(it),
        SysRead it => grain.SysRead(it),
        SysMmap it => grain.SysMmap(it),
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
        TrackIoasid it => grain.TrackIoasid(it),
        ReadIoasidDirty it => grain.ReadIoasidDirty(it),
        DescribeObject it => grain.DescribeObject(it),
        _ => throw NotUnderstood(ObjectKind.Ioasid, command),
    };

    private static ValueTask<Reply> Send(IKvmGrain grain, Command command) => command switch
    {
        LinkFd it => grain.LinkFd(it),
        UpdateSnoop it => grain.UpdateSnoop(it),
        UnlinkFd it => grain.UnlinkFd(it),
        CloseVm it => grain.CloseVm(it),
        KvmFileAdd it => grain.KvmFileAdd(it),
        KvmFileDel it => grain.KvmFileDel(it),
        CpuWbinvd it => grain.CpuWbinvd(it),
        CpuMemoryType it => grain.CpuMemoryType(it),
        ReadKvmCosts it => grain.ReadKvmCosts(it),
        DeclareVm it => grain.DeclareVm(it),
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
        StartDma it => grain.StartDma(it),
        WatchDma it => grain.WatchDma(it),
        StopDma it => grain.StopDma(it),
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
        FetchTranslations it => grain.FetchTranslations(it),
        KeepTranslations it => grain.KeepTranslations(it),
        OutwaitLeases it => grain.OutwaitLeases(it),
        ReserveTables it => grain.ReserveTables(it),
        TrackTable it => grain.TrackTable(it),
        ReadTableDirty it => grain.ReadTableDirty(it),
        DescribeObject it => grain.DescribeObject(it),
        _ => throw NotUnderstood(ObjectKind.PageTable, command),
    };

    private static ValueTask<Reply> Send(IGuestMemoryGrain grain, Command command) => command switch
    {
        CpuWrite it => grain.CpuWrite(it),
        CpuRead it => grain.CpuRead(it),
        AccessMemory it => grain.AccessMemory(it),
        SetWbinvd it => grain.SetWbinvd(it),
        FlushCaches it => grain.FlushCaches(it),
        ReadFlushCosts it => grain.ReadFlushCosts(it),
        FreePages it => grain.FreePages(it),
        FindFreedPages it => grain.FindFreedPages(it),
        DescribeObject it => grain.DescribeObject(it),
        _ => throw NotUnderstood(ObjectKind.GuestMemory, command),
    };

    private static ArgumentException NotUnderstood(ObjectKind kind, Command command) =>
        new($"An object of kind {kind} understands no {command.GetType().Name}.", nameof(command));
}
