// Rules of iommufd's self test, and of VFIO's old ioctls on an iommufd.
using System.Runtime.InteropServices;
using IoasidGrains.Core.Linux;
using IoasidGrains.Uapi.Linux;
using static IoasidGrains.Tests.Linux.IommufdProcess;
using static IoasidGrains.Tests.Linux.KernelProcess;

namespace IoasidGrains.Tests.Linux;

public sealed class IommufdSelftestTests
{
    private const uint CheckMap = 3, CheckRefs = 4, CreateAccess = 5, Unpin = 6, Pin = 7, ReadWriteOp = 8, MemoryLimit = 9, Syz = 1 << 16;
    private const ulong Iova = 0x200_0000;

    private static long Refs(IommufdProcess fd, ulong address, ulong length, uint refs)
    {
        var cmd = new IommuTestCmd { Op = CheckRefs, RefsLength = length, RefsUptr = address, Refs = refs };
        return fd.Test(ref cmd);
    }

    private static long Checks(IommufdProcess fd, uint table, ulong iova, ulong length, ulong address)
    {
        var cmd = new IommuTestCmd { Op = CheckMap, Id = table, Iova = iova, Length = length, Uptr = address };
        return fd.Test(ref cmd);
    }

    private static uint Access(IommufdProcess fd, uint ioas, uint flags = 1)
    {
        var cmd = new IommuTestCmd { Op = CreateAccess, Id = ioas, AccessFlags = flags };
        Assert.Equal(0, fd.Test(ref cmd));
        return cmd.OutAccessFd;
    }

    private static long Pins(IommufdProcess fd, uint access, ulong iova, ulong length, uint flags = 0, ulong address = 0)
    {
        var cmd = new IommuTestCmd { Op = Pin, Id = access, PagesFlags = flags, PagesIova = iova, PagesLength = length, PagesUptr = address };
        long answer = fd.Test(ref cmd);
        return answer == 0 ? cmd.OutAccessPagesId : answer;
    }

    /// <summary>Without it the number is not iommufd's.</summary>
    [Fact]
    public void Selftest_ThatIsNotBuiltIn_IsNoIoctl()
    {
        var fd = new IommufdProcess(ProcessOptions.Default);
        var cmd = new IommuTestCmd { Op = MemoryLimit, Limit = 100 };
        Assert.Equal(Minus(Errno.ENOTTY), fd.Test(ref cmd));
        Assert.Equal(Minus(Errno.EOPNOTSUPP), fd.Copy(1, 1, 0, 0, 1, flags: Syz | 7));
    }

    [Theory]
    [InlineData(11U, Errno.EINVAL)]
    [InlineData(12U, Errno.OK)]
    [InlineData(65536U, Errno.OK)]
    public void MemoryLimit_HasALeast(uint limit, Errno errno)
    {
        var fd = new IommufdProcess();
        var cmd = new IommuTestCmd { Op = MemoryLimit, Limit = limit };
        Assert.Equal(Minus(errno), fd.Test(ref cmd));
    }

    [Fact]
    public void CheckMap_ComparesPageByPage()
    {
        const ulong Last = UserBuffer + BufferBytes - Page;
        var fd = new IommufdProcess();
        uint ioas = fd.Ioas(), table = fd.Mock(ioas).Table;
        fd.Map(ioas, Iova, Page, Last);
        Assert.Equal(0, Checks(fd, table, Iova, Page, Last));
        Assert.Equal(0, Checks(fd, table, Iova + 2048, 2048, Last + 2048));
        Assert.Equal(Minus(Errno.EINVAL), Checks(fd, table, Iova, Page, Last - Page));
        Assert.Equal(Minus(Errno.EINVAL), Checks(fd, table, Iova, Page, Last - 2048));
        Assert.Equal(Minus(Errno.EFAULT), Checks(fd, table, Iova, 2 * Page, Last));
        Assert.Equal(Minus(Errno.EFAULT), Checks(fd, table, Iova, Page, Unmapped));
        Assert.Equal((Minus(Errno.EINVAL), Minus(Errno.ENOENT)), (Checks(fd, table, Iova + 1, Page, Last), Checks(fd, ioas, Iova, Page, Last)));
    }

    /// <summary>The pages of one MAP are pinned once, for all tables, copies and accesses; those of two, twice.</summary>
    [Fact]
    public void CheckRefs_CountsMaps()
    {
        var fd = new IommufdProcess();
        (uint ioas, uint other) = (fd.Ioas(), fd.Ioas());
        fd.Map(ioas, Iova, 2 * Page);
        Assert.Equal((0L, Minus(Errno.EIO)), (Refs(fd, UserBuffer, 4 * Page, 0), Refs(fd, UserBuffer, Page, 1)));
        fd.Mock(ioas);
        fd.Mock(other);
        fd.Copy(other, ioas, Iova, Iova, 2 * Page);
        Assert.Equal((0L, Minus(Errno.EIO)), (Refs(fd, UserBuffer, 2 * Page, 1), Refs(fd, UserBuffer, 3 * Page, 1)));
        fd.Map(other, Iova + 0x10_0000, Page);
        Assert.Equal((0L, 0L), (Refs(fd, UserBuffer, Page, 2), Refs(fd, UserBuffer + Page, Page, 1)));
        Assert.Equal(0, Pins(fd, Access(fd, ioas), Iova, Page));
        Assert.Equal((0L, Minus(Errno.EFAULT), Minus(Errno.EINVAL)), (Refs(fd, UserBuffer, Page, 2), Refs(fd, Unmapped & ~0xfffUL, Page, 0), Refs(fd, UserBuffer, 1, 0)));
        fd.Unmap(ioas, 0, ulong.MaxValue);
        Assert.Equal((0L, 0L), (Refs(fd, UserBuffer + Page, Page, 1), Refs(fd, UserBuffer + BufferBytes - Page, Page, 0)));
    }

    /// <summary>UNMAP waits until what the kernel holds is let go. Every access of the self test lets go when it is told, so no process sees the EDEADLOCK of one that does not.</summary>
    [Fact]
    [Trait("case", "88")]
    public void Access_PinsWholePages_AndLetsGoAtUnmap()
    {
        var fd = new IommufdProcess();
        (uint ioas, uint other) = (fd.Ioas(), fd.Ioas());
        (uint access, uint plain) = (Access(fd, ioas), Access(fd, other, flags: 0));
        fd.Map(ioas, Iova, 2 * Page, flags: 5);
        fd.Map(ioas, Iova + (2 * Page), Page, Unmapped & ~0xfffUL);
        Assert.Equal((0L, 1L), (Pins(fd, access, Iova, Page), Pins(fd, access, Iova, 2 * Page, address: UserBuffer)));
        Assert.Equal((Minus(Errno.EPERM), Minus(Errno.EBADE)), (Pins(fd, access, Iova, Page, flags: 1), Pins(fd, access, Iova, Page, address: UserBuffer + Page)));
        Assert.Equal((Minus(Errno.EFAULT), Minus(Errno.EOPNOTSUPP)), (Pins(fd, access, Iova, 3 * Page), Pins(fd, plain, Iova, Page)));
        Assert.Equal((Minus(Errno.EINVAL), Minus(Errno.ENOENT)), (Pins(fd, access, Iova, 0), Pins(fd, access, Iova - Page, Page)));
        Assert.Equal((Minus(Errno.EBADFD), Minus(Errno.ENOMEM)), (Pins(fd, 99, Iova, Page), Pins(fd, access, Iova, (16 << 20) + 1)));
        Assert.Equal(0, Refs(fd, UserBuffer, Page, 1));
        Assert.Equal(2 * (long)Page, fd.Unmap(ioas, Iova, 2 * Page));
        var unpin = new IommuTestCmd { Op = Unpin, Id = access };
        Assert.Equal(Minus(Errno.ENOENT), fd.Test(ref unpin));
        Assert.Equal((0L, 4096UL), (Refs(fd, UserBuffer, Page, 0), fd.Usable(ioas).Alignment));
        fd.Process.Close((int)access);
        Assert.Equal((1UL, 0L), (fd.Usable(ioas).Alignment, fd.Destroy(ioas)));
    }

    /// <summary>A fuzzer names an area by its place in order, with an offset.</summary>
    [Fact]
    public void Syz_NamesAnAreaByItsPlace()
    {
        var fd = new IommufdProcess();
        uint ioas = fd.Ioas(), access = Access(fd, ioas);
        fd.Map(ioas, Iova, Page);
        fd.Map(ioas, 2 * Iova, 2 * Page);
        const ulong second = 1, secondsOffset = 1 | (Page << 32), third = 2;
        Assert.Equal(8 * (long)Iova, fd.Copy(ioas, ioas, 8 * Iova, secondsOffset, Page, flags: Syz | 7));
        Assert.Equal(Minus(Errno.ENOENT), fd.Copy(ioas, ioas, 9 * Iova, third + 1, Page, flags: Syz | 7));
        Assert.Equal((0L, Minus(Errno.ENOENT)), (Pins(fd, access, second, 2 * Page, Syz), Pins(fd, access, 77, Page, Syz)));
        var write = new IommuTestCmd { Op = ReadWriteOp, Id = access, Iova = secondsOffset, Length = 8, Uptr = CallMemory, RwFlags = Syz | 1 };
        Assert.Equal(0, fd.Test(ref write));
    }

    /// <summary>VFIO_IOMMU_GET_INFO writes as many ranges as there is room for, but says how many there are only with all of them.</summary>
    [Theory]
    [InlineData(24, 0, 0, 0)]
    [InlineData(40, 0, 0, 0)]
    [InlineData(71, 0, 0, 0)]
    [InlineData(72, 0, 0, 1)]
    [InlineData(88, 24, 2, 2)]
    public void Info_WithLittleRoom_HasSomeOfTheRanges(int size, int offset, int count, int written)
    {
        var fd = new IommufdProcess();
        uint ioas = fd.Ioas();
        var reserve = new IommuTestCmd { Op = 1, Id = ioas, Start = 0x1_0000, ReservedLength = 0x1_0000 };
        Assert.Equal((0L, 0L), (fd.Compat(ioas), fd.Test(ref reserve)));
        byte[] bytes = new byte[88];
        BitConverter.TryWriteBytes(bytes, size);
        Assert.Equal(0, fd.Process.Bytes(fd.File, IoctlCodes.VFIO_IOMMU_GET_INFO, bytes));
        var info = MemoryMarshal.Read<VfioIommuType1Info>(bytes);
        Assert.Equal((88U, (uint)offset, 3U), (info.Argsz, size < 24 ? 0 : info.CapOffset, info.Flags));
        Assert.Equal(count, BitConverter.ToInt32(bytes, 48));
        Assert.Equal(written, (BitConverter.ToUInt64(bytes, 56 + 8) == 0xffff ? 1 : 0) + (BitConverter.ToUInt64(bytes, 72) == 0x2_0000 ? 1 : 0));
    }

    /// <summary>Version 1 cuts areas where no large page can be; what it cut stays cut when the unmap then fails.</summary>
    [Fact]
    public void Unmap_OfVersion1_CutsAreas()
    {
        var fd = new IommufdProcess();
        uint ioas = fd.Ioas();
        Assert.Equal(0, fd.Compat(ioas));
        fd.Map(ioas, Iova, 8 * Page);
        Assert.Equal(Minus(Errno.ENOENT), fd.Process.Unmap(fd.File, Iova + Page, Page));
        Assert.Equal(0, fd.Process.SetIommu(fd.File, 1));
        Assert.Equal((long)Page, fd.Process.Unmap(fd.File, Iova + Page, Page));
        Assert.Equal((0L, Minus(Errno.EINVAL)), (fd.Process.Unmap(fd.File, Iova + Page, Page), fd.Process.Unmap(fd.File, Iova + (4 * Page), 0)));
        Assert.Equal(2 * (long)Page, fd.Unmap(ioas, Iova + (2 * Page), 2 * Page));
        Assert.Equal(Minus(Errno.EINVAL), fd.Process.Unmap(fd.File, Iova + (5 * Page) + 1, Page));
    }
}
