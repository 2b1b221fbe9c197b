// Rules of an address space of iommufd: where a mapping may be, where one is put, what an unmap leaves.
using IoasidGrains.Core.Linux;
using IoasidGrains.Uapi.Linux;
using static IoasidGrains.Tests.Linux.IommufdProcess;
using static IoasidGrains.Tests.Linux.KernelProcess;

namespace IoasidGrains.Tests.Linux;

public sealed class IommufdMapTests
{
    private const ulong Large = 2 << 20;

    [Fact]
    public void Map_WithoutATable_ChecksAndPinsNothing()
    {
        var fd = new IommufdProcess();
        uint ioas = fd.Ioas();
        Assert.Equal(("0-ffffffffffffffff", 1UL), fd.Usable(ioas));
        Assert.Equal(1, fd.Map(ioas, 1, 3, Unmapped + 5));
        Assert.Equal(0, fd.Map(ioas, 0, 1));
        Assert.Equal(Minus(Errno.EEXIST), fd.Map(ioas, 3, 1));
        Assert.Equal(4, fd.Unmap(ioas, 0, ulong.MaxValue));
        Assert.Equal(0, fd.Unmap(ioas, 0, ulong.MaxValue));
    }

    /// <summary>The earlier error is answered.</summary>
    [Theory]
    [InlineData(0UL, 4096UL, 16U, Errno.EOPNOTSUPP)]
    [InlineData(ulong.MaxValue, 4096UL, 0U, Errno.EOVERFLOW)]
    [InlineData(0UL, ulong.MaxValue, 7U, Errno.EOVERFLOW)]
    [InlineData(0UL, 4096UL, 1U, Errno.EINVAL)]
    [InlineData(0UL, 0UL, 7U, Errno.EINVAL)]
    [InlineData(ulong.MaxValue - 4095, 8192UL, 7U, Errno.EOVERFLOW)]
    public void Map_WithBadArguments_AnswersInTheKernelsOrder(ulong iova, ulong length, uint flags, Errno errno)
    {
        var fd = new IommufdProcess();
        uint ioas = fd.Ioas();
        Assert.Equal(Minus(errno), fd.Map(ioas, iova, length, UserBuffer, flags));
        Assert.Equal(Minus(Errno.ENOENT), fd.Map(ioas + 1, 0, 4096));
    }

    /// <summary>An IOVA that is chosen keeps the user address's alignment up to a large page, and is never 0.</summary>
    [Theory]
    [InlineData(UserBuffer, 4096UL, 4096L)]
    [InlineData(UserBuffer, 4 * Large, (long)Large)]
    [InlineData(UserBuffer + 0x3000, Large, 0x1000L)]
    [InlineData(UserBuffer + 0x10_0000, 2 * Large, 0x10_0000L)]
    [InlineData(UserBuffer + 0x800, 0x1000UL, 0x1800L)]
    [InlineData(UserBuffer + 1, 1UL, 0x1001L)]
    public void MapAnywhere_KeepsTheAddresssAlignment(ulong address, ulong length, long iova)
    {
        var fd = new IommufdProcess();
        Assert.Equal(iova, fd.MapAnywhere(fd.Ioas(), length, address));
    }

    [Fact]
    public void MapAnywhere_TakesTheLowestHoleThatFits()
    {
        var fd = new IommufdProcess();
        uint ioas = fd.Ioas();
        Assert.Equal([0x1000, 0x2000, 0x3000], new[] { fd.MapAnywhere(ioas, Page), fd.MapAnywhere(ioas, Page), fd.MapAnywhere(ioas, Page) });
        fd.Unmap(ioas, 0x2000, Page);
        Assert.Equal(0x4000, fd.MapAnywhere(ioas, 2 * Page));
        Assert.Equal(0x2000, fd.MapAnywhere(ioas, Page));
        Assert.Equal(0x6000, fd.MapAnywhere(ioas, Page));
    }

    /// <summary>Ranges that touch are one place.</summary>
    [Fact]
    public void MapAnywhere_KeepsToAllowedRanges()
    {
        var fd = new IommufdProcess();
        uint ioas = fd.Ioas();
        Assert.Equal(0, fd.Allow(ioas, (0x3_0000, 0x3_0fff), (0x1_0000, 0x1_0fff), (0x3_1000, 0x3_1fff)));
        Assert.Equal(0x3_0000, fd.MapAnywhere(ioas, 2 * Page));
        Assert.Equal(0x1_0000, fd.MapAnywhere(ioas, Page));
        Assert.Equal(Minus(Errno.ENOSPC), fd.MapAnywhere(ioas, Page));
        Assert.Equal(0x9_0000, fd.Map(ioas, 0x9_0000, Page));
    }

    [Fact]
    public void Allow_RefusesPointsAndOverlaps_AndReplacesTheListAsAWhole()
    {
        var fd = new IommufdProcess();
        uint ioas = fd.Ioas();
        Assert.Equal(0, fd.Allow(ioas, (0x1000, 0x1fff)));
        Assert.Equal(Minus(Errno.EINVAL), fd.Allow(ioas, (0x5000, 0x5000)));
        Assert.Equal(Minus(Errno.EINVAL), fd.Allow(ioas, (0x5000, 0x6fff), (0x4000, 0x5000)));
        Assert.Equal(Minus(Errno.EINVAL), fd.Allow(ioas, (0x5000, 0x6fff), (0x6fff, 0x8000)));
        Assert.Equal(0x1000, fd.MapAnywhere(ioas, Page));
        Assert.Equal(0, fd.Allow(ioas));
        Assert.Equal(0x2000, fd.MapAnywhere(ioas, Page));
    }

    [Fact]
    public void Unmap_RemovesWholeAreas_UntilOneIsNotWhole()
    {
        var fd = new IommufdProcess();
        uint ioas = fd.Ioas();
        fd.Map(ioas, 0x1000, 0x2000);
        fd.Map(ioas, 0x3000, 0x2000);
        Assert.Equal(Minus(Errno.ENOENT), fd.Unmap(ioas, 0x2000, 0x1000));
        Assert.Equal(Minus(Errno.ENOENT), fd.Unmap(ioas, 0x1000, 0x3000));
        Assert.Equal(Minus(Errno.ENOENT), fd.Unmap(ioas, 0x1000, 0x1000));
        Assert.Equal(0x2000, fd.Unmap(ioas, 0, 0x10000));
        Assert.Equal((Minus(Errno.EINVAL), Minus(Errno.EOVERFLOW)), (fd.Unmap(ioas, 0, 0), fd.Unmap(ioas, 0x1000, ulong.MaxValue)));
    }

    [Fact]
    public void Copy_NeedsAWholeSource_AndNeverGainsWrite()
    {
        var fd = new IommufdProcess();
        (uint from, uint to) = (fd.Ioas(), fd.Ioas());
        fd.Map(from, 0x1000, 0x1000, flags: 5);
        fd.Map(from, 0x2000, 0x1000);
        Assert.Equal(Minus(Errno.EPERM), fd.Copy(to, from, 0x8000, 0x1000, 0x2000));
        Assert.Equal(0x8000, fd.Copy(to, from, 0x8000, 0x1000, 0x2000, flags: 5));
        Assert.Equal(Minus(Errno.ENOENT), fd.Copy(to, from, 0x8000, 0x2000, 0x2000));
        Assert.Equal(Minus(Errno.EEXIST), fd.Copy(to, from, 0x8000, 0x1000, 0x1000, flags: 5));
        Assert.Equal(0x1000, fd.Copy(to, from, 0, 0x2000, 0x1000, flags: ReadWrite));
    }

    /// <summary>Two areas became of the copy above one source each.</summary>
    [Fact]
    public void Memlock_ChargesEachMapOnce_AndCopiesNever()
    {
        ProcessOptions options = ProcessOptions.Default with { Selftest = true, Privileged = false, LockedLimit = 3 * Page };
        var fd = new IommufdProcess(options);
        (uint first, uint second) = (fd.Ioas(), fd.Ioas());
        fd.Mock(first);
        fd.Mock(second);
        Assert.Equal(0x200_0000, fd.Map(first, 0x200_0000, 2 * Page));
        Assert.Equal(0x200_0000, fd.Copy(second, first, 0x200_0000, 0x200_0000, 2 * Page));
        Assert.Equal(Minus(Errno.ENOMEM), fd.Map(second, 0x300_0000, 2 * Page));
        Assert.Equal(0x300_0000, fd.Map(second, 0x300_0000, Page));
        fd.Unmap(first, 0x200_0000, 2 * Page);
        Assert.Equal(Minus(Errno.ENOMEM), fd.Map(first, 0x200_0000, Page));
        fd.Unmap(second, 0x200_0000, 2 * Page);
        Assert.Equal(0x200_0000, fd.Map(first, 0x200_0000, 2 * Page));
        Assert.Equal(Minus(Errno.EPERM), fd.Option(0, 0, 1));
    }

    [Fact]
    public void LargePages_AreDisabledOnlyWhileNoTableMapsAnything()
    {
        var fd = new IommufdProcess();
        uint ioas = fd.Ioas();
        fd.Map(ioas, 0x200_0800, 0x800);
        Assert.Equal(Minus(Errno.EADDRINUSE), fd.Option(1, 0, 0, ioas));
        Assert.Equal(0, fd.Mock(ioas).Answer);
        Assert.Equal(Minus(Errno.EINVAL), fd.Option(1, 0, 0, ioas));
        fd.Unmap(ioas, 0, ulong.MaxValue);
        Assert.Equal(2048UL, fd.Usable(ioas).Alignment);
        Assert.Equal(0, fd.Option(1, 0, 0, ioas));
        Assert.Equal((4096UL, 0L), (fd.Usable(ioas).Alignment, fd.Option(1, 1, 9, ioas)));
        Assert.Equal(1, fd.Option(1, 0, 1, ioas));
        Assert.Equal((2048UL, Minus(Errno.EINVAL)), (fd.Usable(ioas).Alignment, fd.Option(1, 0, 2, ioas)));
    }

    /// <summary>Many areas that touch are one run: a place behind them is found at once.</summary>
    [Fact]
    public void MapAnywhere_BehindManyAreas_IsFast()
    {
        const int Many = 20_000;
        var fd = new IommufdProcess();
        uint ioas = fd.Ioas();
        for (int i = 1; i <= Many; i++)
        {
            Assert.Equal(i * (long)Page, fd.MapAnywhere(ioas, Page));
        }

        Assert.Equal((long)Page, fd.Unmap(ioas, 7000 * Page, Page));
        Assert.Equal(7000 * (long)Page, fd.MapAnywhere(ioas, Page));
        Assert.Equal(Many * (long)Page, fd.Unmap(ioas, 0, ulong.MaxValue));
    }

    /// <summary>A struct that is longer must end in zeros; what is not zero is found before what is not there.</summary>
    [Theory]
    [InlineData(11, 0, Errno.EINVAL)]
    [InlineData(12, 0, Errno.OK)]
    [InlineData(16, 0, Errno.OK)]
    [InlineData(16, 1, Errno.E2BIG)]
    [InlineData(24, 0, Errno.EFAULT)]
    [InlineData(64, 1, Errno.E2BIG)]
    public void Struct_OfAnotherSize_FollowsTheRulesOfIts(int size, byte tail, Errno errno)
    {
        var fd = new IommufdProcess();
        byte[] bytes = [.. BitConverter.GetBytes(size), .. new byte[8], tail, 0, 0, 0, 0, 0, 0, 0];
        Assert.Equal(Minus(errno), fd.Process.Bytes(fd.File, IoctlCodes.IOMMU_IOAS_ALLOC, bytes));
        Assert.Equal(Minus(Errno.EFAULT), fd.Process.Ioctl(fd.File, IoctlCodes.IOMMU_IOAS_ALLOC, 0x10));
        Assert.Equal(Minus(Errno.ENOTTY), fd.Process.Ioctl(fd.File, IoctlCodes.IOMMU_IOAS_ALLOC & 0xffff | 0x7f));
    }
}
