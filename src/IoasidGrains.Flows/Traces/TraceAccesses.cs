// The accesses of a trace file as they are read, each checked against the limits of a trace; used by TraceFile.
using IoasidGrains.Uapi;

namespace IoasidGrains.Flows;

/// <summary>Takes a line at a time.</summary>
internal sealed class TraceAccesses
{
    private const string ReadWord = "read";
    private const string WriteWord = "write";

    private readonly List<ulong> _iovas = [];
    private readonly List<int> _lengths = [];
    private readonly List<bool> _writes = [];
    private ulong _time;

    public int Count => _iovas.Count;

    /// <summary>Adds the access of a line that is not empty; null, or what is wrong with it.</summary>
    public FlowProblem? Read(ref TraceLine line)
    {
        if (Count == DmaTrace.MaxAccesses)
        {
            return line.Problem($"no more accesses: a trace has {DmaTrace.MaxAccesses} at most");
        }

        bool writes = line.Word is WriteWord;
        if (!writes && line.Word is not ReadWord)
        {
            return line.Problem("read or write", ReadWord, WriteWord);
        }

        line.Skip();
        if (!Quantity.TryParse(line.Word, out ulong iova))
        {
            return line.Problem("an IOVA such as 0x1000");
        }

        line.Skip();
        ulong most = Math.Min(DeviceDma.MaxLength - 1, ulong.MaxValue - iova) + 1;
        if (!Quantity.TryParse(line.Word, out ulong length) || length < 1 || length > most)
        {
            return line.Problem($"a length of 1 to {most} bytes");
        }

        line.Skip();
        return ReadTime(ref line) ?? Add(iova, (int)length, writes);
    }

    public DmaTrace ToTrace() => new([.. _iovas], [.. _lengths], [.. _writes]);

    private FlowProblem? ReadTime(ref TraceLine line)
    {
        if (line.AtEnd)
        {
            return null;
        }

        if (!Quantity.TryParse(line.Word, out ulong time) || time < _time)
        {
            return line.Problem($"nanoseconds, {_time} at least, or the end of the line");
        }

        _time = time;
        line.Skip();
        return line.AtEnd ? null : line.Problem("the end of the line");
    }

    private FlowProblem? Add(ulong iova, int length, bool writes)
    {
        _iovas.Add(iova);
        _lengths.Add(length);
        _writes.Add(writes);
        return null;
    }
}
