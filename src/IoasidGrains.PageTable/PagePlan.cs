// Which pages a range is mapped with; used by DensePageTable, once to look and once to write.
using IoasidGrains.Uapi;

namespace IoasidGrains.PageTable;

/// <summary>What a run of a plan is made of.</summary>
internal enum PageRunKind
{
    /// <summary>4 KiB pages in a part of one 2 MiB slot.</summary>
    Part,

    /// <summary>Whole slots of 4 KiB pages.</summary>
    Tables,

    /// <summary>Pages of 2 MiB.</summary>
    Large,

    /// <summary>Pages of 1 GiB.</summary>
    Giant,
}

/// <summary>Pages of one kind, one behind the other, inside one block.</summary>
internal readonly record struct PageRun(PageRunKind Kind, ulong Start, ulong Last)
{
    /// <summary>Of the run, in its block.</summary>
    public int FirstSlot => Geometry.Slot(Start);

    public int Slots => (int)((Last - Start) / Geometry.SlotBytes) + 1;
}

/// <summary>Cuts a range into runs: the largest page that alignment, length and the unit allow, at every place (performance 6.1).</summary>
internal readonly struct PagePlan
{
    private readonly ulong _last;
    private readonly bool _large;
    private readonly bool _giant;

    /// <param name="range">Whole pages of 4 KiB, in the address width.</param>
    /// <param name="physical">Where it leads.</param>
    /// <param name="pageSizes">What the unit can do, as a bitmap in bytes.</param>
    public PagePlan(IovaRange range, ulong physical, ulong pageSizes)
    {
        ulong offset = physical - range.Start;
        _last = range.Last;
        _large = (pageSizes & Geometry.SlotBytes) != 0 && offset % Geometry.SlotBytes == 0;
        _giant = (pageSizes & Geometry.GiantBytes) != 0 && offset % Geometry.GiantBytes == 0;
    }

    /// <summary>The run that starts here, as long as it can be.</summary>
    public PageRun RunAt(ulong iova)
    {
        ulong last = Math.Min(_last, iova | (Geometry.BlockBytes - 1));
        if (iova % Geometry.SlotBytes != 0 || last - iova < Geometry.SlotBytes - 1)
        {
            return new PageRun(PageRunKind.Part, iova, Math.Min(last, iova | (Geometry.SlotBytes - 1)));
        }

        if (_giant && iova % Geometry.GiantBytes == 0 && last - iova >= Geometry.GiantBytes - 1)
        {
            return new PageRun(PageRunKind.Giant, iova, LastWhole(last, Geometry.GiantBytes));
        }

        ulong boundary = iova | (Geometry.GiantBytes - 1);
        bool giantFollows = _giant && last > boundary && last - boundary >= Geometry.GiantBytes;
        return new PageRun(
            _large ? PageRunKind.Large : PageRunKind.Tables, iova, giantFollows ? boundary : LastWhole(last, Geometry.SlotBytes));
    }

    /// <summary>The last byte of the last whole page of this size that ends at <paramref name="last"/> or before.</summary>
    private static ulong LastWhole(ulong last, ulong size) => ((last + 1) & ~(size - 1)) - 1;
}
