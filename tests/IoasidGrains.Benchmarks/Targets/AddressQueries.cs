// Addresses to translate, prepared before anything is measured.
namespace IoasidGrains.Benchmarks;

/// <summary>
/// A long list that is walked window by window, so that no run finds in the caches what another one has just used, unless the whole list fits.
/// </summary>
internal sealed class AddressQueries
{
    public const int Batch = 4096;

    /// <summary>Of a set of pages that is hot, so is the list: as many addresses as second-level caches hold beside the tables.</summary>
    public const int Hot = 4 * Batch;

    private readonly ulong[] _iovas;
    private int _next;

    private AddressQueries(ulong[] iovas) => _iovas = iovas;

    public ulong[] Words { get; } = GC.AllocateArray<ulong>(Batch, pinned: true);

    /// <summary>Any even byte of the first so many.</summary>
    public static AddressQueries Random(ulong bytes, int count, int seed = 1)
    {
        ulong[] iovas = GC.AllocateArray<ulong>(count, pinned: true);
        var random = new Random(seed);
        for (int i = 0; i < count; i++)
        {
            iovas[i] = (ulong)random.NextInt64((long)bytes) & ~1UL;
        }

        return new AddressQueries(iovas);
    }

    /// <summary>The buffers of a ring, one page behind the other, again and again.</summary>
    public static AddressQueries Ring(ulong start, int pages, int count)
    {
        ulong[] iovas = GC.AllocateArray<ulong>(count, pinned: true);
        for (int i = 0; i < count; i++)
        {
            iovas[i] = start + ((ulong)(i % pages) * 4096) + ((ulong)(i & 1) * 2048);
        }

        return new AddressQueries(iovas);
    }

    /// <summary>The next so many addresses.</summary>
    public Span<ulong> Window(int count)
    {
        if (_next + count > _iovas.Length)
        {
            _next = 0;
        }

        _next += count;
        return _iovas.AsSpan(_next - count, count);
    }
}
