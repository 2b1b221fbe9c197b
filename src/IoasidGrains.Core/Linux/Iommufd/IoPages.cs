// The mappings of one address space, and where nothing may be mapped: an immutable value. Used by the handlers of iommufd.
using System.Collections.Immutable;
using IoasidGrains.Uapi;

namespace IoasidGrains.Core.Linux;

/// <summary>User memory that mappings point to; copies share it.</summary>
/// <param name="Number">Its identity.</param>
/// <param name="Start">The page of its first byte.</param>
/// <param name="Length">Bytes from there.</param>
/// <param name="ChargesProcess">Who pays for its pins.</param>
public sealed record UserPages(int Number, ulong Start, ulong Length, bool Writable, bool ChargesProcess);

/// <summary>One mapped interval.</summary>
/// <param name="Offset">Where in its pages the first byte is.</param>
public sealed record IoArea(IovaRange Range, UserPages Pages, ulong Offset, DmaAccess Access)
{
    public ulong Address => Pages.Start + Offset;

    /// <summary>The part of an area, or of one that is mapped elsewhere.</summary>
    public IoArea Cut(ulong first, ulong last) => this with { Range = new IovaRange(first, last), Offset = Offset + (first - Range.Start) };
}

/// <summary>Where nothing may be mapped, and because of whom: a device, a table's aperture, a self test.</summary>
public readonly record struct ReservedIova(IovaRange Range, string Owner);

/// <summary>Mappings, reservations, allowed ranges, alignment.</summary>
public sealed record IoPages
{
    public static readonly IoPages Empty = new();

    private static readonly Comparer<IoArea> ByStart = Comparer<IoArea>.Create((a, b) => a.Range.Start.CompareTo(b.Range.Start));

    /// <summary>Disjoint, in order.</summary>
    public ImmutableList<IoArea> Areas { get; init; } = [];

    /// <summary>What <see cref="Areas"/> cover, those that touch as one: a place is looked for between these, which are few.</summary>
    private IovaRuns Runs { get; init; } = IovaRuns.Empty;

    /// <summary>Sorted by start.</summary>
    public ImmutableList<ReservedIova> Reserved { get; init; } = [];

    /// <summary>Where an IOVA is chosen, and nothing may be reserved; empty: anywhere. Disjoint, in order.</summary>
    public ImmutableList<IovaRange> Allowed { get; init; } = [];

    /// <summary>Bytes that IOVAs and lengths are multiples of.</summary>
    public ulong Alignment { get; init; } = 1;

    public bool LargePagesDisabled { get; init; }

    /// <summary>Index of the first area that ends at or after an IOVA.</summary>
    public int FirstEndingAtOrAfter(ulong iova)
    {
        int index = Areas.BinarySearch(new IoArea(new IovaRange(iova, iova), null!, 0, DmaAccess.None), ByStart);
        if (index >= 0)
        {
            return index;
        }

        index = ~index;
        return index > 0 && Areas[index - 1].Range.Last >= iova ? index - 1 : index;
    }

    public IoArea? FirstIn(IovaRange range)
    {
        int index = FirstEndingAtOrAfter(range.Start);
        return index < Areas.Count && Areas[index].Range.Start <= range.Last ? Areas[index] : null;
    }

    public bool IsReserved(IovaRange range) => Reserved.Exists(reserved => reserved.Range.Overlaps(range));

    public bool IsAllowed(IovaRange range) => Allowed.Exists(allowed => allowed.Overlaps(range));

    public IoPages Add(IoArea area) => this with { Areas = Areas.Insert(FirstEndingAtOrAfter(area.Range.Start), area), Runs = Runs.Add(area.Range) };

    public IoPages Remove(IoArea area) => this with { Areas = Areas.RemoveAt(FirstEndingAtOrAfter(area.Range.Start)), Runs = Runs.Remove(area.Range) };

    /// <summary>Null: something is mapped or allowed there.</summary>
    public IoPages? Reserve(IovaRange range, string owner)
    {
        if (FirstIn(range) is not null || IsAllowed(range))
        {
            return null;
        }

        int index = Reserved.FindIndex(other => other.Range.Start > range.Start);
        return this with { Reserved = Reserved.Insert(index < 0 ? Reserved.Count : index, new ReservedIova(range, owner)) };
    }

    public IoPages Unreserve(string owner) => this with { Reserved = Reserved.RemoveAll(reserved => reserved.Owner == owner) };

    /// <summary>The intervals that nothing reserves.</summary>
    public List<IovaRange> Usable() => Holes(Reserved.Select(reserved => reserved.Range), 0, ulong.MaxValue);

    /// <summary>What is left of an interval without these, which are sorted by start and may overlap.</summary>
    public static List<IovaRange> Holes(IEnumerable<IovaRange> used, ulong start, ulong last)
    {
        List<IovaRange> holes = [];
        ulong next = start;
        foreach (IovaRange range in used)
        {
            if (range.Last < next)
            {
                continue;
            }

            if (range.Start > last)
            {
                break;
            }

            if (range.Start > next)
            {
                holes.Add(new IovaRange(next, range.Start - 1));
            }

            if (range.Last >= last)
            {
                return holes;
            }

            next = range.Last + 1;
        }

        holes.Add(new IovaRange(next, last));
        return holes;
    }

    /// <summary>Every area would do with a coarser alignment.</summary>
    public bool Fits(ulong alignment) => Areas.TrueForAll(area => ((area.Range.Start | area.Range.Length | (area.Offset % Quantity.PageSize)) & (alignment - 1)) == 0);

    /// <summary>OK, or why nothing can be mapped exactly there. The length is not zero.</summary>
    public Errno Check(ulong iova, ulong length)
    {
        if ((iova & (Alignment - 1)) != 0)
        {
            return Errno.EINVAL;
        }

        if (!IovaRange.TryCreate(iova, length, out IovaRange range))
        {
            return Errno.EOVERFLOW;
        }

        return IsReserved(range) ? Errno.EINVAL : FirstIn(range) is not null ? Errno.EEXIST : Errno.OK;
    }

    /// <summary>The lowest place for user memory at this address; it keeps the address's alignment up to a large page, and is never 0.</summary>
    public Errno Choose(ulong address, ulong length, out ulong iova)
    {
        const ulong LargePage = 2UL << 20;
        iova = 0;
        if (length is 0 or >= ulong.MaxValue / 2)
        {
            return Errno.EOVERFLOW;
        }

        ulong alignment = Math.Min(LargePage, System.Numerics.BitOperations.RoundUpToPowerOf2(length));
        alignment = address == 0 ? alignment : Math.Min(alignment, address & (~address + 1));
        if (alignment < Alignment)
        {
            return Errno.EINVAL;
        }

        const ulong First = Quantity.PageSize, Last = ulong.MaxValue - Quantity.PageSize;
        ulong offset = address % Quantity.PageSize;
        IEnumerable<IovaRange> spans = Allowed.IsEmpty ? [new IovaRange(First, Last)] : IovaRuns.Of(Allowed).Ranges;
        foreach (IovaRange allowed in spans.Select(range => new IovaRange(Math.Max(range.Start, First), Math.Min(range.Last, Last))))
        {
            if (allowed.Start > allowed.Last || Place(allowed, length, alignment, offset) is not { } start)
            {
                continue;
            }

            if (FirstHole(start, allowed.Last, length, alignment, offset) is { } found)
            {
                iova = found;
                return Errno.OK;
            }
        }

        return Errno.ENOSPC;
    }

    /// <summary>Walks over what is mapped and what is reserved at the same time, so that a full space costs no list of its holes.</summary>
    private ulong? FirstHole(ulong start, ulong last, ulong length, ulong alignment, ulong offset)
    {
        ulong next = start;
        int run = Runs.FirstEndingAtOrAfter(start), reserved = 0;
        while (true)
        {
            while (run < Runs.Ranges.Count && Runs.Ranges[run].Last < next)
            {
                run++;
            }

            while (reserved < Reserved.Count && Reserved[reserved].Range.Last < next)
            {
                reserved++;
            }

            IovaRange? used = run < Runs.Ranges.Count ? Runs.Ranges[run] : null;
            IovaRange? blocked = Reserved.Skip(reserved).Select(one => (IovaRange?)one.Range).FirstOrDefault(range => range!.Value.Last >= next);
            IovaRange? first = used is { } a && blocked is { } b ? (a.Start <= b.Start ? a : b) : used ?? blocked;
            ulong holeLast = first is { } taken && taken.Start <= last ? (taken.Start <= next ? 0 : taken.Start - 1) : last;
            if (holeLast >= next && Place(new IovaRange(next, holeLast), length, alignment, offset) is { } found)
            {
                return found;
            }

            if (first is not { } over || over.Last >= last)
            {
                return null;
            }

            next = over.Last + 1;
        }
    }

    private static ulong? Place(IovaRange hole, ulong length, ulong alignment, ulong offset)
    {
        if (hole.Start > ulong.MaxValue - (alignment - 1))
        {
            return null;
        }

        ulong start = ((hole.Start + (alignment - 1)) & ~(alignment - 1)) | offset;
        return start >= hole.Last || hole.Last - start < length - 1 ? null : start;
    }
}
