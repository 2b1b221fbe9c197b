// iommufd's dirty tracking: HWPT_SET_DIRTY_TRACKING and HWPT_GET_DIRTY_BITMAP. Called by Iommufd.
using System.Collections.Immutable;
using System.Numerics;
using IoasidGrains.Uapi;
using IoasidGrains.Uapi.Linux;

namespace IoasidGrains.Core.Linux;

/// <summary>Tables of the mock note writes here; those of real units where devices translate (see <see cref="SyscallFrame.Dirty"/>).</summary>
public static class DirtyIoctls
{
    private const uint Enable = LinuxFlags.IOMMU_HWPT_DIRTY_TRACKING_ENABLE, NoClear = LinuxFlags.IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR;

    public static Errno Set(IommufdCall call)
    {
        Errno errno = call.Read(16, out IommuHwptSetDirtyTracking cmd);
        if (errno != Errno.OK)
        {
            return errno;
        }

        if ((cmd.Flags & ~Enable) != 0)
        {
            return Errno.EOPNOTSUPP;
        }

        if (call.Context.Find<PagingHwpt>(cmd.HwptId) is not { } table)
        {
            return Errno.ENOENT;
        }

        if (!table.TracksDirty)
        {
            return Errno.EOPNOTSUPP;
        }

        bool enable = (cmd.Flags & Enable) != 0;
        call.Context = (enable ? MockTables.With(call.Context, table.Id, []) : call.Context).With(table with { Tracking = enable });
        if (!table.Maker.IsMock && (enable || table.Tracking))
        {
            call.Frame.Live.Add(new SpaceTracked(call.Context.Find<Ioas>(table.Ioas)!.Space, enable));
        }

        return Errno.OK;
    }

    public static Errno Get(IommufdCall call)
    {
        Errno errno = call.Read(48, out IommuHwptGetDirtyBitmap cmd);
        if (errno != Errno.OK)
        {
            return errno;
        }

        if ((cmd.Flags & ~NoClear) != 0 || cmd.Reserved != 0)
        {
            return Errno.EOPNOTSUPP;
        }

        if (call.Context.Find<PagingHwpt>(cmd.HwptId) is not { } table)
        {
            return Errno.ENOENT;
        }

        Ioas ioas = call.Context.Find<Ioas>(table.Ioas)!;
        errno = CheckRange(ioas.Pages.Alignment, cmd);
        if (errno != Errno.OK)
        {
            return errno;
        }

        if (!table.TracksDirty)
        {
            return Errno.EOPNOTSUPP;
        }

        // A table that does not track, and a hole, stop the walk and are not told.
        if (table.Tracking)
        {
            Read(call, table, ioas, cmd);
        }

        return Errno.OK;
    }

    private static Errno CheckRange(ulong alignment, in IommuHwptGetDirtyBitmap cmd)
    {
        if (cmd.Length == 0)
        {
            return Errno.EINVAL;
        }

        if (!IovaRange.TryCreate(cmd.Iova, cmd.Length, out IovaRange range))
        {
            return Errno.EOVERFLOW;
        }

        ulong end = range.Last + 1;
        return ((cmd.Iova | end) & (alignment - 1)) != 0 || cmd.PageSize == 0 || ((cmd.Iova | end) & (cmd.PageSize - 1)) != 0 ? Errno.EINVAL : Errno.OK;
    }

    private static void Read(IommufdCall call, PagingHwpt table, Ioas ioas, in IommuHwptGetDirtyBitmap cmd)
    {
        var range = new IovaRange(cmd.Iova, cmd.Iova + (cmd.Length - 1));
        int shift = BitOperations.TrailingZeroCount(cmd.PageSize);
        List<IoArea> parts = Mapping.PartsOf(ioas.Pages, range, out _);
        if (!table.Maker.IsMock)
        {
            call.Frame.Dirty = parts.Count == 0 ? null
                : new DirtyQuestion(ioas.Space, new IovaRange(range.Start, parts[^1].Range.Last), 1UL << shift, (cmd.Flags & NoClear) != 0, cmd.Data);
            return;
        }

        ImmutableSortedSet<ulong> dirty = MockTables.DirtyOf(call.Context, table.Id), left = dirty;
        foreach (ulong page in dirty.Where(page => parts.Exists(part => part.Range.Start <= page * MockTables.Page && page * MockTables.Page <= part.Range.Last)))
        {
            ulong first = page * MockTables.Page;
            SetBits(call.Frame, cmd.Data, (first - cmd.Iova) >> shift, (first + MockTables.Page - 1 - cmd.Iova) >> shift);
            left = (cmd.Flags & NoClear) != 0 ? left : left.Remove(page);
        }

        call.Context = MockTables.With(call.Context, table.Id, left);
    }

    /// <summary>Bits are only ever set; what the user has not given stays unsaid.</summary>
    public static void SetBits(SyscallFrame frame, ulong data, ulong first, ulong last)
    {
        Span<byte> one = stackalloc byte[1];
        for (ulong bit = first; bit <= last; bit++)
        {
            if (frame.TryRead(data + (bit / 8), one))
            {
                one[0] |= (byte)(1 << (int)(bit % 8));
                frame.TryWrite(data + (bit / 8), one);
            }
        }
    }
}
