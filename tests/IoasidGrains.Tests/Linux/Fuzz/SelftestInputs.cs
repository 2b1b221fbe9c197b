// Nearly valid arguments for every operation of iommufd's self test; used by FuzzFamily.
using IoasidGrains.Core.Linux;
using IoasidGrains.Uapi.Linux;

namespace IoasidGrains.Tests.Linux.Fuzz;

/// <summary>One method per operation, or per two that take the same.</summary>
internal static class SelftestInputs
{
    public static readonly Func<FuzzPick, FuzzInput>[] All =
        [AddReserved, MockDomain, MockDomain, Replace, CheckMap, CheckRefs, CreateAccess, DestroyPages, AccessPages, AccessRw, MoveAccess, Dirty, CheckIotlb, TriggerIopf, Other];

    private static FuzzInput Of(uint op, IommuTestCmd cmd, params UserBytes[] buffers) => FuzzInput.Of(IoctlCodes.IOMMU_TEST_CMD, cmd with { Size = 72, Op = op }, buffers);

    private static FuzzInput AddReserved(FuzzPick pick) =>
        Of(LinuxFlags.IOMMU_TEST_OP_ADD_RESERVED, new IommuTestCmd { Id = pick.Id<Ioas>(), Start = pick.One(0x4000_0000UL, pick.Iova), ReservedLength = pick.Length });

    private static FuzzInput MockDomain(FuzzPick pick)
    {
        uint op = pick.One(LinuxFlags.IOMMU_TEST_OP_MOCK_DOMAIN, LinuxFlags.IOMMU_TEST_OP_MOCK_DOMAIN_FLAGS);
        uint table = pick.Often ? pick.Id<Ioas>() : pick.Id<Hwpt>();
        return Of(op, new IommuTestCmd { Id = table, DevFlags = pick.Often ? 0 : pick.Flags(LinuxFlags.MOCK_FLAGS_DEVICE_NO_DIRTY, LinuxFlags.MOCK_FLAGS_DEVICE_HUGE_IOVA) });
    }

    private static FuzzInput Replace(FuzzPick pick) =>
        Of(LinuxFlags.IOMMU_TEST_OP_MOCK_DOMAIN_REPLACE, new IommuTestCmd { Id = pick.Id<MockDevice>(), PtId = pick.Often ? pick.Id<Ioas>() : pick.Id<Hwpt>() });

    private static FuzzInput CheckMap(FuzzPick pick)
    {
        PagingHwpt? table = pick.Context?.Find<PagingHwpt>(pick.Id<PagingHwpt>());
        IoArea? area = table is null ? null : pick.Context!.Find<Ioas>(table.Ioas)!.Pages.Areas.FirstOrDefault();
        return Of(LinuxFlags.IOMMU_TEST_OP_MD_CHECK_MAP, new IommuTestCmd
        {
            Id = table?.Id ?? 0, Iova = area?.Range.Start ?? pick.Iova, Length = area?.Range.Length ?? pick.Length, Uptr = area?.Address ?? pick.UserAddress,
        });
    }

    private static FuzzInput CheckRefs(FuzzPick pick) =>
        Of(LinuxFlags.IOMMU_TEST_OP_MD_CHECK_REFS, new IommuTestCmd { RefsLength = 0x1000, RefsUptr = pick.UserAddress, Refs = (uint)pick.Random.Next(2) });

    private static FuzzInput CreateAccess(FuzzPick pick) => Of(LinuxFlags.IOMMU_TEST_OP_CREATE_ACCESS, new IommuTestCmd { Id = pick.Id<Ioas>(), AccessFlags = pick.MostFlags(1) });

    private static FuzzInput DestroyPages(FuzzPick pick)
    {
        (uint file, KernelAccess? access, _) = Access(pick, one => !one.Pinned.IsEmpty);
        uint[] pins = access is null ? [] : [.. access.Pinned.Keys];
        return Of(LinuxFlags.IOMMU_TEST_OP_DESTROY_ACCESS_PAGES, new IommuTestCmd { Id = file, AccessPagesId = pins.Length == 0 ? 0 : pick.One(pins) });
    }

    private static FuzzInput AccessPages(FuzzPick pick)
    {
        (uint file, _, IoArea? area) = Access(pick, one => one.Alignment == Quantity.PageSize);
        return Of(LinuxFlags.IOMMU_TEST_OP_ACCESS_PAGES, new IommuTestCmd
        {
            Id = file, PagesFlags = pick.Flags(LinuxFlags.MOCK_FLAGS_ACCESS_WRITE), PagesIova = area?.Range.Start ?? pick.Iova, PagesLength = area?.Range.Length ?? pick.Length,
            PagesUptr = pick.Often ? 0 : pick.One(area?.Address ?? 0, pick.UserAddress),
        });
    }

    private static FuzzInput AccessRw(FuzzPick pick)
    {
        (uint file, _, IoArea? area) = Access(pick);
        return Of(LinuxFlags.IOMMU_TEST_OP_ACCESS_RW, new IommuTestCmd
        {
            Id = file, RwFlags = pick.Flags(LinuxFlags.MOCK_ACCESS_RW_WRITE, LinuxFlags.MOCK_ACCESS_RW_SLOW_PATH), Iova = area?.Range.Start ?? pick.Iova,
            Length = pick.One(1UL, 64UL, 256UL), Uptr = FuzzPick.BufferAddress,
        }, pick.Buffer(256, filled: true));
    }

    private static FuzzInput MoveAccess(FuzzPick pick) => Of(LinuxFlags.IOMMU_TEST_OP_ACCESS_REPLACE_IOAS, new IommuTestCmd { Id = Access(pick).File, IoasId = pick.Id<Ioas>() });

    private static FuzzInput Dirty(FuzzPick pick) => Of(LinuxFlags.IOMMU_TEST_OP_DIRTY, new IommuTestCmd
    {
        Id = pick.Id<PagingHwpt>(table => table.Tracking), DirtyIova = 0x100_0000, DirtyLength = 0x4_0000, DirtyPageSize = pick.One(0x1000UL, 0x800UL), DirtyUptr = FuzzPick.BufferAddress,
    }, pick.Buffer(64, filled: true));

    private static FuzzInput CheckIotlb(FuzzPick pick) => Of(LinuxFlags.IOMMU_TEST_OP_MD_CHECK_IOTLB,
        new IommuTestCmd { Id = pick.Id<NestedHwpt>(), IotlbId = (uint)pick.Random.Next(5), Iotlb = pick.One(0U, LinuxFlags.IOMMU_TEST_IOTLB_DEFAULT) });

    private static FuzzInput TriggerIopf(FuzzPick pick) =>
        Of(LinuxFlags.IOMMU_TEST_OP_TRIGGER_IOPF, new IommuTestCmd { IopfDevId = pick.Id<IommufdDevice>(), IopfPasid = uint.MaxValue, IopfPerm = 1, IopfAddr = pick.Iova });

    private static FuzzInput Other(FuzzPick pick) =>
        Of(pick.One(LinuxFlags.IOMMU_TEST_OP_SET_TEMP_MEMORY_LIMIT, (uint)pick.Random.Next(24)), new IommuTestCmd { Id = pick.Id<IommufdObject>(), Limit = 65536 });

    /// <summary>An open access, also of another context, and a mapping that it sees.</summary>
    private static (uint File, KernelAccess? Access, IoArea? Area) Access(FuzzPick pick, Func<KernelAccess, bool>? where = null)
    {
        int file = pick.Descriptor<AccessFile>(one => where is null || pick.State.Contexts[one.Context].Find<KernelAccess>(one.Object) is { } access && where(access));
        KernelAccess? found = pick.State.Files.GetValueOrDefault(file) is AccessFile open ? pick.State.Contexts[open.Context].Find<KernelAccess>(open.Object) : null;
        IoArea[] areas = found is null ? [] : [.. pick.State.Contexts[((AccessFile)pick.State.Files[file]).Context].Find<Ioas>(found.Ioas)!.Pages.Areas.Take(64)];
        return ((uint)file, found, areas.Length == 0 || pick.Rarely ? null : pick.One(areas));
    }
}
