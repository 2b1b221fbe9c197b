// An open /dev/ioasid: everything that enters at it.
using IoasidGrains.Uapi;

namespace IoasidGrains.Contracts;

/// <summary>An ioasid_fd. Every ioctl that concerns it, its IOASIDs or a device that it holds enters here; it is the one commit point.</summary>
public interface IIoasidFdGrain : IKernelObjectGrain
{
    ValueTask<Reply> OpenFd(OpenFd command);

    ValueTask<Reply> CloseFd(CloseFd command);

    ValueTask<Reply> IoasidCheckExtension(IoasidCheckExtension command);

    ValueTask<Reply> IoasidRegisterMemory(IoasidRegisterMemory command);

    ValueTask<Reply> IoasidUnregisterMemory(IoasidUnregisterMemory command);

    ValueTask<Reply> IoasidAlloc(IoasidAlloc command);

    ValueTask<Reply> IoasidFree(IoasidFree command);

    ValueTask<Reply> IoasidGetInfo(IoasidGetInfo command);

    ValueTask<Reply> IoasidGetDevInfo(IoasidGetDevInfo command);

    ValueTask<Reply> IoasidMapDma(IoasidMapDma command);

    ValueTask<Reply> IoasidUnmapDma(IoasidUnmapDma command);

    ValueTask<Reply> VfioBindIoasidFd(VfioBindIoasidFd command);

    ValueTask<Reply> VfioUnbindIoasidFd(VfioUnbindIoasidFd command);

    ValueTask<Reply> VfioAttachIoasid(VfioAttachIoasid command);

    ValueTask<Reply> VfioDetachIoasid(VfioDetachIoasid command);

    ValueTask<Reply> CloseDevice(CloseDevice command);

    ValueTask<Reply> KvmAddIoasidFd(KvmAddIoasidFd command);

    ValueTask<Reply> KvmDelIoasidFd(KvmDelIoasidFd command);

    ValueTask<Reply> KvmUpdateIoasidFd(KvmUpdateIoasidFd command);

    ValueTask<Reply> KvmAllowIncoherentDma(KvmAllowIncoherentDma command);

    ValueTask<Reply> ReadFdCosts(ReadFdCosts command);

    ValueTask<Reply> DriveAgain(DriveAgain command);

    ValueTask<Reply> SetDirtyTracking(SetDirtyTracking command);

    ValueTask<Reply> GetDirtyBitmap(GetDirtyBitmap command);

    ValueTask<Reply> StartProcess(StartProcess command);

    ValueTask<Reply> SysOpen(SysOpen command);

    ValueTask<Reply> SysClose(SysClose command);

    ValueTask<Reply> SysIoctl(SysIoctl command);

    ValueTask<Reply> SysRead(SysRead command);

    ValueTask<Reply> SysMmap(SysMmap command);
}
