// A device: what fds and IOASIDs drive it to, what its user does, and what it refuses because nobody holds it.
using IoasidGrains.Uapi;

namespace IoasidGrains.Contracts;

/// <summary>A PCI function. The ioctls of its own file enter at the fd that holds it; they come here only while nobody does, and are refused.</summary>
public interface IDeviceGrain : IKernelObjectGrain
{
    ValueTask<Reply> DeclareDevice(DeclareDevice command);

    ValueTask<Reply> OpenDevice(OpenDevice command);

    ValueTask<Reply> CloseDevice(CloseDevice command);

    ValueTask<Reply> VfioUnbindIoasidFd(VfioUnbindIoasidFd command);

    ValueTask<Reply> VfioAttachIoasid(VfioAttachIoasid command);

    ValueTask<Reply> VfioDetachIoasid(VfioDetachIoasid command);

    ValueTask<Reply> DescribeDevice(DescribeDevice command);

    ValueTask<Reply> HoldDevice(HoldDevice command);

    ValueTask<Reply> SetRoute(SetRoute command);

    ValueTask<Reply> InvalidateTranslations(InvalidateTranslations command);

    ValueTask<Reply> DeviceDma(DeviceDma command);

    ValueTask<Reply> StartDma(StartDma command);

    ValueTask<Reply> WatchDma(WatchDma command);

    ValueTask<Reply> StopDma(StopDma command);
}
