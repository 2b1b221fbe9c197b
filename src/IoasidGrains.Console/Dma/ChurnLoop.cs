// Maps and unmaps pages under running workloads, as a driver does that maps a buffer per I/O; `ioasid dma --churn`.
using System.Diagnostics;
using IoasidGrains.Flows;
using IoasidGrains.Uapi;

namespace IoasidGrains.Console;

/// <summary>
/// Half of the ring's pages are mapped. A turn takes the oldest of them away, and when UNMAP has answered gives the page back to its owner: from
/// then on no device may reach it. Then it takes a page that was given back half a ring ago and maps it.
/// </summary>
/// <param name="rate">Maps and unmaps per second; 0 for as many as there can be.</param>
internal sealed class ChurnLoop(IUapi uapi, RequestIds requests, DmaBed bed, ChurnRing ring, double rate)
{
    private readonly int _half = ring.Pages / 2;
    private readonly List<long> _latencies = [];
    private long _start;
    private long _operations;

    public long Operations => Volatile.Read(ref _operations);

    /// <summary>Maps the first half; not part of what is measured. Goes before the runs.</summary>
    public async Task<Reply> Fill(CancellationToken cancellation)
    {
        Reply reply = Reply.Ok;
        for (long turn = 0; turn < _half && reply.Succeeded; turn++)
        {
            cancellation.ThrowIfCancellationRequested();
            reply = await Map(PageOf(turn));
        }

        return reply;
    }

    /// <summary>Goes on until it is cancelled, or refused.</summary>
    public async Task<ChurnReport> Run(CancellationToken cancellation)
    {
        (_start, _operations) = (Stopwatch.GetTimestamp(), 0);
        Reply reply = Reply.Ok;
        for (long turn = _half; reply.Succeeded; turn++)
        {
            await UntilDue(cancellation);
            if (cancellation.IsCancellationRequested)
            {
                break;
            }

            reply = await Unmap(PageOf(turn - _half));
            if (reply.Succeeded)
            {
                reply = await Map(PageOf(turn));
            }
        }

        return new ChurnReport(Operations, Stopwatch.GetElapsedTime(_start), Latencies.Of(_latencies), reply.Errno);
    }

    private ulong PageOf(long turn) => (ulong)(turn % ring.Pages) * ring.PageSize;

    private async Task<Reply> Map(ulong page)
    {
        Reply taken = await Call(new FreePages(bed.Memory, ring.Offset + page, ring.PageSize, Free: false));
        return !taken.Succeeded ? taken : Count(await Call(new IoasidMapDma(
            bed.Fd, bed.Ioasid, ring.Iova + page, ring.PageSize, new UserAddress(bed.Memory, ring.Offset + page), DmaAccess.ReadWrite)));
    }

    private async Task<Reply> Unmap(ulong page)
    {
        long asked = Stopwatch.GetTimestamp();
        Reply unmapped = await Call(new IoasidUnmapDma(bed.Fd, bed.Ioasid, ring.Iova + page, ring.PageSize, All: false));
        if (!Count(unmapped).Succeeded)
        {
            return unmapped;
        }

        _latencies.Add(Stopwatch.GetTimestamp() - asked);
        return await Call(new FreePages(bed.Memory, ring.Offset + page, ring.PageSize, Free: true));
    }

    private Reply Count(Reply reply)
    {
        Volatile.Write(ref _operations, _operations + (reply.Succeeded ? 1 : 0));
        return reply;
    }

    /// <summary>Behind its time it does not wait.</summary>
    private async ValueTask UntilDue(CancellationToken cancellation)
    {
        double due = rate == 0 ? 0 : (_operations / rate) - Stopwatch.GetElapsedTime(_start).TotalSeconds;
        if (due > 0.001)
        {
            await Task.Delay(TimeSpan.FromSeconds(due), cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private ValueTask<Reply> Call(UapiCommand command) => uapi.Call(command with { Request = requests.Next() });
}
