// An I/O address space: what its fd drives it to.
using IoasidGrains.Uapi;

namespace IoasidGrains.Contracts;

/// <summary>An IOASID, driven by its fd alone.</summary>
public interface IIoasidGrain : IKernelObjectGrain
{
    ValueTask<Reply> BuildIoasid(BuildIoasid command);

    ValueTask<Reply> AttachDevice(AttachDevice command);

    ValueTask<Reply> DetachDevice(DetachDevice command);

    ValueTask<Reply> MapArea(MapArea command);

    ValueTask<Reply> UnmapAreas(UnmapAreas command);

    ValueTask<Reply> DestroyIoasid(DestroyIoasid command);

    ValueTask<Reply> TrackIoasid(TrackIoasid command);

    ValueTask<Reply> ReadIoasidDirty(ReadIoasidDirty command);
}
