// What a run counts while it goes; written by its thread, read by reports at any time.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>Counts of one run. A report taken meanwhile is exact in every number and may be a burst apart between them.</summary>
internal sealed class DmaCounts
{
    private const int FaultCodes = (int)DmaFault.ReservedBits + 1;
    private readonly long[] _faults = new long[FaultCodes];
    private readonly ulong[] _firstFaults = new ulong[FaultCodes];
    private long _accesses, _translations, _bytes, _freed, _lookups, _missed, _fills;
    private ulong _firstFreed;

    public long Accesses => _accesses;

    /// <summary>A whole burst, as if none of it had faulted.</summary>
    public void Count(DmaBurst burst, ReadOnlySpan<int> lengths)
    {
        long bytes = 0;
        foreach (int length in lengths[..burst.Count])
        {
            bytes += length;
        }

        Volatile.Write(ref _accesses, _accesses + burst.Accesses);
        Volatile.Write(ref _translations, _translations + burst.Count);
        Volatile.Write(ref _bytes, _bytes + bytes);
    }

    /// <summary>One of the burst did fault.</summary>
    public void CountFault(DmaFault fault, ulong iova, int length)
    {
        _bytes -= length;
        if (_faults[(int)fault]++ == 0)
        {
            _firstFaults[(int)fault] = iova & ~(Quantity.PageSize - 1);
        }
    }

    public void CountFreed(int pages, ulong iova)
    {
        if (_freed == 0)
        {
            _firstFreed = iova;
        }

        Volatile.Write(ref _freed, _freed + pages);
    }

    public void CountLookups(int lookups, int missed)
    {
        _missed += missed;
        Volatile.Write(ref _lookups, _lookups + lookups);
    }

    public void CountFill() => Volatile.Write(ref _fills, _fills + 1);

    public DmaReport Report(long number, DmaRunState state, bool scalableMode, long nanoseconds)
    {
        List<DmaFaultCount> faults = [];
        for (int code = 0; code < FaultCodes; code++)
        {
            if (_faults[code] > 0)
            {
                faults.Add(new DmaFaultCount((DmaFault)code, ((DmaFault)code).Code(scalableMode), _faults[code], _firstFaults[code]));
            }
        }

        return new DmaReport(
            number, state, _accesses, _translations, _bytes, [.. faults], _freed, _firstFreed, _lookups, _lookups - _missed, _fills, nanoseconds);
    }
}
