// How groups share the domains of a type1 container, its permitted ranges, its info and its dirty bitmaps.
using System.Runtime.InteropServices;
using IoasidGrains.Core.Linux;
using IoasidGrains.Uapi.Linux;
using static IoasidGrains.Tests.Linux.KernelProcess;

namespace IoasidGrains.Tests.Linux;

public sealed class Type1DomainTests
{
    private const uint V1 = 1, V2 = 3, DmaCoherent = 4;
    private const ulong Memory = 0x1_0000_0000;

    private static long Minus(Errno errno) => -(long)errno;

    private static KernelProcess Three(ProcessOptions? options = null) =>
        new(options ?? ProcessOptions.Default, Device("A", Vtd(true)), Device("B", Vtd(false)), Device("C", Vtd(true)));

    /// <summary>B cannot enforce. After each step: whether all domains do, and how many there are.</summary>
    [Theory]
    [InlineData("type1", "+A 1/1 +B 0/2 +C 0/2 -B 1/1 -A 1/1")]
    [InlineData("type1", "+B 0/1 +A 0/2 -B 1/1")]
    [InlineData("type1-hostwide", "+A 0/1 +B 0/1 -B 0/1")]
    [InlineData("type1-reuse", "+B 0/1 +A 0/1 -B 0/1")]
    [InlineData("type1-reuse", "+A 1/1 +B 0/2")]
    [InlineData("shared-sticky", "+A 1/1 +B 0/1 -B 0/1")]
    [InlineData("iommufd-6.7", "+B 0/1 +A 0/1 -B 0/1 -A 0/0")]
    [InlineData("seed-strict", "+A 1/1 +C 1/1")]
    public void Group_GoesWhereThePolicySays(string policy, string history)
    {
        KernelProcess process = Three(ProcessOptions.Default with { ContainerProfile = policy });
        int container = process.MustOpen("/dev/vfio/vfio");
        Dictionary<char, int> groups = "ABC".ToDictionary(name => name, name => process.MustOpen($"/dev/vfio/g{name}"));
        string[] words = history.Split(' ');
        for (int i = 0; i < words.Length; i += 2)
        {
            int group = groups[words[i][1]];
            Assert.Equal(0, words[i][0] == '+' ? process.SetContainer(group, container) : process.UnsetContainer(group));
            if (i == 0)
            {
                Assert.Equal(0, process.SetIommu(container, V2));
            }

            int domains = process.State.Containers.Values.Single().Type1?.Domains.Count ?? 0;
            Assert.Equal(words[i + 1], $"{process.Extension(container, DmaCoherent)}/{domains}");
        }
    }

    [Fact]
    public void Group_JoinsWithAllItsDevices()
    {
        KernelProcess process = new(Device("D1", Vtd(true), "g"), Device("D2", Vtd(true), "g"));
        int container = process.Type1(V2, "g");
        process.Map(container, 0x1000, 0x1000);
        process.UnsetContainer(4);
        Assert.Equal(
            ["DeviceHeld", "DeviceHeld", "TableJoined", "TableJoined", "SpaceMapped", "TableLeft", "TableLeft", "DeviceFreed", "DeviceFreed"],
            process.Live.Select(live => live.GetType().Name));
    }

    [Fact]
    public void Group_OfTwoUnits_IsAsAbleAsTheLesser()
    {
        KernelProcess process = new(Device("D1", Vtd(true), "g"), Device("D2", Vtd(false), "g"));
        Assert.Equal(0, process.Extension(process.Type1(V2, "g"), DmaCoherent));
    }

    /// <summary>A is 48 bits wide and maps one page; may B join?</summary>
    [Theory]
    [InlineData(0x1000, 39, 0, 0, Errno.OK)]
    [InlineData(0x80_0000_0000, 39, 0, 0, Errno.EINVAL)]
    [InlineData(0x7f_ffff_f000, 39, 0, 0, Errno.OK)]
    [InlineData(0x5000, 48, 0x5000, 0x5fff, Errno.EINVAL)]
    [InlineData(0x5000, 48, 0x4000, 0x4fff, Errno.OK)]
    [InlineData(0x5000, 48, 0x0, 0x5000, Errno.EINVAL)]
    public void Join_ConflictingWithAMapping_AnswersEinval(ulong mapped, int width, ulong start, ulong last, Errno errno)
    {
        IovaRange[] reserved = last == 0 ? [] : [new IovaRange(start, last)];
        KernelProcess process = new(Device("A", Vtd(true)), Device("B", Vtd(true, width), null, reserved));
        int container = process.Type1(V2, "gA");
        Assert.Equal(0, process.Map(container, mapped, 0x1000));
        int group = process.MustOpen("/dev/vfio/gB");
        Assert.Equal(Minus(errno), process.SetContainer(group, container));
        Assert.Equal(errno == Errno.OK ? 2 : 1, process.State.DmaOwners.Count);
        Assert.Equal(Minus(errno == Errno.OK ? Errno.EINVAL : errno), process.SetContainer(group, container));
    }

    [Fact]
    public void Join_WithoutIsolatedMsi_AnswersEperm_UnlessItIsAllowed()
    {
        IommuCapabilities unit = Vtd(true) with { MsiIsolated = false };
        foreach (bool allowed in new[] { false, true })
        {
            KernelProcess process = new(ProcessOptions.Default with { AllowUnsafeInterrupts = allowed }, Device("A", unit));
            int container = process.MustOpen("/dev/vfio/vfio");
            process.SetContainer(process.MustOpen("/dev/vfio/gA"), container);
            Assert.Equal(allowed ? 0 : Minus(Errno.EPERM), process.SetIommu(container, V2));
        }
    }

    /// <summary>B's aperture is given up with its domain only; what it reserves, with the group.</summary>
    [Theory]
    [InlineData(false, "0-fedfffff fef00000-ffffffffffff")]
    [InlineData(true, "0-fedfffff fef00000-7fffffffff")]
    public void Ranges_AreTheApertureWithoutWhatAGroupReserves_AndComeBack(bool sharesDomain, string after)
    {
        KernelProcess process = new(Device("A", Vtd(true)), Device("B", Vtd(sharesDomain, 39), null, new IovaRange(0x10000, 0x1ffff)));
        int container = process.Type1(V2, "gA", "gB");
        Assert.Equal("0-ffff 20000-fedfffff fef00000-7fffffffff", Ranges(process, container));
        Assert.Equal(Minus(Errno.EINVAL), process.Map(container, 0x1f000, 0x2000));
        process.UnsetContainer(5);
        Assert.Equal(after, Ranges(process, container));
        Assert.Equal(0, process.Map(container, 0x1f000, 0x2000));
        Assert.Equal(Minus(Errno.EINVAL), process.SetContainer(5, container));
    }

    /// <summary>A narrower unit joins a domain that has never mapped anything past its width, which is as narrow from then on; else it gets one of its own.</summary>
    [Theory]
    [InlineData(0x7f_ffff_f000, 1, "0-fedfffff fef00000-7fffffffff")]
    [InlineData(0x80_0000_1000, 2, "0-fedfffff fef00000-ffffffffffff")]
    public void Join_OfANarrowerUnit_DependsOnWhatWasEverMapped(ulong once, int domains, string after)
    {
        KernelProcess process = new(Device("A", Vtd(true)), Device("B", Vtd(false)), Device("N", Vtd(true, 39)));
        int container = process.Type1(V2, "gA", "gB");
        Assert.Equal(0, process.Map(container, once, 0x1000));
        process.Unmap(container, once, 0x1000);
        Assert.Equal(0, process.SetContainer(process.MustOpen("/dev/vfio/gN"), container));
        Assert.Equal(1 + domains, process.State.Containers.Values.Single().Type1!.Domains.Count);
        process.UnsetContainer(6);
        process.UnsetContainer(5);
        Assert.Equal(after, Ranges(process, container));
    }

    private static string Ranges(KernelProcess process, int container) => string.Join(
        ' ', MemoryMarshal.Cast<byte, ulong>(Info(process, container, 4096).AsSpan(24 + 32 + 16 + 16)).ToArray().Chunk(2)
            .TakeWhile(range => range[1] != 0).Select(range => $"{range[0]:x}-{range[1]:x}"));

    private static byte[] Info(KernelProcess process, int container, uint argsz)
    {
        var bytes = new byte[Math.Max(argsz, 24)];
        MemoryMarshal.Write(bytes, in argsz);
        Assert.Equal(0, process.Bytes(container, IoctlCodes.VFIO_IOMMU_GET_INFO, bytes));
        return bytes;
    }

    /// <summary>24 bytes of struct, 32 of migration, 16 of mappings left, 16 and 2 ranges of 16: 120.</summary>
    [Theory]
    [InlineData(16, 120, 0)]
    [InlineData(24, 120, 0)]
    [InlineData(119, 120, 0)]
    [InlineData(120, 120, 24)]
    [InlineData(4096, 4096, 24)]
    public void Info_TellsWhatItNeeds(uint argsz, uint told, uint offset)
    {
        KernelProcess process = Three();
        byte[] bytes = Info(process, process.Type1(V2, "gA"), argsz);
        var info = MemoryMarshal.Read<VfioIommuType1Info>(bytes);
        Assert.Equal((told, 3U, 0x40201000UL, offset), (info.Argsz, info.Flags, info.IovaPgsizes, info.CapOffset));
        if (offset != 0)
        {
            Assert.Equal([2, 1, 56, 3, 1, 72, 1, 1, 0], new[] { 24, 56, 72 }.SelectMany(at => Header(bytes, at)));
        }
    }

    private static int[] Header(byte[] bytes, int at)
    {
        var header = MemoryMarshal.Read<VfioInfoCapHeader>(bytes.AsSpan(at));
        return [header.Id, header.Version, (int)header.Next];
    }

    [Fact]
    public void DirtyPages_OfVersion1_AnswerEacces()
    {
        KernelProcess process = Three();
        Assert.Equal(Minus(Errno.EACCES), Dirty(process, process.Type1(V1, "gA"), 1));
    }

    private static long Dirty(KernelProcess process, int container, uint flags)
    {
        var dirty = new VfioIommuType1DirtyBitmap { Argsz = 8, Flags = flags };
        return process.Ioctl(container, IoctlCodes.VFIO_IOMMU_DIRTY_PAGES, ref dirty);
    }

    private static long GetBitmap(KernelProcess process, int container, ulong iova, ulong size, out ulong word, ulong page = 0x1000, ulong bytes = 8, uint argsz = 48)
    {
        const ulong data = 0x7f00_1000_0000;
        var argument = new byte[48];
        var head = new VfioIommuType1DirtyBitmap { Argsz = argsz, Flags = 4 };
        var range = new VfioIommuType1DirtyBitmapGet { Iova = iova, Size = size, Bitmap = new VfioBitmap { Pgsize = page, Size = bytes, Data = data } };
        MemoryMarshal.Write(argument, in head);
        MemoryMarshal.Write(argument.AsSpan(8), in range);
        var bitmap = new byte[8];
        long answer = process.Bytes(container, IoctlCodes.VFIO_IOMMU_DIRTY_PAGES, argument, new UserBytes(data, bitmap));
        word = BitConverter.ToUInt64(bitmap);
        return answer;
    }

    /// <summary>0x100000..0x103fff and 0x106000..0x107fff are mapped and tracked. Every page of theirs is dirty, always.</summary>
    [Theory]
    [InlineData(0x100000, 0x4000, 0x1000, 8, 48, Errno.OK, 0xf)]
    [InlineData(0x100000, 0x8000, 0x1000, 8, 48, Errno.OK, 0xcf)]
    [InlineData(0x0fe000, 0xa000, 0x1000, 8, 48, Errno.OK, 0x33c)]
    [InlineData(0x200000, 0x1000, 0x1000, 8, 48, Errno.OK, 0)]
    [InlineData(0x100000, 0x3000, 0x1000, 8, 48, Errno.EINVAL, 0)]
    [InlineData(0x101000, 0x3000, 0x1000, 8, 48, Errno.EINVAL, 0)]
    [InlineData(0x100000, 0x4000, 0x2000, 8, 48, Errno.EINVAL, 0)]
    [InlineData(0x100000, 0x4000, 0, 8, 48, Errno.EINVAL, 0)]
    [InlineData(0x100000, 0, 0x1000, 8, 48, Errno.EINVAL, 0)]
    [InlineData(0x100000, 0x4000, 0x1000, 0, 48, Errno.EINVAL, 0)]
    [InlineData(0x100000, 0x41000, 0x1000, 8, 48, Errno.EINVAL, 0)]
    [InlineData(0x100800, 0x4000, 0x1000, 8, 48, Errno.EINVAL, 0)]
    [InlineData(0x100000, 0x4000, 0x1000, 1 << 29, 48, Errno.EINVAL, 0)]
    [InlineData(0x100000, 0x4000, 0x1000, 8, 47, Errno.EINVAL, 0)]
    public void GetBitmap_IsChecked_AndAllIsDirty(ulong iova, ulong size, ulong page, ulong bytes, uint argsz, Errno errno, ulong bits)
    {
        KernelProcess process = Three();
        int container = process.Type1(V2, "gA");
        process.Map(container, 0x100000, 0x4000);
        Assert.Equal(Minus(Errno.EINVAL), GetBitmap(process, container, iova, size, out _, page, bytes, argsz));
        Assert.Equal((0, 0), (Dirty(process, container, 1), Dirty(process, container, 1)));
        process.Map(container, 0x106000, 0x2000);
        Assert.Equal((Minus(errno), bits), (GetBitmap(process, container, iova, size, out ulong word, page, bytes, argsz), word));
        Assert.Equal((Minus(Errno.EINVAL), Minus(Errno.EINVAL)), (Dirty(process, container, 3), Dirty(process, container, 0)));
        Assert.Equal((0, Minus(Errno.EINVAL)), (Dirty(process, container, 2), GetBitmap(process, container, 0x100000, 0x4000, out _)));
    }

    /// <summary>What a shift has pushed behind the end of the kernel's bitmap comes along the next time.</summary>
    [Fact]
    public void GetBitmap_ASecondTime_ShowsStaleBits()
    {
        KernelProcess process = Three();
        int container = process.Type1(V2, "gA");
        process.Map(container, 0x100000, 0x4000);
        process.Map(container, 0x106000, 0x2000);
        Dirty(process, container, 1);
        GetBitmap(process, container, 0x100000, 0x8000, out ulong first);
        GetBitmap(process, container, 0x100000, 0x8000, out ulong second);
        Assert.Equal((0xcfUL, 0x33cfUL), (first, second));
    }
}
