// A recording, in its order, from its start again when it ends.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>Accesses of one kind that follow each other make one burst, as far as they fit.</summary>
internal sealed class TraceSource(DmaTrace trace) : DmaSource
{
    private int _next;

    public override DmaBurst Next(Span<ulong> iovas, Span<int> lengths)
    {
        iovas = iovas[..MaxBurst];
        lengths = lengths[..MaxBurst];
        (int next, int accesses, int count) = (_next, 0, 0);
        bool writes = trace.Writes[next];
        while (trace.Writes[next] == writes)
        {
            int pages = Add(trace.Iovas[next], trace.Lengths[next], iovas[count..], lengths[count..]);
            if (pages == 0)
            {
                break;
            }

            count += pages;
            accesses++;
            next = next + 1 < trace.Iovas.Length ? next + 1 : 0;
        }

        _next = next;
        return new DmaBurst(count, writes ? DmaAccess.Write : DmaAccess.Read, accesses);
    }

    /// <summary>How many pages the access takes; 0 if there is no room for all of them.</summary>
    private static int Add(ulong iova, int length, Span<ulong> iovas, Span<int> lengths)
    {
        ulong last = iova + (ulong)(length - 1);
        int pages = (int)((last / Quantity.PageSize) - (iova / Quantity.PageSize)) + 1;
        if (pages > iovas.Length)
        {
            return 0;
        }

        for (int page = 0; page < pages; page++)
        {
            int piece = Math.Min(length, (int)(Quantity.PageSize - (iova & (Quantity.PageSize - 1))));
            (iovas[page], lengths[page]) = (iova, piece);
            iova += (ulong)piece;
            length -= piece;
        }

        return pages;
    }
}
