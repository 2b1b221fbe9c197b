// The memory of a VM or a process: the bytes that user addresses name.
using System.Collections.Immutable;
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>The pages that were ever written (the others are zero), and what the VM's wbinvd does.</summary>
/// <param name="Version">The number of the last word from KVM.</param>
public sealed record MemoryState(ImmutableSortedDictionary<ulong, ImmutableArray<byte>> Pages, WbinvdMode Wbinvd, long Version);

/// <summary>Serves CPUs and devices. It tells an access that went past the caches of a VM whose KVM ignores wbinvd: nobody can make that coherent.</summary>
public sealed class GuestMemory(ObjectId id) : KernelObject(id)
{
    private static readonly ImmutableArray<byte> ZeroPage = [.. new byte[(int)Quantity.PageSize]];

    private readonly bool _ofVm = new GuestMemoryId(id.Key).IsOfVm;
    private MemoryState _state = new(ImmutableSortedDictionary<ulong, ImmutableArray<byte>>.Empty, WbinvdMode.Nop, -1);

    public override object State
    {
        get => _state;
        set => _state = (MemoryState)value;
    }

    public MemoryState Records => _state;

    public override bool HoldsState => !_state.Pages.IsEmpty || _state.Wbinvd != WbinvdMode.Nop;

    public override Step Handle(Command command) => command switch
    {
        DescribeObject => Done(new ObjectStatus(Id, "present", $"pages={_state.Pages.Count} wbinvd={_state.Wbinvd.Word()}", [])),
        AccessMemory access => Access(access),
        CpuWrite write => Done(Write(write.Offset, write.Data)),
        CpuRead read => InRange(read.Offset, read.Length) ? Done(new MemoryBytes(Read(read.Offset, read.Length))) : Done(Errno.EFAULT),
        SetWbinvd set => Set(set),
        _ => throw NotUnderstood(command),
    };

    private Step Access(AccessMemory access)
    {
        if (!InRange(access.Offset, access.Length))
        {
            return Done(Errno.EFAULT);
        }

        bool gap = _ofVm && !access.Snooped && _state.Wbinvd == WbinvdMode.Nop;
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
