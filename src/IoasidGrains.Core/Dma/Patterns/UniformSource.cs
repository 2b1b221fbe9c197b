// Uniform random accesses: the worst case of every cache. A burst of reads, a burst of writes, and so on.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>64 bytes each, aligned to 64, anywhere in the window.</summary>
internal sealed class UniformSource(DmaWorkload workload) : DmaSource
{
    private const int LineSize = 64;

    private readonly ulong _start = workload.Window.Start;
    private readonly ulong _lines = PatternWindow.Of(workload.Window).Pages * (Quantity.PageSize / LineSize);
    private PatternRandom _random = new(workload.Seed);
    private bool _writes;

    public override DmaBurst Next(Span<ulong> iovas, Span<int> lengths)
    {
        iovas = iovas[..MaxBurst];
        PatternRandom random = _random;
        for (int i = 0; i < iovas.Length; i++)
        {
            iovas[i] = _start + (random.Below(_lines) * LineSize);
        }

        lengths[..MaxBurst].Fill(LineSize);
        _random = random;
        _writes = !_writes;
        return new DmaBurst(MaxBurst, _writes ? DmaAccess.Write : DmaAccess.Read, MaxBurst);
    }
}
