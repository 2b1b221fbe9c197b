// Fills the two spans of a burst; used by every pattern.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>Where the next translation goes.</summary>
internal ref struct BurstWriter(Span<ulong> iovas, Span<int> lengths)
{
    private readonly Span<ulong> _iovas = iovas[..DmaSource.MaxBurst];
    private readonly Span<int> _lengths = lengths[..DmaSource.MaxBurst];

    public int Count { get; private set; }

    public readonly int Room => DmaSource.MaxBurst - Count;

    /// <summary>
    /// The next <paramref name="count"/> places; each is for bytes that do not cross a page of 4 KiB. Filling them here and not one by one through
    /// this struct keeps the loops' counters in registers.
    /// </summary>
    public void Take(int count, out Span<ulong> iovas, out Span<int> lengths)
    {
        iovas = _iovas.Slice(Count, count);
        lengths = _lengths.Slice(Count, count);
        Count += count;
    }

    /// <summary>The last places that were taken and not used.</summary>
    public void GiveBack(int count) => Count -= count;

    public readonly DmaBurst End(DmaAccess access, int accesses) => new(Count, access, accesses);
}
