// What memory gives at best: 24 walks through a set of lines, each waiting only for its own last load.
namespace IoasidGrains.Benchmarks;

/// <summary>One cycle through all lines of its own memory, on pages of 2 MiB.</summary>
internal sealed unsafe class MemoryChains : IDisposable
{
    private const int Chains = 24, LineBytes = 64, LineWords = 8;
    private const int Steps = 8192;

    private readonly CReference _c;
    private readonly ulong[] _at = GC.AllocateArray<ulong>(Chains, pinned: true);
    private ulong* _memory;

    public MemoryChains(CReference c, ulong bytes)
    {
        _c = c;

        // SAFETY: C was asked for so many bytes, and makes its cycle through the lines in them.
        _memory = c.HugeAlloc(bytes);
        if (_memory is null)
        {
            throw new OutOfMemoryException($"{bytes} bytes for the memory limit.");
        }

        ulong lines = bytes / LineBytes;
        c.ChainsMake(_memory, lines);
        for (int i = 0; i < Chains; i++)
        {
            _at[i] = _memory[(ulong)i * (lines / Chains) * LineWords];
        }
    }

    public Variant Variant => new("chains", Sample);

    public void Dispose()
    {
        // SAFETY: given back once; the class is sealed and no variant of it runs any more.
        _c.HugeFree(_memory);
        _memory = null;
    }

    private double Sample()
    {
        // SAFETY: the positions are indexes of lines in the memory, written by C; the array has as many as C reads.
        fixed (ulong* at = _at)
        {
            long start = ThreadTime.Nanoseconds;
            _c.ChainsRun(_memory, at, Steps);
            return (double)(ThreadTime.Nanoseconds - start) / (Steps * Chains);
        }
    }
}
