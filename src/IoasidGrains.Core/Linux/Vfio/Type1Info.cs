// VFIO_IOMMU_GET_INFO with its chain of capabilities (drivers/vfio/vfio_iommu_type1.c); used by Type1Ioctls.
using System.Runtime.InteropServices;
using IoasidGrains.Uapi;
using IoasidGrains.Uapi.Linux;

namespace IoasidGrains.Core.Linux;

/// <summary>Migration, mappings that are left, permitted ranges: in this order, each beginning at a multiple of 8 bytes.</summary>
internal static class Type1Info
{
    private const uint HasPageSizes = LinuxFlags.VFIO_IOMMU_INFO_PGSIZES, HasCapabilities = LinuxFlags.VFIO_IOMMU_INFO_CAPS;
    private const int ShortestStruct = 16, WholeStruct = 24;
    private const ulong LargestBitmap = 1 << 28;

    public static Errno Get(SyscallFrame frame, Type1 type1, ulong argument)
    {
        Span<byte> bytes = stackalloc byte[WholeStruct];
        if (!frame.TryRead(argument, bytes[..ShortestStruct]))
        {
            return Errno.EFAULT;
        }

        uint argsz = MemoryMarshal.Read<uint>(bytes);
        if (argsz < ShortestStruct)
        {
            return Errno.EINVAL;
        }

        byte[] chain = Chain(type1);
        uint needed = (uint)(WholeStruct + chain.Length);
        var info = new VfioIommuType1Info
        {
            Argsz = Math.Max(argsz, needed), Flags = HasPageSizes | HasCapabilities, IovaPgsizes = type1.PageSizes, CapOffset = argsz < needed ? 0U : WholeStruct,
        };
        if (argsz >= needed && !frame.TryWrite(argument + WholeStruct, chain))
        {
            return Errno.EFAULT;
        }

        MemoryMarshal.Write(bytes, in info);
        return frame.TryWrite(argument, bytes[..(int)Math.Min(argsz, WholeStruct)]) ? Errno.OK : Errno.EFAULT;
    }

    private static byte[] Chain(Type1 type1)
    {
        var chain = new InfoChain(WholeStruct);
        chain.Add(2, new VfioIommuType1InfoCapMigration { PgsizeBitmap = type1.PageSize, MaxDirtyBitmapSize = LargestBitmap }, []);
        chain.Add(3, new VfioIommuType1InfoDmaAvail { Avail = (uint)type1.Available }, []);
        if (!type1.Windows.IsEmpty)
        {
            VfioIovaRange[] ranges = [.. type1.Windows.Select(window => new VfioIovaRange { Start = window.Start, End = window.Last })];
            chain.Add(1, new VfioIommuType1InfoCapIovaRange { NrIovas = (uint)ranges.Length }, MemoryMarshal.AsBytes<VfioIovaRange>(ranges));
        }

        return chain.ToArray();
    }
}
