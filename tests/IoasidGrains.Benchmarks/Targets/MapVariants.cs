// Map and Unmap, each timed without the other.
using IoasidGrains.PageTable;
using IoasidGrains.Uapi;

namespace IoasidGrains.Benchmarks;

/// <summary>
/// Equal ranges, mapped one behind the other in one timed piece and unmapped in the next, so that a call of some nanoseconds can be timed as well
/// as one of milliseconds.
/// </summary>
internal sealed class MapVariants(DensePageTable table, ulong bytes, int ranges, int times)
{
    public Variant Map => new("map", () => Sample().Map);

    public Variant Unmap => new("unmap", () => Sample().Unmap);

    private (double Map, double Unmap) Sample()
    {
        long map = 0, unmap = 0;
        for (int i = 0; i < times; i++)
        {
            long start = ThreadTime.Nanoseconds;
            Errno errno = MapAll();
            long between = ThreadTime.Nanoseconds;
            errno |= UnmapAll();
            unmap += ThreadTime.Nanoseconds - between;
            map += between - start;
            if (errno != Errno.OK)
            {
                throw new InvalidOperationException($"Map or Unmap answered {errno}.");
            }
        }

        double readings = times * ThreadTime.ReadingNanoseconds;
        return ((map - readings) / (times * ranges), (unmap - readings) / (times * ranges));
    }

    private Errno MapAll()
    {
        Errno errno = Errno.OK;
        for (int i = 0; i < ranges; i++)
        {
            ulong start = (ulong)i * bytes;
            errno |= table.Map(new IovaRange(start, start + (bytes - 1)), start, DmaAccess.ReadWrite);
        }

        return errno;
    }

    private Errno UnmapAll()
    {
        Errno errno = Errno.OK;
        for (int i = 0; i < ranges; i++)
        {
            ulong start = (ulong)i * bytes;
            errno |= table.Unmap(new IovaRange(start, start + (bytes - 1)));
        }

        return errno;
    }
}
