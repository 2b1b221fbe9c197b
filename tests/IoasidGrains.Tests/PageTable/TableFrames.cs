// The 4 KiB frames that the tables of one RadixPageTable are in, so that an entry can point to a table as in memory.
using IoasidGrains.PageTable;

namespace IoasidGrains.Tests;

/// <summary>
/// Tables by frame: the address in a table pointer is the frame's number times 4 KiB, in a memory of the table's own. The entry alone
/// says where the next table is, there is no second reference to keep in step with it.
/// </summary>
internal sealed class TableFrames
{
    public const int Entries = 512;

    private readonly List<ulong[]?> _frames = [];
    private readonly Stack<int> _free = [];

    public int InUse => _frames.Count - _free.Count;

    /// <summary>The entries of the table that this pointer points to; a pointer to no table is a bug.</summary>
    public ulong[] this[IoPte pointer] => _frames[Frame(pointer)] ?? throw new InvalidOperationException($"{pointer} points to a freed table.");

    /// <summary>A pointer to an empty table.</summary>
    public IoPte Take()
    {
        if (!_free.TryPop(out int frame))
        {
            frame = _frames.Count;
            _frames.Add(null);
        }

        _frames[frame] = new ulong[Entries];
        return IoPte.Table((ulong)frame * Quantity.PageSize);
    }

    public void Free(IoPte pointer)
    {
        _frames[Frame(pointer)] = null;
        _free.Push(Frame(pointer));
    }

    private static int Frame(IoPte pointer) => (int)(pointer.Address / Quantity.PageSize);
}
