// The red-black tree of ranges of reference.c, with what targets ask of it.
namespace IoasidGrains.Benchmarks;

/// <summary>Nodes come from one array and go back to it, so that neither side pays for malloc.</summary>
internal sealed unsafe class CTree : IDisposable
{
    private readonly CReference _c;
    private nint _tree;

    public CTree(CReference c, int nodes)
    {
        _c = c;

        // SAFETY (here and below): the pointer came from tree_new and is used until tree_delete; arrays are pinned.
        _tree = c.TreeNew((ulong)nodes);
        if (_tree == 0)
        {
            throw new OutOfMemoryException($"{nodes} nodes for C's tree.");
        }
    }

    public void Map(ulong iova)
    {
        if (_c.TreeMap(_tree, iova, iova + 4095, iova | 3) != 0)
        {
            throw new InvalidOperationException("C's tree has a range there.");
        }
    }

    public Variant Walk(AddressQueries queries, int batches) => new("red-black tree of ranges, C", () =>
    {
        long faults = 0;
        long start = ThreadTime.Nanoseconds;
        for (int i = 0; i < batches; i++)
        {
            fixed (ulong* from = queries.Window(AddressQueries.Batch), to = queries.Words)
            {
                faults += _c.TreeWalk(_tree, from, to, AddressQueries.Batch);
            }
        }

        long nanoseconds = ThreadTime.Nanoseconds - start;
        return faults == 0 ? (double)nanoseconds / (batches * AddressQueries.Batch) : throw new InvalidOperationException("C's tree lost a range.");
    });

    public Variant Churn => new("red-black tree of ranges, C", () =>
    {
        fixed (ulong* ring = ChurnRing.Iovas)
        {
            long start = ThreadTime.Nanoseconds;
            _c.TreeChurn(_tree, ring, ChurnRing.Pages, ChurnRing.Pairs);
            return (double)(ThreadTime.Nanoseconds - start) / ChurnRing.Pairs;
        }
    });

    public void Dispose()
    {
        if (_tree != 0)
        {
            _c.TreeDelete(_tree);
            _tree = 0;
        }
    }
}
