// Dirty tracking: which pages devices have written, as iommufd defines it (domain 6.6).
namespace IoasidGrains.Uapi;

/// <summary>
/// IOMMU_HWPT_SET_DIRTY_TRACKING of the IOASID's page table. Turning it on forgets what was written before. EOPNOTSUPP if an attached device's unit
/// cannot tell (no scalable mode), ENOENT for no such IOASID.
/// </summary>
[GenerateSerializer, Immutable]
public sealed record SetDirtyTracking(FdId Fd, IoasidNumber Number, bool Enable) : FdCommand(Fd);

/// <summary>
/// IOMMU_HWPT_GET_DIRTY_BITMAP: answers <see cref="DirtyBitmap"/>, and forgets what it reports unless <paramref name="NoClear"/> is given. Every device
/// write that was over before it was asked is in this answer or was in an earlier one; a page may be reported that was not written. EINVAL if tracking
/// is off, the page size is no power of two from 4 KiB on, the range is not whole pages of it or not mapped without holes; E2BIG for more than
/// <see cref="MaxPages"/>. Sent again with the same request id it answers the same.
/// </summary>
/// <param name="PageSize">Bytes that one bit stands for.</param>
[GenerateSerializer, Immutable]
public sealed record GetDirtyBitmap(FdId Fd, IoasidNumber Number, ulong Iova, ulong Length, ulong PageSize, bool NoClear) : FdCommand(Fd)
{
    /// <summary>So that the bitmap fits in a message: 64 GiB in pages of 4 KiB.</summary>
    public const ulong MaxPages = 1UL << 24;

    /// <summary>What it has made a table forget must reach whoever asked.</summary>
    public override bool MustFinish => true;
}
