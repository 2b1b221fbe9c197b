// The 4-level radix table of reference.c, with what targets ask of it.
namespace IoasidGrains.Benchmarks;

/// <summary>Its tables are in its own memory, on pages of 2 MiB.</summary>
internal sealed unsafe class CRadix : IDisposable
{
    private readonly CReference _c;
    private nint _radix;

    public CRadix(CReference c, uint tables)
    {
        _c = c;

        // SAFETY (here and below): the pointer came from radix_new and is used until radix_delete; arrays are pinned.
        _radix = c.RadixNew(tables);
        if (_radix == 0)
        {
            throw new OutOfMemoryException($"{tables} tables for C's radix table.");
        }
    }

    public void Map(ulong iova, long pages)
    {
        if (_c.RadixMap(_radix, iova, iova | 3, pages, 1) != 0)
        {
            throw new InvalidOperationException("C's radix table has a page there.");
        }
    }

    public Variant Walk(AddressQueries queries, int batches) => new("4-level radix, C", () =>
    {
        long faults = 0;
        long start = ThreadTime.Nanoseconds;
        for (int i = 0; i < batches; i++)
        {
            fixed (ulong* from = queries.Window(AddressQueries.Batch), to = queries.Words)
            {
                faults += _c.RadixWalk(_radix, from, to, AddressQueries.Batch, 1);
            }
        }

        long nanoseconds = ThreadTime.Nanoseconds - start;
        return faults == 0 ? (double)nanoseconds / (batches * AddressQueries.Batch) : throw new InvalidOperationException("C's radix table lost a page.");
    });

    /// <summary>Map and unmap of the same pages, over and over.</summary>
    public Variant Pairs(ulong iova, long pages, int level, int times) => new("C radix pair", () =>
    {
        long start = ThreadTime.Nanoseconds;
        _c.RadixPairs(_radix, iova, iova | 3 | (level == 1 ? 0UL : 1UL << 7), pages, level, times);
        return (double)(ThreadTime.Nanoseconds - start) / times;
    });

    public Variant Churn => new("4-level radix, C", () =>
    {
        fixed (ulong* ring = ChurnRing.Iovas)
        {
            long start = ThreadTime.Nanoseconds;
            _c.RadixChurn(_radix, ring, ChurnRing.Pages, ChurnRing.Pairs);
            return (double)(ThreadTime.Nanoseconds - start) / ChurnRing.Pairs;
        }
    });

    public void Dispose()
    {
        if (_radix != 0)
        {
            _c.RadixDelete(_radix);
            _radix = 0;
        }
    }
}
