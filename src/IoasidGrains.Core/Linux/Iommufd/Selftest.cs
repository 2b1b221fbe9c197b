// iommufd's own self test, IOMMU_TEST_CMD: mock devices and tables. Called by Iommufd if the kernel is built with it.
using IoasidGrains.Uapi;
using IoasidGrains.Uapi.Linux;

namespace IoasidGrains.Core.Linux;

/// <summary>Operations on mock devices and their tables; those on accesses are in <see cref="SelftestAccesses"/>.</summary>
public static class Selftest
{
    private const uint AddReserved = LinuxFlags.IOMMU_TEST_OP_ADD_RESERVED, MockDomain = LinuxFlags.IOMMU_TEST_OP_MOCK_DOMAIN,
        CheckMap = LinuxFlags.IOMMU_TEST_OP_MD_CHECK_MAP, CheckRefs = LinuxFlags.IOMMU_TEST_OP_MD_CHECK_REFS, CreateAccess = LinuxFlags.IOMMU_TEST_OP_CREATE_ACCESS,
        DestroyAccessPages = LinuxFlags.IOMMU_TEST_OP_DESTROY_ACCESS_PAGES, AccessPages = LinuxFlags.IOMMU_TEST_OP_ACCESS_PAGES,
        AccessRw = LinuxFlags.IOMMU_TEST_OP_ACCESS_RW, MemoryLimit = LinuxFlags.IOMMU_TEST_OP_SET_TEMP_MEMORY_LIMIT,
        Replace = LinuxFlags.IOMMU_TEST_OP_MOCK_DOMAIN_REPLACE, AccessReplaceIoas = LinuxFlags.IOMMU_TEST_OP_ACCESS_REPLACE_IOAS,
        MockDomainFlags = LinuxFlags.IOMMU_TEST_OP_MOCK_DOMAIN_FLAGS, Dirty = LinuxFlags.IOMMU_TEST_OP_DIRTY, CheckIotlb = LinuxFlags.IOMMU_TEST_OP_MD_CHECK_IOTLB,
        TriggerIopf = LinuxFlags.IOMMU_TEST_OP_TRIGGER_IOPF;

    private const uint NoDirty = LinuxFlags.MOCK_FLAGS_DEVICE_NO_DIRTY, HugeIova = LinuxFlags.MOCK_FLAGS_DEVICE_HUGE_IOVA;
    private const ulong MostPages = (16UL << 20) * 8;
    private const int SmallestStruct = 68, MostIotlb = (int)LinuxFlags.MOCK_NESTED_DOMAIN_IOTLB_ID_MAX;

    /// <summary>Of a batch of pages, which the kernel's limit is about: it has no other effect that a program sees.</summary>
    private const uint LeastLimit = 12;

    public static Errno Run(IommufdCall call)
    {
        Errno errno = call.Read(SmallestStruct, out IommuTestCmd cmd);
        return errno != Errno.OK ? errno : cmd.Op switch
        {
            AddReserved => Reserve(call, cmd),
            MockDomain or MockDomainFlags => BindAndAttach(call, cmd),
            Replace => ReplaceTable(call, cmd),
            CheckMap => CheckPages(call, cmd),
            CheckRefs => CheckReferences(call, cmd),
            CheckIotlb => CheckEntry(call, cmd),
            CreateAccess => SelftestAccesses.Create(call, cmd),
            AccessReplaceIoas => SelftestAccesses.Move(call, cmd),
            AccessPages => SelftestAccesses.Pin(call, cmd),
            AccessRw => SelftestAccesses.ReadWrite(call, cmd),
            DestroyAccessPages => SelftestAccesses.Unpin(call, cmd),
            MemoryLimit => cmd.Limit < LeastLimit ? Errno.EINVAL : Errno.OK,
            Dirty => MarkDirty(call, cmd),
            TriggerIopf => call.Context.Find<IommufdDevice>(cmd.IopfDevId) is { } device ? (device.Domain.IsMock ? Errno.OK : Errno.EINVAL) : Errno.ENOENT,
            _ => Errno.EOPNOTSUPP,
        };
    }

    /// <summary>The device and what it is bound as go.</summary>
    public static void DestroyDevice(IommufdCall call, MockDevice mock)
    {
        IommufdDevice device = call.Context.Find<IommufdDevice>(mock.Device)!;
        Attaching.Detach(call, device);
        call.Context = IommufdDevices.Forget(call.Context, device).Without(mock.Id);
    }

    /// <summary>close() of an access's descriptor: its pins and the access go.</summary>
    public static IommufdContext CloseAccess(IommufdContext context, uint id)
    {
        if (context.Find<KernelAccess>(id) is not { } access)
        {
            return context;
        }

        context = context.Without(id);
        return context.Find<Ioas>(access.Ioas) is { } ioas ? context.With(ioas with { Pages = ioas.Pages with { Alignment = Tables.AlignmentOf(context, ioas) } }) : context;
    }

    private static Errno Reserve(IommufdCall call, in IommuTestCmd cmd)
    {
        if (cmd.ReservedLength == 0)
        {
            return Errno.EINVAL;
        }

        if (!IovaRange.TryCreate(cmd.Start, cmd.ReservedLength, out IovaRange range))
        {
            return Errno.EOVERFLOW;
        }

        if (call.Context.Find<Ioas>(cmd.Id) is not { } ioas)
        {
            return Errno.ENOENT;
        }

        if (ioas.Pages.Reserve(range, "test") is not { } pages)
        {
            return Errno.EADDRINUSE;
        }

        call.Context = call.Context.With(ioas with { Pages = pages });
        return Errno.OK;
    }

    /// <summary>Its own id is taken first, then the bound device's, then a table's.</summary>
    private static Errno BindAndAttach(IommufdCall call, IommuTestCmd cmd)
    {
        uint flags = cmd.Op == MockDomainFlags ? cmd.DevFlags : 0, table = cmd.Id;
        if ((flags & ~(NoDirty | HugeIova)) != 0)
        {
            return Errno.EINVAL;
        }

        uint mock = call.Context.FreeId;
        IommufdContext reserved = call.Context.With(new MockDevice(mock, 0, flags));
        uint id = reserved.FreeId;
        var device = new IommufdDevice(
            id, null, new GroupId($"mock/{call.Context.Number}.{call.Frame.NextNumber()}"), DomainFacts.Mock((flags & NoDirty) != 0, (flags & HugeIova) != 0), CanEnforce: false);
        call.Context = reserved.With(new MockDevice(mock, id, flags)).With(device);
        Errno errno = table == mock ? Errno.ENOENT : IommufdDevices.ChangeTable(call, device, ref table, replace: false);
        if (errno == Errno.OK)
        {
            (cmd.OutStdevId, cmd.OutHwptId, cmd.OutIdevId) = (mock, table, id);
            errno = call.Respond(cmd);
        }

        if (errno != Errno.OK)
        {
            call.Undo();
        }

        return errno;
    }

    private static Errno ReplaceTable(IommufdCall call, IommuTestCmd cmd)
    {
        if (call.Context.Find<MockDevice>(cmd.Id) is not { } mock)
        {
            return Errno.ENOENT;
        }

        uint table = cmd.PtId;
        Errno errno = IommufdDevices.ChangeTable(call, call.Context.Find<IommufdDevice>(mock.Device)!, ref table, replace: true);
        cmd.PtId = table;
        return errno != Errno.OK ? errno : call.Respond(cmd);
    }

    /// <summary>Does every page of the table come from this user memory?</summary>
    private static Errno CheckPages(IommufdCall call, in IommuTestCmd cmd)
    {
        if ((cmd.Iova | cmd.Length | cmd.Uptr) % MockTables.Page != 0 || cmd.Uptr > ulong.MaxValue - cmd.Length)
        {
            return Errno.EINVAL;
        }

        Errno errno = MockOf(call, cmd.Id, out PagingHwpt? table);
        if (errno != Errno.OK || cmd.Length == 0)
        {
            return errno;
        }

        ulong same = SameBytes(call.Context.Find<Ioas>(table!.Ioas)!.Pages, cmd.Iova, cmd.Uptr, cmd.Length);
        return same == cmd.Length ? Errno.OK
            : call.Frame.CanPin((cmd.Uptr + same) & ~(Quantity.PageSize - 1), Quantity.PageSize, write: false) ? Errno.EINVAL : Errno.EFAULT;
    }

    /// <summary>How many bytes from an IOVA on are mapped to user memory from an address on.</summary>
    private static ulong SameBytes(IoPages pages, ulong iova, ulong address, ulong length)
    {
        ulong same = 0;
        IovaRange wanted = IovaRange.TryCreate(iova, length, out IovaRange range) ? range : new IovaRange(iova, ulong.MaxValue);
        foreach (IoArea part in Mapping.PartsOf(pages, wanted, out _).TakeWhile(part => part.Address == address + (part.Range.Start - iova)))
        {
            same += part.Range.Length;
        }

        return same;
    }

    /// <summary>Is each page of user memory pinned this often? Once for the pages of each MAP, however many tables and copies they have.</summary>
    private static Errno CheckReferences(IommufdCall call, in IommuTestCmd cmd)
    {
        ulong length = cmd.RefsLength, page = cmd.RefsUptr, end = unchecked(cmd.RefsUptr + length);
        if ((length | page) % Quantity.PageSize != 0 || end < page)
        {
            return Errno.EINVAL;
        }

        IoArea[] pinned = [.. Pinning.PinnedBy(call.Frame.State)];
        while (page < end)
        {
            // As far as the answer is the same for every page.
            ulong next = pinned.SelectMany(area => (ulong[])[Pinning.FirstPage(area), Pinning.LastByte(area) + 1]).Where(edge => edge > page).Append(end).Min();
            int pins = pinned.Where(area => Pinning.Covers(area, page)).DistinctBy(area => area.Pages.Number).Count();
            if (pins != cmd.Refs)
            {
                return call.Frame.CanPin(page, Quantity.PageSize, write: false) ? Errno.EIO : Errno.EFAULT;
            }

            if (!call.Frame.CanPin(page, Math.Min(next, end) - page, write: false))
            {
                return Errno.EFAULT;
            }

            page = Math.Min(next, end);
        }

        return Errno.OK;
    }

    private static Errno CheckEntry(IommufdCall call, in IommuTestCmd cmd) =>
        call.Context.Find<NestedHwpt>(cmd.Id) is not { } nested ? Errno.ENOENT
        : nested.Entries.IsEmpty || cmd.IotlbId > MostIotlb || nested.Entries[(int)cmd.IotlbId] != cmd.Iotlb ? Errno.EINVAL : Errno.OK;

    /// <summary>A device writes pages; the number that it finds a page by is the kernel's own, also where the page sizes differ.</summary>
    private static Errno MarkDirty(IommufdCall call, IommuTestCmd cmd)
    {
        if (cmd.DirtyPageSize == 0 || cmd.DirtyLength == 0 || cmd.DirtyIova % cmd.DirtyPageSize != 0 || cmd.DirtyLength % cmd.DirtyPageSize != 0 || cmd.DirtyUptr == 0)
        {
            return Errno.EINVAL;
        }

        ulong most = cmd.DirtyLength / cmd.DirtyPageSize;
        if (most > MostPages)
        {
            return Errno.EOVERFLOW;
        }

        Errno errno = MockOf(call, cmd.Id, out PagingHwpt? table);
        if (errno != Errno.OK || !table!.Tracking)
        {
            return errno != Errno.OK ? errno : Errno.EINVAL;
        }

        byte[] bits = new byte[(most + 7) / 8];
        if (!call.Frame.TryRead(cmd.DirtyUptr, bits))
        {
            return Errno.EFAULT;
        }

        IoPages pages = call.Context.Find<Ioas>(table.Ioas)!.Pages;
        var dirty = MockTables.DirtyOf(call.Context, table.Id).ToBuilder();
        ulong count = 0;
        for (ulong i = 0; i < most; i++)
        {
            ulong page = (cmd.DirtyIova + (i * cmd.DirtyPageSize)) / cmd.DirtyPageSize, iova = page * MockTables.Page;
            if ((bits[i / 8] & (1 << (int)(i % 8))) != 0 && pages.FirstIn(new IovaRange(iova, iova)) is not null)
            {
                dirty.Add(page);
                count++;
            }
        }

        call.Context = MockTables.With(call.Context, table.Id, dirty.ToImmutable());
        cmd.OutNrDirty = count;
        return call.Respond(cmd);
    }

    private static Errno MockOf(IommufdCall call, uint id, out PagingHwpt? table)
    {
        table = call.Context.Find<PagingHwpt>(id);
        return table is null ? Errno.ENOENT : table.Maker.IsMock ? Errno.OK : Errno.EINVAL;
    }
}
