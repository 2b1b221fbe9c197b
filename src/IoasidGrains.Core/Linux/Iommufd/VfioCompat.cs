// VFIO's old ioctls on an iommufd: type1 emulated on the compatibility address space. Called by Iommufd.
using System.Runtime.InteropServices;
using IoasidGrains.Uapi;
using IoasidGrains.Uapi.Linux;

namespace IoasidGrains.Core.Linux;

/// <summary>In the order of checks of vfio_compat.c.</summary>
public static class VfioCompat
{
    private const uint Type1 = LinuxFlags.VFIO_TYPE1_IOMMU, Type1v2 = LinuxFlags.VFIO_TYPE1v2_IOMMU, DmaCc = LinuxFlags.VFIO_DMA_CC_IOMMU,
        NoIommu = LinuxFlags.VFIO_NOIOMMU_IOMMU, UnmapAllExtension = LinuxFlags.VFIO_UNMAP_ALL;
    private const uint Read = LinuxFlags.VFIO_DMA_MAP_FLAG_READ, Write = LinuxFlags.VFIO_DMA_MAP_FLAG_WRITE, UnmapAll = LinuxFlags.VFIO_DMA_UNMAP_FLAG_ALL;
    private const uint InfoPageSizes = LinuxFlags.VFIO_IOMMU_INFO_PGSIZES, InfoCaps = LinuxFlags.VFIO_IOMMU_INFO_CAPS;
    private const int RangeSize = 16;

    public static long Ioctl(IommufdCall call, uint code) => code switch
    {
        IoctlCodes.VFIO_GET_API_VERSION => 0,
        IoctlCodes.VFIO_CHECK_EXTENSION => Extension(call, call.Address),
        IoctlCodes.VFIO_SET_IOMMU => -(long)SetIommu(call, call.Address),
        IoctlCodes.VFIO_IOMMU_GET_INFO => -(long)Info(call),
        IoctlCodes.VFIO_IOMMU_MAP_DMA => -(long)Map(call),
        IoctlCodes.VFIO_IOMMU_UNMAP_DMA => -(long)Unmap(call),
        _ => -(long)Errno.ENOTTY,
    };

    private static Ioas? Compat(IommufdCall call) => call.Context.Find<Ioas>(call.Context.CompatIoas);

    private static long Extension(IommufdCall call, ulong extension) => extension switch
    {
        Type1 or Type1v2 or UnmapAllExtension => call.Context.NoIommu ? 0 : 1,
        NoIommu => 1,
        DmaCc => Compat(call) is { } ioas ? (call.Context.TablesOf(ioas.Id).All(table => table.EnforceSnoop) ? 1 : 0) : -(long)Errno.ENODEV,
        _ => 0,
    };

    private static Errno SetIommu(IommufdCall call, ulong type)
    {
        if (type == NoIommu && call.Context.NoIommu)
        {
            return call.Frame.State.Options.Privileged ? Errno.OK : Errno.EPERM;
        }

        if (type is not (Type1 or Type1v2) || call.Context.NoIommu)
        {
            return Errno.EINVAL;
        }

        return Compat(call) is not { } ioas ? Errno.ENODEV : type == Type1 ? OptionIoctls.DisableLargePages(call, ioas) : Errno.OK;
    }

    private static Errno Map(IommufdCall call)
    {
        if (!call.Frame.TryRead(call.Address, out VfioIommuType1DmaMap map))
        {
            return Errno.EFAULT;
        }

        if (map.Argsz < Marshal.SizeOf<VfioIommuType1DmaMap>() || (map.Flags & ~(Read | Write)) != 0)
        {
            return Errno.EINVAL;
        }

        return Compat(call) is not { } ioas ? Errno.ENODEV
            : Mapping.MapUser(call, ioas.Id, ref map.Iova, map.Vaddr, map.Size, Mapping.AccessOf(map.Flags, Write, Read), choose: false);
    }

    private static Errno Unmap(IommufdCall call)
    {
        if (!call.Frame.TryRead(call.Address, out VfioIommuType1DmaUnmap unmap))
        {
            return Errno.EFAULT;
        }

        if (unmap.Argsz < Marshal.SizeOf<VfioIommuType1DmaUnmap>() || (unmap.Flags & ~UnmapAll) != 0)
        {
            return Errno.EINVAL;
        }

        if (Compat(call) is not { } ioas)
        {
            return Errno.ENODEV;
        }

        Errno errno;
        ulong removed = 0;
        if ((unmap.Flags & UnmapAll) != 0)
        {
            if ((unmap.Iova | unmap.Size) != 0)
            {
                return Errno.EINVAL;
            }

            errno = Mapping.UnmapAll(call, ioas.Id, out removed);
        }
        else
        {
            errno = ioas.Pages.LargePagesDisabled ? Cut(call, ioas.Id, unmap.Iova, unmap.Size) : Errno.OK;
            if (errno != Errno.OK)
            {
                return errno;
            }

            errno = UnmapRange(call, ioas.Id, unmap.Iova, unmap.Size, out removed);
        }

        unmap.Size = removed;
        return call.Frame.TryWrite(call.Address, unmap) ? errno : Errno.EFAULT;
    }

    /// <summary>Nothing there is no error here.</summary>
    private static Errno UnmapRange(IommufdCall call, uint ioas, ulong iova, ulong size, out ulong removed)
    {
        removed = 0;
        if (size == 0)
        {
            return Errno.EINVAL;
        }

        if (!IovaRange.TryCreate(iova, size, out IovaRange range))
        {
            return Errno.EOVERFLOW;
        }

        bool empty = call.Context.Find<Ioas>(ioas)!.Pages.FirstIn(range) is null;
        return empty ? Errno.OK : Mapping.Unmap(call, ioas, range, out removed);
    }

    private static Errno Cut(IommufdCall call, uint ioas, ulong iova, ulong size)
    {
        Errno errno = Mapping.CutBehind(call, ioas, iova + size - 1);
        return errno != Errno.OK || iova == 0 ? errno : Mapping.CutBehind(call, ioas, iova - 1);
    }

    private static Errno Info(IommufdCall call)
    {
        const int Least = 16;
        Span<byte> start = stackalloc byte[Least];
        if (!call.Frame.TryRead(call.Address, start))
        {
            return Errno.EFAULT;
        }

        uint room = MemoryMarshal.Read<uint>(start);
        if (room < Least)
        {
            return Errno.EINVAL;
        }

        if (Compat(call) is not { } ioas)
        {
            return Errno.ENODEV;
        }

        byte[] available = Capability(new VfioIommuType1InfoDmaAvail { Header = new VfioInfoCapHeader { Id = 3, Version = 1 }, Avail = uint.MaxValue });
        List<IovaRange> usable = ioas.Pages.Usable();
        byte[] ranges = Ranges(usable);
        int size = Marshal.SizeOf<VfioIommuType1Info>(), first = size, second = first + available.Length, total = second + ranges.Length;
        if (room > first + Marshal.SizeOf<VfioIommuType1InfoDmaAvail>() - 1)
        {
            MemoryMarshal.Write(available.AsSpan(4), room >= second ? (uint)second : 0);
            if (!call.Frame.TryWrite(call.Address + (ulong)first, available.AsSpan(0, Marshal.SizeOf<VfioIommuType1InfoDmaAvail>())))
            {
                return Errno.EFAULT;
            }
        }

        // Ranges are written as far as there is room, but what says how many they are only with all of them.
        int head = ranges.Length - (usable.Count * RangeSize), fit = room < second + head ? 0 : Math.Min(usable.Count, (int)((room - second - head) / RangeSize));
        if (!call.Frame.TryWrite(call.Address + (ulong)(second + head), ranges.AsSpan(head, fit * RangeSize))
            || (room >= total && !call.Frame.TryWrite(call.Address + (ulong)second, ranges.AsSpan(0, head))))
        {
            return Errno.EFAULT;
        }

        var info = new VfioIommuType1Info
        {
            Argsz = (uint)total, Flags = InfoPageSizes | InfoCaps, IovaPgsizes = PageSizes(call.Context, ioas), CapOffset = room >= total ? (uint)size : 0,
        };
        Span<byte> bytes = stackalloc byte[size];
        MemoryMarshal.Write(bytes, in info);
        return call.Frame.TryWrite(call.Address, bytes[..(int)Math.Min(room, (uint)size)]) ? Errno.OK : Errno.EFAULT;
    }

    private static ulong PageSizes(IommufdContext context, Ioas ioas)
    {
        ulong sizes = context.TablesOf(ioas.Id).Aggregate(ulong.MaxValue, (all, table) => all & table.Maker.PageSizes);
        if ((sizes & (Quantity.PageSize - 1)) != 0)
        {
            sizes = (sizes & ~(Quantity.PageSize - 1)) | Quantity.PageSize;
        }

        return Math.Max(sizes, ioas.Pages.Alignment);
    }

    /// <summary>Padded to eight bytes.</summary>
    private static byte[] Capability<T>(T capability)
        where T : struct
    {
        byte[] bytes = new byte[(Marshal.SizeOf<T>() + 7) & ~7];
        MemoryMarshal.Write(bytes, in capability);
        return bytes;
    }

    private static byte[] Ranges(List<IovaRange> usable)
    {
        byte[] head = Capability(new VfioIommuType1InfoCapIovaRange { Header = new VfioInfoCapHeader { Id = 1, Version = 1 }, NrIovas = (uint)usable.Count });
        return [.. head, .. usable.SelectMany(range => (byte[])[.. BitConverter.GetBytes(range.Start), .. BitConverter.GetBytes(range.Last)])];
    }
}
