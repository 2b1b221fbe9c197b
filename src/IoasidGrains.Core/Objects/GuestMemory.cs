// The memory of a VM or a process: the bytes that user addresses name.
using System.Collections.Immutable;
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>The pages that were ever written (the others are zero), and what the VM's wbinvd does.</summary>
/// <param name="Version">The number of the last word from KVM.</param>
public sealed record MemoryState(ImmutableSortedDictionary<ulong, ImmutableArray<byte>> Pages, WbinvdMode Wbinvd, long Version);

/// <summary>Serves CPUs and devices. It tells an access that went past the caches of a VM whose KVM ignores wbinvd: nobody can make that coherent.</summary>
public sealed class GuestMemory : KernelObject
{
    private static readonly ImmutableArray<byte> ZeroPage = [.. new byte[(int)Quantity.PageSize]];

    private readonly GuestMemoryId _id;
    private readonly LocalViews _views;
    private readonly FreedPages _freed = new();
    private MemoryState _state = new(ImmutableSortedDictionary<ulong, ImmutableArray<byte>>.Empty, WbinvdMode.Nop, -1);

    public GuestMemory(ObjectId id, LocalViews views)
        : base(id)
    {
        (_id, _views) = (new GuestMemoryId(id.Key), views);
        views.Publish(_id, _freed);
    }

    public override object State
    {
        get => _state;
        set => _state = (MemoryState)value;
    }

    public MemoryState Records => _state;

    public override bool HoldsState => !_state.Pages.IsEmpty || _state.Wbinvd != WbinvdMode.Nop || _freed.Any;

    public override void Lost() => _views.Withdraw(_id, _freed);

    public override Step Handle(Command command) => command switch
    {
        DescribeObject => Done(new ObjectStatus(Id, "present", $"pages={_state.Pages.Count} wbinvd={_state.Wbinvd.Word()}", [])),
        AccessMemory access => Access(access),
        CpuWrite write => Done(Write(write.Offset, write.Data)),
        CpuRead read => InRange(read.Offset, read.Length) ? Done(new MemoryBytes(Read(read.Offset, read.Length))) : Done(Errno.EFAULT),
        SetWbinvd set => Set(set),
        FreePages free => Free(free),
        FindFreedPages find => Find(find),
        _ => throw NotUnderstood(command),
    };

    private Step Access(AccessMemory access)
    {
        if (!InRange(access.Offset, access.Length))
        {
            return Done(Errno.EFAULT);
        }

        bool gap = _id.IsOfVm && !access.Snooped && _state.Wbinvd == WbinvdMode.Nop;
        if (access.Data is not { } data)
        {
            return Done(new MemoryAccessed(Read(access.Offset, access.Length), gap));
        }

        Write(access.Offset, data);
        return Done(new MemoryAccessed(null, gap));
    }

    private Step Set(SetWbinvd set)
    {
        if (set.Version > _state.Version)
        {
            _state = _state with { Wbinvd = set.Mode, Version = set.Version };
        }

        return Done(Errno.OK);
    }

    private Step Free(FreePages free)
    {
        _freed.Set(free.Offset, free.Length, free.Free);
        return Done(Errno.OK);
    }

    private Step Find(FindFreedPages find)
    {
        (int count, int first) = (0, -1);
        for (int i = find.Offsets.Length - 1; i >= 0 && _freed.Any; i--)
        {
            if (_freed.IsFreed(find.Offsets[i]))
            {
                (count, first) = (count + 1, i);
            }
        }

        return Done(new FreedPagesFound(count, first));
    }

    private Errno Write(ulong offset, byte[] data)
    {
        if (!InRange(offset, data.Length))
        {
            return Errno.EFAULT;
        }

        ImmutableSortedDictionary<ulong, ImmutableArray<byte>> pages = _state.Pages;
        for (int done = 0; done < data.Length;)
        {
            (ulong page, int at) = Split(offset + (ulong)done);
            int piece = Math.Min(data.Length - done, (int)Quantity.PageSize - at);
            byte[] bytes = [.. PageAt(page)];
            data.AsSpan(done, piece).CopyTo(bytes.AsSpan(at));
            pages = pages.SetItem(page, ImmutableArray.Create(bytes));
            _state = _state with { Pages = pages };
            done += piece;
        }

        return Errno.OK;
    }

    private byte[] Read(ulong offset, int length)
    {
        var bytes = new byte[length];
        for (int done = 0; done < length;)
        {
            (ulong page, int at) = Split(offset + (ulong)done);
            int piece = Math.Min(length - done, (int)Quantity.PageSize - at);
            PageAt(page).AsSpan(at, piece).CopyTo(bytes.AsSpan(done));
            done += piece;
        }

        return bytes;
    }

    private ImmutableArray<byte> PageAt(ulong page) => _state.Pages.GetValueOrDefault(page, ZeroPage);

    private static (ulong Page, int At) Split(ulong offset) => (offset / Quantity.PageSize, (int)(offset % Quantity.PageSize));

    private static bool InRange(ulong offset, int length) =>
        length is > 0 and <= DeviceDma.MaxLength && offset < Quantity.UserAddressEnd && (ulong)length <= Quantity.UserAddressEnd - offset;
}
