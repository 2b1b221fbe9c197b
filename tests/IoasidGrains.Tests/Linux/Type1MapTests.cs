// Rules of mapping in a type1 container, as drivers/vfio/vfio_iommu_type1.c of Linux 6.12 has them.
using System.Runtime.InteropServices;
using IoasidGrains.Core.Linux;
using IoasidGrains.Uapi.Linux;
using static IoasidGrains.Tests.Linux.KernelProcess;

namespace IoasidGrains.Tests.Linux;

public sealed class Type1MapTests
{
    private const uint V1 = 1, V2 = 3;
    private const uint Read = 1, Write = 2, Vaddr = 4;
    private const uint UnmapAll = 2, UnmapVaddr = 4;
    private const ulong Memory = 0x1_0000_0000, ReadOnly = 0x2_0000_0000;

    private static readonly ProcessOptions SmallMemory = WithMemory(
        new UserRegion(Memory, Memory + 0xffff, true), new UserRegion(ReadOnly, ReadOnly + 0x1fff, false));

    private static KernelProcess One(out int container, ulong type = V2, ProcessOptions? options = null)
    {
        KernelProcess process = new(options ?? SmallMemory, Device("A", Vtd(true)), Device("B", Vtd(false)));
        container = process.Type1(type, "gA");
        return process;
    }

    private static long Minus(Errno errno) => -(long)errno;

    [Theory]
    [InlineData(Read | Write, Memory, 0x100000, 0x1000, Errno.OK)]
    [InlineData(Read, Memory, 0x100000, 0x1000, Errno.OK)]
    [InlineData(Write, Memory, 0x100000, 0x1000, Errno.OK)]
    [InlineData(0, Memory, 0x100000, 0x1000, Errno.EINVAL)]
    [InlineData(8, Memory, 0x100000, 0x1000, Errno.EINVAL)]
    [InlineData(Read | Vaddr, Memory, 0x100000, 0x1000, Errno.EINVAL)]
    [InlineData(Vaddr, Memory, 0x100000, 0x1000, Errno.ENOENT)]
    [InlineData(Vaddr, Memory, 0x100800, 0x1000, Errno.EINVAL)]
    [InlineData(Vaddr, Memory, 0x10000, 0x1000, Errno.EINVAL)]
    [InlineData(Read, Memory, 0x100000, 0, Errno.EINVAL)]
    [InlineData(Read, Memory, 0x100000, 0x1001, Errno.EINVAL)]
    [InlineData(Read, Memory + 1, 0x100000, 0x1000, Errno.EINVAL)]
    [InlineData(Read, Memory, 0x100001, 0x1000, Errno.EINVAL)]
    [InlineData(Read, Memory, 0xffff_ffff_ffff_f000, 0x2000, Errno.EINVAL)]
    [InlineData(Read, 0xffff_ffff_ffff_f000, 0x100000, 0x2000, Errno.EINVAL)]
    [InlineData(Read, Memory, 0xfee0_0000, 0x1000, Errno.EINVAL)]
    [InlineData(Read, Memory, 0xfedf_f000, 0x2000, Errno.EINVAL)]
    [InlineData(Read, Memory, 0xfedf_f000, 0x1000, Errno.OK)]
    [InlineData(Read, Memory, 0xfef0_0000, 0x1000, Errno.OK)]
    [InlineData(Read, Memory, 0xffff_ffff_f000, 0x1000, Errno.OK)]
    [InlineData(Read, Memory, 0x1_0000_0000_0000, 0x1000, Errno.EINVAL)]
    [InlineData(Read, Memory, 0x10000, 0x1000, Errno.EEXIST)]
    [InlineData(Read, 0xdead_0000, 0x11000, 0x1000, Errno.EEXIST)]
    [InlineData(Read, 0xdead_0000, 0x100000, 0x1000, Errno.EFAULT)]
    [InlineData(Read, Memory + 0xf000, 0x100000, 0x2000, Errno.EFAULT)]
    [InlineData(Read, ReadOnly, 0x100000, 0x2000, Errno.OK)]
    [InlineData(Read | Write, ReadOnly, 0x100000, 0x2000, Errno.EFAULT)]
    public void Map_IsCheckedInTheKernelsOrder(uint flags, ulong vaddr, ulong iova, ulong size, Errno errno)
    {
        KernelProcess process = One(out int container);
        Assert.Equal(0, process.Map(container, 0x10000, 0x2000, Memory));
        Assert.Equal(Minus(errno), process.Map(container, iova, size, vaddr, flags));
        Assert.Equal(errno == Errno.OK ? 2 : 1, process.Live.OfType<SpaceMapped>().Count());
        Assert.Equal(errno == Errno.OK ? 0x2000 + (long)size : 0x2000, process.Unmap(container, 0, 0, UnmapAll));
    }

    /// <summary>0x100000..0x10ffff and 0x110000..0x110fff are mapped. Size that is answered, or minus an errno.</summary>
    [Theory]
    [InlineData(V2, 0x104000, 0x1000, -22)]
    [InlineData(V2, 0x108000, 0x8000, -22)]
    [InlineData(V2, 0x100000, 0x1000, -22)]
    [InlineData(V2, 0x0ff000, 0x2000, -22)]
    [InlineData(V2, 0x100000, 0x10000, 0x10000)]
    [InlineData(V2, 0x100000, 0x11000, 0x11000)]
    [InlineData(V2, 0x0ff000, 0x13000, 0x11000)]
    [InlineData(V2, 0x500000, 0x1000, 0)]
    [InlineData(V2, 0x100000, 0, -22)]
    [InlineData(V2, 0x100001, 0x1000, -22)]
    [InlineData(V2, 0x100000, 0x1001, -22)]
    [InlineData(V2, 0xffff_ffff_ffff_f000, 0x2000, -22)]
    [InlineData(V2, 0, 0xffff_ffff_ffff_f000, 0x11000)]
    [InlineData(V2, 0x1000, 0xffff_ffff_ffff_f000, 0)]
    [InlineData(V1, 0x104000, 0x1000, 0)]
    [InlineData(V1, 0x108000, 0x8000, 0)]
    [InlineData(V1, 0x108000, 0x9000, 0)]
    [InlineData(V1, 0x100000, 0x1000, 0x10000)]
    [InlineData(V1, 0x0ff000, 0x2000, 0x10000)]
    [InlineData(V1, 0x100000, 0x10001, -22)]
    [InlineData(V1, 0x100000, 0x11000, 0x11000)]
    public void Unmap_CutsNothing(ulong type, ulong iova, ulong size, long answer)
    {
        KernelProcess process = One(out int container, type);
        process.Map(container, 0x100000, 0x10000, Memory);
        process.Map(container, 0x110000, 0x1000, Memory);
        Assert.Equal(answer, process.Unmap(container, iova, size));
        Assert.Equal(0x11000 - Math.Max(answer, 0), process.Unmap(container, 0, 0, UnmapAll));
    }

    [Theory]
    [InlineData(UnmapAll, 0x100000, 0, Errno.EINVAL)]
    [InlineData(UnmapAll, 0, 0x1000, Errno.EINVAL)]
    [InlineData(8, 0x100000, 0x1000, Errno.EINVAL)]
    [InlineData(1, 0x100000, 0x1000, Errno.EINVAL)]
    [InlineData(1 | UnmapAll, 0, 0, Errno.EINVAL)]
    public void Unmap_ChecksItsFlags(uint flags, ulong iova, ulong size, Errno errno)
    {
        KernelProcess process = One(out int container);
        Assert.Equal(Minus(errno), process.Unmap(container, iova, size, flags));
    }

    [Theory]
    [InlineData(IoctlCodes.VFIO_IOMMU_MAP_DMA, 31, 32, Errno.EINVAL)]
    [InlineData(IoctlCodes.VFIO_IOMMU_MAP_DMA, 32, 31, Errno.EFAULT)]
    [InlineData(IoctlCodes.VFIO_IOMMU_UNMAP_DMA, 23, 24, Errno.EINVAL)]
    [InlineData(IoctlCodes.VFIO_IOMMU_UNMAP_DMA, 24, 23, Errno.EFAULT)]
    [InlineData(IoctlCodes.VFIO_IOMMU_GET_INFO, 15, 24, Errno.EINVAL)]
    [InlineData(IoctlCodes.VFIO_IOMMU_GET_INFO, 16, 15, Errno.EFAULT)]
    [InlineData(IoctlCodes.VFIO_IOMMU_GET_INFO, 24, 23, Errno.EFAULT)]
    [InlineData(IoctlCodes.VFIO_IOMMU_GET_INFO, 16, 16, Errno.OK)]
    [InlineData(IoctlCodes.VFIO_IOMMU_DIRTY_PAGES, 7, 8, Errno.EINVAL)]
    [InlineData(IoctlCodes.VFIO_IOMMU_DIRTY_PAGES, 8, 7, Errno.EFAULT)]
    public void Struct_ShortArgszIsEinval_MissingBytesAreEfault(uint code, uint argsz, int bytes, Errno errno)
    {
        KernelProcess process = One(out int container);
        var argument = new byte[bytes];
        MemoryMarshal.Write(argument, in argsz);
        Assert.Equal(Minus(errno), process.Bytes(container, code, argument));
    }

    [Fact]
    public void Map_PastTheLimitOfMappings_AnswersEnospc()
    {
        KernelProcess process = One(out int container, options: ProcessOptions.Default with { ContainerMappings = 2 });
        Assert.Equal((0, 0), (process.Map(container, 0, 0x1000), process.Map(container, 0x1000, 0x1000)));
        Assert.Equal(Minus(Errno.ENOSPC), process.Map(container, 0xfee0_0000, 0x1000));
        Assert.Equal(Minus(Errno.EEXIST), process.Map(container, 0x1000, 0x1000));
        Assert.Equal(0x1000, process.Unmap(container, 0, 0x1000));
        Assert.Equal(0, process.Map(container, 0x5000, 0x1000));
    }

    /// <summary>Pages are pinned in order: whichever of the limit and a bad page comes first answers. CAP_IPC_LOCK is above the limit.</summary>
    [Theory]
    [InlineData(false, 0x4000, Memory, 0x4000, Errno.OK)]
    [InlineData(false, 0x4000, Memory, 0x5000, Errno.ENOMEM)]
    [InlineData(false, 0x4fff, Memory, 0x5000, Errno.ENOMEM)]
    [InlineData(false, 0x4000, Memory + 0xb000, 0x6000, Errno.ENOMEM)]
    [InlineData(false, 0x4000, Memory + 0xd000, 0x6000, Errno.EFAULT)]
    [InlineData(false, 0, 0xdead_0000, 0x1000, Errno.EFAULT)]
    [InlineData(true, 0x4000, Memory, 0x5000, Errno.OK)]
    public void Map_PastTheLockedLimit_AnswersEnomem(bool privileged, ulong limit, ulong vaddr, ulong size, Errno errno)
    {
        KernelProcess process = One(out int container, options: SmallMemory with { LockedLimit = limit, Privileged = privileged });
        Assert.Equal(Minus(errno), process.Map(container, 0, size, vaddr));
    }

    [Fact]
    public void Vaddr_IsInvalidatedAndSetAgain()
    {
        KernelProcess process = One(out int container);
        process.Map(container, 0x1000, 0x1000, Memory);
        process.Map(container, 0x2000, 0x1000, Memory);
        Assert.Equal(Minus(Errno.EINVAL), process.Map(container, 0x1000, 0x1000, Memory, Vaddr));
        Assert.Equal(0x1000, process.Unmap(container, 0x2000, 0x1000, UnmapVaddr));
        Assert.Equal(Minus(Errno.EINVAL), process.Unmap(container, 0, 0, UnmapVaddr | UnmapAll));
        Assert.Equal(1, process.State.Containers.Values.Single().Type1!.InvalidVaddrs);
        Assert.Equal(Minus(Errno.EBUSY), process.SetContainer(process.MustOpen("/dev/vfio/gB"), container));
        Assert.Equal(Minus(Errno.EINVAL), process.Map(container, 0x2000, 0x2000, Memory, Vaddr));
        Assert.Equal(0, process.Map(container, 0x2000, 0x1000, Memory, Vaddr));
        Assert.Equal(0x2000, process.Unmap(container, 0, 0, UnmapVaddr | UnmapAll));
        Assert.Equal(0x2000, process.Unmap(container, 0, 0, UnmapAll));
        Assert.Equal(0, process.SetContainer(5, container));
    }

    [Fact]
    public void Mappings_GoWithTheLastGroup()
    {
        KernelProcess process = One(out int container);
        process.Map(container, 0x1000, 0x1000, Memory);
        Assert.Equal(0, process.UnsetContainer(4));
        Assert.Equal(Minus(Errno.EINVAL), process.Unmap(container, 0, 0, UnmapAll));
        process.SetContainer(4, container);
        process.SetIommu(container, V2);
        Assert.Equal(0, process.Unmap(container, 0, 0, UnmapAll));
    }

    /// <summary>The 65536th is refused.</summary>
    [Fact]
    [Trait("case", "124")]
    public void ManyMappings_AreFast()
    {
        KernelProcess process = One(out int container, options: ProcessOptions.Default);
        for (ulong i = 0; i < 65535; i++)
        {
            process.Map(container, 0x1000_0000 + (i << 12), 0x1000);
        }

        Assert.Equal(Minus(Errno.ENOSPC), process.Map(container, 0x1000, 0x1000));
        Assert.Equal(65535L << 12, process.Unmap(container, 0, 0, UnmapAll));
    }
}
