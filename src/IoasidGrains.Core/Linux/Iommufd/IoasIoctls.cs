// iommufd's ioctls on address spaces, in the order of checks of ioas.c. Called by Iommufd.
using System.Collections.Immutable;
using System.Runtime.InteropServices;
using IoasidGrains.Uapi;
using IoasidGrains.Uapi.Linux;

namespace IoasidGrains.Core.Linux;

/// <summary>DESTROY, IOAS_ALLOC, ALLOW_IOVAS, COPY, IOVA_RANGES, MAP, UNMAP.</summary>
public static class IoasIoctls
{
    private const uint FixedIova = LinuxFlags.IOMMU_IOAS_MAP_FIXED_IOVA, Writeable = LinuxFlags.IOMMU_IOAS_MAP_WRITEABLE,
        Readable = LinuxFlags.IOMMU_IOAS_MAP_READABLE;

    public static Errno Destroy(IommufdCall call)
    {
        Errno errno = call.Read(8, out IommuDestroy cmd);
        if (errno != Errno.OK)
        {
            return errno;
        }

        if (call.Context.Objects.GetValueOrDefault(cmd.Id) is not { } one)
        {
            return Errno.ENOENT;
        }

        if (call.Context.IsUsed(one))
        {
            return Errno.EBUSY;
        }

        switch (one)
        {
            case PagingHwpt table:
                call.Context = Tables.Drop(call.Context, table);
                break;
            case MockDevice mock:
                Selftest.DestroyDevice(call, mock);
                break;
            default:
                call.Context = call.Context.Without(one.Id);
                break;
        }

        return Errno.OK;
    }

    public static Errno Alloc(IommufdCall call)
    {
        Errno errno = call.Read(12, out IommuIoasAlloc cmd);
        if (errno != Errno.OK || cmd.Flags != 0)
        {
            return errno != Errno.OK ? errno : Errno.EOPNOTSUPP;
        }

        cmd.OutIoasId = call.Context.FreeId;
        errno = call.Respond(cmd);
        if (errno == Errno.OK)
        {
            call.Context = call.Context.With(new Ioas(cmd.OutIoasId, call.Frame.NextNumber(), IoPages.Empty, []));
        }

        return errno;
    }

    public static Errno IovaRanges(IommufdCall call)
    {
        Errno errno = call.Read(32, out IommuIoasIovaRanges cmd);
        if (errno != Errno.OK || cmd.Reserved != 0)
        {
            return errno != Errno.OK ? errno : Errno.EOPNOTSUPP;
        }

        if (call.Context.Find<Ioas>(cmd.IoasId) is not { } ioas)
        {
            return Errno.ENOENT;
        }

        List<IovaRange> usable = ioas.Pages.Usable();
        uint room = cmd.NumIovas;
        for (int i = 0; i < usable.Count && i < room; i++)
        {
            var element = new IommuIovaRange { Start = usable[i].Start, Last = usable[i].Last };
            if (!call.Frame.TryWrite(cmd.AllowedIovas + ((ulong)i * (ulong)Marshal.SizeOf<IommuIovaRange>()), element))
            {
                return Errno.EFAULT;
            }
        }

        cmd.NumIovas = (uint)usable.Count;
        cmd.OutIovaAlignment = ioas.Pages.Alignment;
        errno = call.Respond(cmd);
        return errno != Errno.OK ? errno : usable.Count > room ? Errno.EMSGSIZE : Errno.OK;
    }

    public static Errno AllowIovas(IommufdCall call)
    {
        Errno errno = call.Read(24, out IommuIoasAllowIovas cmd);
        if (errno != Errno.OK || cmd.Reserved != 0)
        {
            return errno != Errno.OK ? errno : Errno.EOPNOTSUPP;
        }

        if (call.Context.Find<Ioas>(cmd.IoasId) is not { } ioas)
        {
            return Errno.ENOENT;
        }

        errno = LoadRanges(call, cmd, out ImmutableList<IovaRange> allowed);
        if (errno != Errno.OK)
        {
            return errno;
        }

        if (allowed.Exists(ioas.Pages.IsReserved))
        {
            return Errno.EADDRINUSE;
        }

        call.Context = call.Context.With(ioas with { Pages = ioas.Pages with { Allowed = allowed } });
        return Errno.OK;
    }

    private static Errno LoadRanges(IommufdCall call, in IommuIoasAllowIovas cmd, out ImmutableList<IovaRange> ranges)
    {
        SortedSet<IovaRange> sorted = [];
        ranges = [];
        for (uint i = 0; i < cmd.NumIovas; i++)
        {
            if (!call.Frame.TryRead(cmd.AllowedIovas + (i * (ulong)Marshal.SizeOf<IommuIovaRange>()), out IommuIovaRange element))
            {
                return Errno.EFAULT;
            }

            var range = new IovaRange(element.Start, element.Last);
            if (element.Start >= element.Last || Overlaps(sorted, range))
            {
                return Errno.EINVAL;
            }

            sorted.Add(range);
        }

        ranges = [.. sorted];
        return Errno.OK;
    }

    /// <summary>Those in the set are disjoint: only the last one that starts at or before the range's end can overlap it.</summary>
    private static bool Overlaps(SortedSet<IovaRange> sorted, IovaRange range) =>
        sorted.GetViewBetween(new IovaRange(0, 0), new IovaRange(range.Last, range.Last)).Max is { } before && sorted.Count > 0
            && before.Overlaps(range) && (before != default || sorted.Contains(default));

    public static Errno Map(IommufdCall call)
    {
        Errno errno = call.Read(40, out IommuIoasMap cmd);
        if (errno != Errno.OK)
        {
            return errno;
        }

        if ((cmd.Flags & ~(FixedIova | Writeable | Readable)) != 0 || cmd.Reserved != 0)
        {
            return Errno.EOPNOTSUPP;
        }

        if (cmd.Iova == ulong.MaxValue || cmd.Length == ulong.MaxValue)
        {
            return Errno.EOVERFLOW;
        }

        if ((cmd.Flags & (Writeable | Readable)) == 0)
        {
            return Errno.EINVAL;
        }

        if (call.Context.Find<Ioas>(cmd.IoasId) is null)
        {
            return Errno.ENOENT;
        }

        errno = Mapping.MapUser(
            call, cmd.IoasId, ref cmd.Iova, cmd.UserVa, cmd.Length, Mapping.AccessOf(cmd.Flags, Writeable, Readable), choose: (cmd.Flags & FixedIova) == 0);
        return errno == Errno.OK ? call.Respond(cmd) : errno;
    }

    public static Errno Copy(IommufdCall call)
    {
        Errno errno = call.Read(40, out IommuIoasCopy cmd);
        if (errno != Errno.OK)
        {
            return errno;
        }

        if (call.Frame.State.Options.Selftest && (cmd.Flags & SelftestAccesses.Syz) != 0)
        {
            cmd.Flags &= ~SelftestAccesses.Syz;
            cmd.SrcIova = call.Context.Find<Ioas>(cmd.SrcIoasId) is { } named ? SelftestAccesses.NthArea(named.Pages, cmd.SrcIova) : cmd.SrcIova;
        }

        if ((cmd.Flags & ~(FixedIova | Writeable | Readable)) != 0)
        {
            return Errno.EOPNOTSUPP;
        }

        if (cmd.Length == ulong.MaxValue || cmd.SrcIova == ulong.MaxValue || cmd.DstIova == ulong.MaxValue)
        {
            return Errno.EOVERFLOW;
        }

        if ((cmd.Flags & (Writeable | Readable)) == 0)
        {
            return Errno.EINVAL;
        }

        if (call.Context.Find<Ioas>(cmd.SrcIoasId) is not { } source)
        {
            return Errno.ENOENT;
        }

        errno = Mapping.PagesUnder(source, cmd.SrcIova, cmd.Length, out List<PagesSlice> slices);
        if (errno != Errno.OK)
        {
            return errno;
        }

        if (call.Context.Find<Ioas>(cmd.DstIoasId) is null)
        {
            return Errno.ENOENT;
        }

        errno = Mapping.Map(
            call, cmd.DstIoasId, slices, cmd.Length, ref cmd.DstIova, Mapping.AccessOf(cmd.Flags, Writeable, Readable), choose: (cmd.Flags & FixedIova) == 0);
        return errno == Errno.OK ? call.Respond(cmd) : errno;
    }

    public static Errno Unmap(IommufdCall call)
    {
        Errno errno = call.Read(24, out IommuIoasUnmap cmd);
        if (errno != Errno.OK)
        {
            return errno;
        }

        if (call.Context.Find<Ioas>(cmd.IoasId) is null)
        {
            return Errno.ENOENT;
        }

        errno = Unmap(call, cmd.IoasId, cmd.Iova, cmd.Length, out ulong removed);
        if (errno != Errno.OK)
        {
            return errno;
        }

        cmd.Length = removed;
        return call.Respond(cmd);
    }

    private static Errno Unmap(IommufdCall call, uint ioas, ulong iova, ulong length, out ulong removed)
    {
        removed = 0;
        if (iova == 0 && length == ulong.MaxValue)
        {
            return Mapping.UnmapAll(call, ioas, out removed);
        }

        if (iova == ulong.MaxValue || length == ulong.MaxValue)
        {
            return Errno.EOVERFLOW;
        }

        return length == 0 ? Errno.EINVAL : IovaRange.TryCreate(iova, length, out IovaRange range) ? Mapping.Unmap(call, ioas, range, out removed) : Errno.EOVERFLOW;
    }
}
