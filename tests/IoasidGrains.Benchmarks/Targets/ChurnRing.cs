// The pages that a driver has in flight: the oldest is unmapped and its IOVA mapped again, as an IOVA allocator hands them out.
namespace IoasidGrains.Benchmarks;

/// <summary>512 pages of 4 KiB in no order, every second one of 4 MiB.</summary>
internal static class ChurnRing
{
    public const int Pages = 512;

    /// <summary>Pairs of unmap and map in one sample.</summary>
    public const int Pairs = 64 * Pages;

    public const ulong Start = 8UL << 30;

    public static readonly ulong[] Iovas = Shuffled();

    private static ulong[] Shuffled()
    {
        ulong[] iovas = GC.AllocateArray<ulong>(Pages, pinned: true);
        for (int i = 0; i < Pages; i++)
        {
            iovas[i] = Start + ((ulong)i * 8192);
        }

        new Random(7).Shuffle(iovas);
        return iovas;
    }
}
