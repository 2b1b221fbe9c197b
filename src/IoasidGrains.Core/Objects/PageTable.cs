// The page-table object: who may translate through an I/O page table, and its one writer.
using System.Collections.Immutable;
using IoasidGrains.PageTable;
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>What a page table holds; its entries follow from the areas.</summary>
/// <param name="Spec">Null until it is filled, and again when it is dropped.</param>
/// <param name="CachedBy">Devices that translated since they were last told to invalidate.</param>
public sealed record PageTableState(
    IoasidSpec? Spec, AreaMap Areas, ImmutableSortedSet<DeviceId> Users, ImmutableSortedSet<DeviceId> CachedBy, long Sequence, long Order)
{
    public static readonly PageTableState Unfilled = new(null, AreaMap.Empty, [], [], -1, -1);
}

/// <summary>Applies the drives of its Ioasid, and answers the translations of devices that are routed to it.</summary>
public sealed class PageTable(ObjectId id) : KernelObject(id)
{
    /// <summary>Bits of a user address in the physical address of a leaf; above them stands which memory.</summary>
    private const int UserAddressBits = 47;

    /// <summary>Of one walk along a range; a longer access takes another.</summary>
    private const int SegmentsAtOnce = 16;

    private readonly PageTableId _id = PageTableId.Parse(id.Key);
    private PageTableState _state = PageTableState.Unfilled;
    private IIoPageTable? _table;

    public override object State
    {
        get => _state;
        set => Become((PageTableState)value);
    }

    public PageTableState Records => _state;

    /// <summary>The entries; null while unfilled.</summary>
    public IIoPageTable? Entries => _table;

    public override bool HoldsState => _state.Spec is not null;

    public override Step Handle(Command command) => command switch
    {
        DescribeObject => Done(Describe()),
        Translate translate => Translate(translate),
        FillTable fill => Fill(fill),
        DropTable drop => Drop(drop),
        // Asked again because its answer was lost: who has cached is not known any more, so everybody may have.
        UnmapPages unmap when unmap.Stamp.Order <= _state.Order => Done(new CachedBy([.. _state.Users])),
        TableDrive drive when drive.Stamp.Order <= _state.Order => Done(Errno.OK),
        TableDrive drive when drive.Previous != _state.Sequence => new Answer(Reply.NotDriven(Id)),
        RouteDevice route => Route(route),
        MapPages map => Map(map),
        UnmapPages unmap => Unmap(unmap),
        _ => throw NotUnderstood(command),
    };

    private Step Fill(FillTable fill)
    {
        if (_state.Spec is null || fill.Stamp.Order > _state.Order)
        {
            // Whoever used a table that was here before may still hold its translations.
            Become(new PageTableState(
                fill.Spec, AreaMap.Of(fill.Areas), [.. fill.Users], _state.CachedBy.Union(fill.Users), fill.Stamp.Sequence, fill.Stamp.Order));
        }

        return Done(Errno.OK);
    }

    private Step Drop(DropTable drop)
    {
        if (drop.Stamp.Order >= _state.Order)
        {
            Become(PageTableState.Unfilled with { Sequence = drop.Stamp.Sequence, Order = drop.Stamp.Order });
        }

        return Done(Errno.OK);
    }

    private Step Route(RouteDevice route)
    {
        _state = Applied(route.Stamp) with
        {
            Users = route.Routed ? _state.Users.Add(route.Device) : _state.Users.Remove(route.Device),
            CachedBy = route.Routed ? _state.CachedBy : _state.CachedBy.Remove(route.Device),
        };
        return Done(Errno.OK);
    }

    private Step Map(MapPages map)
    {
        _state = Applied(map.Stamp) with { Areas = _state.Areas.Add(map.Area) };
        Write(map.Area);
        return Done(Errno.OK);
    }

    private Step Unmap(UnmapPages unmap)
    {
        var cached = new CachedBy([.. _state.CachedBy]);
        AreaMap areas = _state.Areas;
        foreach (IovaRange range in unmap.Ranges)
        {
            areas = areas.Remove(range);
            Invariant.Check(_table!.Unmap(range) == Errno.OK, $"{Id} cannot unmap its own area {range}.");
        }

        _state = Applied(unmap.Stamp) with { Areas = areas, CachedBy = [] };
        return Done(cached);
    }

    private Step Translate(Translate access)
    {
        if (_table is null)
        {
            return new Answer(Reply.NotDriven(Id, _id.Ioasid.Fd));
        }

        Invariant.Check(_state.Users.Contains(access.Device), $"{access.Device} translates through {Id} without a route.");
        List<DmaSegment> segments = [];
        Span<PhysicalSegment> found = stackalloc PhysicalSegment[SegmentsAtOnce];
        for (ulong done = 0, length = (ulong)Math.Max(0, access.Length); done < length;)
        {
            ulong iova = access.Iova + done;
            RangeTranslation part = _table.TranslateRange(new IovaRange(iova, iova + (length - done - 1)), access.Access, access.UnitEnforcesSnoop, found);
            if (part.Fault != DmaFault.None)
            {
                return Done(new Faulted(part.Fault, iova + part.Bytes));
            }

            foreach (PhysicalSegment segment in found[..part.Segments])
            {
                Append(segments, segment);
            }

            done += part.Bytes;
        }

        _state = _state with { CachedBy = _state.CachedBy.Add(access.Device) };
        return Done(new Translated([.. segments]));
    }

    /// <summary>Segments are contiguous in physical addresses, where one memory follows another; what is appended stays in one.</summary>
    private void Append(List<DmaSegment> segments, PhysicalSegment segment)
    {
        for (ulong done = 0; done < segment.Length;)
        {
            UserAddress memory = MemoryAt(segment.Physical + done);
            int length = (int)Math.Min(segment.Length - done, Quantity.UserAddressEnd - memory.Offset);
            if (segments.Count > 0 && segments[^1] is var last && last.EnforcesSnoop == segment.Snp && last.Memory.Plus((ulong)last.Length) == memory)
            {
                segments[^1] = last with { Length = last.Length + length };
            }
            else
            {
                segments.Add(new DmaSegment(memory, length, segment.Snp));
            }

            done += (ulong)length;
        }
    }

    private void Become(PageTableState state)
    {
        _state = state;
        _table?.Dispose();
        _table = state.Spec is { } spec ? new DensePageTable(spec.AddressWidth, spec.EnforceSnoop, spec.PageSizes) : null;
        foreach (Area area in state.Areas.All)
        {
            Write(area);
        }
    }

    private void Write(Area area) => Invariant.Check(
        _table!.Map(area.Range, PhysicalOf(area.Memory), area.Access) == Errno.OK, $"{Id} cannot map {area.Range}, which its fd has accepted.");

    private ulong PhysicalOf(UserAddress memory) => ((ulong)_state.Areas.SlotOf(memory.Memory) << UserAddressBits) | memory.Offset;

    private UserAddress MemoryAt(ulong physical) =>
        new(_state.Areas.Memories[(int)(physical >> UserAddressBits)].Memory, physical & (Quantity.UserAddressEnd - 1));

    private PageTableState Applied(Stamp stamp) => _state with { Sequence = stamp.Sequence, Order = stamp.Order };

    private ObjectStatus Describe() => _state.Spec is not { } spec
        ? new ObjectStatus(Id, "dropped", "", [])
        : new ObjectStatus(
            Id, FormatOfLeaves(spec),
            $"mappings={_state.Areas.Count} bytes=0x{_state.Areas.Bytes:x} leaves={_table!.LeafCount} tables={_table.Tables}" + (_state.Users.IsEmpty ? "" : $" users={string.Join(',', _state.Users)}"), []);

    /// <summary>What the leaves say, not what they should: a mixed table would be a bug.</summary>
    private string FormatOfLeaves(IoasidSpec spec)
    {
        ulong mapped = 0;
        bool uniform = true;
        foreach ((_, ulong size, IoPte pte) in _table!.Leaves())
        {
            mapped += size;
            uniform &= pte.Snp == spec.EnforceSnoop;
        }

        Invariant.Check(mapped == _state.Areas.Bytes, $"{Id} maps {mapped} bytes for areas of {_state.Areas.Bytes}.");
        return !uniform ? "mixed" : spec.EnforceSnoop ? "enforcing" : "plain";
    }
}
