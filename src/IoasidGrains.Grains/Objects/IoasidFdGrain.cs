// An ioasid_fd as a grain: one line per command into the runner.
using IoasidGrains.Contracts;
using IoasidGrains.Uapi;
using Orleans.Runtime;

namespace IoasidGrains.Grains;

/// <summary>The mailbox of Core's <c>IoasidFd</c>.</summary>
[CellPlacement]
public sealed class IoasidFdGrain(IGrainContext context, GrainPorts ports) : ObjectGrain(ObjectKind.IoasidFd, context, ports), IIoasidFdGrain
{
    public ValueTask<Reply> OpenFd(OpenFd command) => Run(command);

    public ValueTask<Reply> CloseFd(CloseFd command) => Run(command);

    public ValueTask<Reply> IoasidCheckExtension(IoasidCheckExtension command) => Run(command);

    public ValueTask<Reply> IoasidRegisterMemory(IoasidRegisterMemory command) => Run(command);

    public ValueTask<Reply> IoasidUnregisterMemory(IoasidUnregisterMemory command) => Run(command);

    public ValueTask<Reply> IoasidAlloc(IoasidAlloc command) => Run(command);

    public ValueTask<Reply> IoasidFree(IoasidFree command) => Run(command);

    public ValueTask<Reply> IoasidGetInfo(IoasidGetInfo command) => Run(command);

    public ValueTask<Reply> IoasidGetDevInfo(IoasidGetDevInfo command) => Run(command);

    public ValueTask<Reply> IoasidMapDma(IoasidMapDma command) => Run(command);

    public ValueTask<Reply> IoasidUnmapDma(IoasidUnmapDma command) => Run(command);

    public ValueTask<Reply> VfioBindIoasidFd(VfioBindIoasidFd command) => Run(command);

    public ValueTask<Reply> VfioUnbindIoasidFd(VfioUnbindIoasidFd command) => Run(command);

    public ValueTask<Reply> VfioAttachIoasid(VfioAttachIoasid command) => Run(command);

    public ValueTask<Reply> VfioDetachIoasid(VfioDetachIoasid command) => Run(command);

    public ValueTask<Reply> CloseDevice(CloseDevice command) => Run(command);

    public ValueTask<Reply> KvmAddIoasidFd(KvmAddIoasidFd command) => Run(command);

    public ValueTask<Reply> KvmDelIoasidFd(KvmDelIoasidFd command) => Run(command);

    public ValueTask<Reply> KvmUpdateIoasidFd(KvmUpdateIoasidFd command) => Run(command);

    public ValueTask<Reply> KvmAllowIncoherentDma(KvmAllowIncoherentDma command) => Run(command);

    public ValueTask<Reply> ReadFdCosts(ReadFdCosts command) => Run(command);

    public ValueTask<Reply> DriveAgain(DriveAgain command) => Run(command);

    public ValueTask<Reply> SetDirtyTracking(SetDirtyTracking command) => Run(command);

    public ValueTask<Reply> GetDirtyBitmap(GetDirtyBitmap command) => Run(command);

    public ValueTask<Reply> StartProcess(StartProcess command) => Run(command);

    public ValueTask<Reply> SysOpen(SysOpen command) => Run(command);

    public ValueTask<Reply> SysClose(SysClose command) => Run(command);

    public ValueTask<Reply> SysIoctl(SysIoctl command) => Run(command);

    public ValueTask<Reply> SysRead(SysRead command) => Run(command);

    public ValueTask<Reply> SysMmap(SysMmap command) => Run(command);
}
