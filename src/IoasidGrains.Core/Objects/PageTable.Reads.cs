// What a PageTable answers without changing what is mapped: single accesses, entries for caches, dirty bits.
using IoasidGrains.PageTable;
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

public sealed partial class PageTable
{
    /// <summary>
    /// Grants the device nothing that outlasts the validity of the view: if the table lives again elsewhere, nobody uses anything of this one after that, no
    /// matter how it came by it. A table whose view is not valid waits until it is.
    /// </summary>
    private Step WhileValid(Func<DensePageTable, long, Step> then)
    {
        if (_view is not { IsEnded: false } view)
        {
            return new Answer(Reply.NotDriven(Id, _id.Ioasid.Fd));
        }

        long left = view.ValidUntil - views.Now;
        return left > 0 ? then(view.Table, Math.Min(left, FetchTranslations.Lease)) : new Await(new ViewRenewed(views, view), () => WhileValid(then));
    }

    private Step Translate(Translate access) => WhileValid((table, lease) => Translate(access, table, lease));

    private Step Translate(Translate access, DensePageTable table, long lease)
    {
        if (!_state.Users.Contains(access.Device))
        {
            // On its way to being detached: blocked already.
            return Done(new Faulted(DmaFault.ContextNotPresent, access.Iova));
        }

        List<DmaSegment> segments = [];
        Span<PhysicalSegment> found = stackalloc PhysicalSegment[SegmentsAtOnce];
        for (ulong done = 0, length = (ulong)Math.Max(0, access.Length); done < length;)
        {
            ulong iova = access.Iova + done;
            RangeTranslation part = table.TranslateRange(
                new IovaRange(iova, iova + (length - done - 1)), access.Access, access.UnitEnforcesSnoop, found);
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

        if ((access.Access & DmaAccess.Write) != 0 && table.TracksDirty)
        {
            table.MarkDirty(access.Iova, (ulong)access.Length);
        }

        _leases.GrantAccess(access.Device, access.Incarnation);
        AddToCachedBy(access.Device);
        return Done(new Translated([.. segments], lease));
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

    /// <summary>Entries for a device on another silo. Pages that it may write count as written: nobody sees when it does.</summary>
    private Step Fetch(FetchTranslations fetch) => WhileValid((table, lease) =>
        Lease(fetch.Device, fetch.Incarnation, fetch.Heard, lease) is { } granted ? Fetch(fetch, table, granted) : Done(Errno.EINVAL));

    private Step Fetch(FetchTranslations fetch, DensePageTable table, long lease)
    {
        var entries = new ulong[fetch.Slots.Length];
        var leaves = new ulong[fetch.Slots.Length * IoPte.EntriesPerTable];
        int tables = 0;
        for (int i = 0; i < entries.Length; i++)
        {
            ulong start = fetch.Slots[i] * IoPte.Bytes(2);
            entries[i] = start >> table.AddressWidth != 0 ? 0 : table.Fetch(start, leaves.AsSpan(tables * IoPte.EntriesPerTable, IoPte.EntriesPerTable));
            tables += entries[i] != 0 && !new IoPte(entries[i]).IsLeaf(level: 2) ? 1 : 0;
            if (entries[i] != 0 && table.TracksDirty)
            {
                table.MarkDirty(start, IoPte.Bytes(2));
            }
        }

        GuestMemoryId[] memories = _view!.Audience.Memories;
        return Done(new FetchedTranslations(entries, leaves[..(tables * IoPte.EntriesPerTable)], table.AddressWidth, memories) { Lease = lease });
    }

    private Step Keep(KeepTranslations keep) => WhileValid((_, lease) =>
        Lease(keep.Device, keep.Incarnation, keep.Heard, lease) is { } granted ? Done(new TranslationsKept(granted)) : Done(Errno.EINVAL));

    /// <summary>
    /// From now on this device is told of every invalidation, and waited for if it does not answer. Null if it has no route any more, or another incarnation of
    /// it has asked since; 0 if the lease is not prolonged.
    /// </summary>
    private long? Lease(DeviceId device, long incarnation, long heard, long lease)
    {
        if (!_state.Users.Contains(device) || _leases.IsLost(device, incarnation))
        {
            return null;
        }

        AddToCachedBy(device);
        return _leases.TryGrant(device, incarnation, heard) ? lease : 0;
    }

    private void AddToCachedBy(DeviceId device)
    {
        if (!_state.CachedBy.Contains(device))
        {
            _state = _state with { CachedBy = _state.CachedBy.Add(device) };
        }
    }

    /// <summary>What was read and forgotten is answered once for every request id: the bits are in no second place.</summary>
    private Step ReadDirty(ReadTableDirty read)
    {
        if (Table is not { } table)
        {
            return new Answer(Reply.NotDriven(Id, _id.Ioasid.Fd));
        }

        if (_lastReads.Find(last => last.Request == read.Request) is { Read: { } known })
        {
            return AfterReaders(() => Done(known with { Cached = Told(known.Cached.Devices.Select(holder => holder.Device)) }));
        }

        ulong pages = ((read.Range.Last - read.Range.Start) / read.PageSize) + 1;
        var bitmap = new ulong[(pages + 63) / 64];
        Errno errno = read.Clear ? table.TakeDirty(read.Range, read.PageSize, bitmap.Length) : table.ReadDirty(read.Range, read.PageSize, false, bitmap);
        return errno != Errno.OK ? Done(errno)
            : read.Clear ? AfterReaders(() => CollectTaken(table, read, bitmap))
            : Done(new DirtyRead(new DirtyBitmap(read.Range.Start, read.PageSize, bitmap), new CachedBy([], 0)));
    }

    /// <summary>The readers have left what was taken. A write that was translated before other bits were cleared may land after it: that answer waits for the readers.</summary>
    private Step CollectTaken(DensePageTable table, ReadTableDirty read, ulong[] bitmap)
    {
        if (table != Table)
        {
            // Lost while it waited: which pages were written is not known here any more.
            return new Answer(Reply.NotDriven(Id, _id.Ioasid.Fd));
        }

        bool live = table.CollectTaken(bitmap);
        var found = new DirtyRead(new DirtyBitmap(read.Range.Start, read.PageSize, bitmap), Told(_state.CachedBy));
        Remember(read.Request, found);
        return live ? AfterReaders(() => Done(found)) : Done(found);
    }

    /// <summary>The last answer of every client, the latest clients last: a client sends a request again before it sends another.</summary>
    private void Remember(RequestId request, DirtyRead found)
    {
        _lastReads.RemoveAll(last => last.Request.Session == request.Session);
        _lastReads.Add((request, found));
        if (_lastReads.Count > ReadsRemembered)
        {
            _lastReads.RemoveAt(0);
        }
    }

    private UserAddress MemoryAt(ulong physical) =>
        new(_state.Areas.Memories[(int)(physical >> UserAddressBits)].Memory, physical & (Quantity.UserAddressEnd - 1));
}
