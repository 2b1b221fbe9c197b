// Where a walk of the dense table that is not written here starts; the benchmarks' C code is one.
namespace IoasidGrains.PageTable;

public sealed partial class DensePageTable
{
    /// <summary>The byte that entries count from, and the directory (of zeros while nothing was ever mapped). Valid until Dispose.</summary>
    internal unsafe (nint Start, nint Directory) Raw
    {
        get
        {
            // SAFETY: a distance inside the chunks, as Block checks it; nothing is read here.
            fixed (ulong* directory = _memory.Block(_directory))
            {
                return ((nint)_memory.Start, (nint)directory);
            }
        }
    }
}
