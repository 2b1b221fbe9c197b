// A page table as a sorted list of pages, without levels or bits; the oracle of the page table's model test.
using IoasidGrains.PageTable;

namespace IoasidGrains.Tests;

/// <summary>One page of the model.</summary>
internal sealed record ModelPage(ulong Start, ulong Size, ulong Physical, DmaAccess Access)
{
    public ulong Last => Start + Size - 1;
}

/// <summary>Says what any correct table must answer. It walks along a range page by page, where the table walks down levels.</summary>
internal sealed class PageTableModel(int width, ulong pageSizes)
{
    private static readonly ulong[] Sizes = [1UL << 30, 2UL << 20, 4096];
    private readonly SortedSet<ModelPage> _pages = new(Comparer<ModelPage>.Create((a, b) => a.Start.CompareTo(b.Start)));

    public IReadOnlyCollection<ModelPage> Pages => _pages;

    public Errno Map(IovaRange range, ulong physical, DmaAccess access)
    {
        if (range.Start % 4096 != 0 || range.Last % 4096 != 4095 || physical % 4096 != 0 || access == DmaAccess.None)
        {
            return Errno.EINVAL;
        }

        if (range.Last > (1UL << width) - 1)
        {
            return Errno.EFAULT;
        }

        if (Touching(range).Any())
        {
            return Errno.EEXIST;
        }

        ulong left = range.Length;
        for (ulong at = range.Start; left > 0;)
        {
            ulong size = Sizes.First(s => (s & pageSizes) != 0 && at % s == 0 && physical % s == 0 && s <= left);
            _pages.Add(new ModelPage(at, size, physical, access));
            (at, physical, left) = (at + size, physical + size, left - size);
        }

        return Errno.OK;
    }

    public Errno Unmap(IovaRange range)
    {
        ModelPage[] touched = [.. Touching(range)];
        if (range.Start % 4096 != 0 || range.Last % 4096 != 4095)
        {
            return Errno.EINVAL;
        }

        if (range.Last > (1UL << width) - 1)
        {
            return Errno.EFAULT;
        }

        if (touched.Any(page => page.Start < range.Start || page.Last > range.Last))
        {
            return Errno.EINVAL;
        }

        foreach (ModelPage page in touched)
        {
            _pages.Remove(page);
        }

        return Errno.OK;
    }

    /// <summary>The page that this address is in; null in a hole.</summary>
    public ModelPage? PageAt(ulong iova) => Touching(new IovaRange(iova, iova)).FirstOrDefault();

    public Translation Translate(ulong iova, ModelPage? page, DmaAccess need, bool snp)
    {
        if (iova > (1UL << width) - 1)
        {
            return Translation.Faulted(DmaFault.BeyondWidth);
        }

        DmaAccess access = page?.Access ?? DmaAccess.None;
        if (need.HasFlag(DmaAccess.Write) && !access.HasFlag(DmaAccess.Write))
        {
            return Translation.Faulted(DmaFault.NoWrite);
        }

        return need.HasFlag(DmaAccess.Read) && !access.HasFlag(DmaAccess.Read)
            ? Translation.Faulted(DmaFault.NoRead)
            : new Translation(DmaFault.None, iova - page!.Start + page.Physical, access, snp);
    }

    /// <summary>How many leaf tables these pages need: one per 2 MiB that has pages of 4 KiB.</summary>
    public int Tables() => _pages.Where(page => page.Size == 4096).Select(page => page.Start >> 21).Distinct().Count();

    /// <summary>Pages that share an address with the range; no page that starts further down than the largest size reaches it.</summary>
    private IEnumerable<ModelPage> Touching(IovaRange range)
    {
        ulong lowest = range.Start - Math.Min(range.Start, Sizes[0] - 1);
        return _pages.GetViewBetween(At(lowest), At(range.Last)).Where(page => page.Last >= range.Start);
    }

    private static ModelPage At(ulong start) => new(start, 0, 0, DmaAccess.None);
}
