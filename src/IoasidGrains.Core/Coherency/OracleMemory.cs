// A memory in lines as the oracle sees it: the real one, or a device's ghost. An immutable value. Used by CoherencyOracle.
using System.Buffers;
using System.Buffers.Binary;

namespace IoasidGrains.Core;

/// <summary>One line, its number, and which of its bytes were last written by the ghost's device; in what was written last, by a device that is attached no more; never set in the real memory.</summary>
internal readonly record struct NumberedLine(ulong Number, OracleLine Line, ulong OwnBytes);

/// <summary>One byte of a line, for a search that writes no others.</summary>
/// <param name="Cached">What the cache holds; as memory if it does not have the line.</param>
/// <param name="IsOwn">Last written by the ghost's device.</param>
internal readonly record struct OracleByte(byte Memory, byte Cached, bool IsCached, bool IsDirty, bool IsOwn);

/// <summary>Lines in order of their numbers; a line that is not there is zero and in no cache.</summary>
internal sealed class OracleMemory : IEquatable<OracleMemory>
{
    public static readonly OracleMemory Empty = new([]);

    private readonly NumberedLine[] _lines;
    private readonly int _hash;

    private OracleMemory(NumberedLine[] lines)
    {
        _lines = lines;
        var hash = new HashCode();
        foreach (NumberedLine line in lines)
        {
            hash.Add(line);
        }

        _hash = hash.ToHashCode();
    }

    public ReadOnlySpan<NumberedLine> Lines => _lines;

    public NumberedLine this[ulong number]
    {
        get
        {
            int index = IndexOf(number);
            return index < 0 ? new NumberedLine(number, OracleLine.Zero, 0) : _lines[index];
        }
    }

    public OracleByte ByteAt(ulong offset)
    {
        (int index, int at) = (IndexOf(offset / CoherencyOracle.LineSize), (int)(offset % CoherencyOracle.LineSize));
        if (index < 0)
        {
            return default;
        }

        (OracleLine line, ulong own) = (_lines[index].Line, _lines[index].OwnBytes);
        return new OracleByte(line.Memory[at], line.Coherent[at], !line.Cache.IsEmpty, line.IsDirty, (own >> at & 1) != 0);
    }

    /// <summary>With this line in place of the one of its number.</summary>
    public OracleMemory With(NumberedLine line)
    {
        int index = IndexOf(line.Number);
        bool isNothing = line.OwnBytes == 0 && line.Line.Equals(OracleLine.Zero);
        if (index >= 0 ? _lines[index] == line : isNothing)
        {
            return this;
        }

        List<NumberedLine> lines = [.. _lines];
        if (index < 0)
        {
            lines.Insert(~index, line);
        }
        else if (isNothing)
        {
            lines.RemoveAt(index);
        }
        else
        {
            lines[index] = line;
        }

        return new OracleMemory([.. lines]);
    }

    /// <summary>With every line changed.</summary>
    public OracleMemory Select(Func<NumberedLine, NumberedLine> change) =>
        new([.. _lines.Select(change).Where(line => line.OwnBytes != 0 || !line.Line.Equals(OracleLine.Zero))]);

    /// <summary>With the marks of another memory's bytes added.</summary>
    public OracleMemory Marked(OracleMemory by)
    {
        OracleMemory next = this;
        foreach (NumberedLine line in by._lines)
        {
            next = line.OwnBytes == 0 ? next : next.With(next[line.Number] with { OwnBytes = next[line.Number].OwnBytes | line.OwnBytes });
        }

        return next;
    }

    /// <summary>Appends all lines, their number first.</summary>
    public void WriteTo(IBufferWriter<byte> key)
    {
        BinaryPrimitives.WriteInt32LittleEndian(key.GetSpan(sizeof(int)), _lines.Length);
        key.Advance(sizeof(int));
        foreach (NumberedLine line in _lines)
        {
            Span<byte> head = key.GetSpan(17);
            BinaryPrimitives.WriteUInt64LittleEndian(head, line.Number);
            BinaryPrimitives.WriteUInt64LittleEndian(head[8..], line.OwnBytes);
            head[16] = (byte)((line.Line.IsDirty ? 2 : 0) | (line.Line.Cache.IsEmpty ? 0 : 1));
            key.Advance(17);
            key.Write(line.Line.Memory);
            key.Write(line.Line.Cache);
        }
    }

    public bool Equals(OracleMemory? other) =>
        ReferenceEquals(this, other) || (other is not null && _hash == other._hash && _lines.AsSpan().SequenceEqual(other._lines));

    public override bool Equals(object? other) => Equals(other as OracleMemory);

    public override int GetHashCode() => _hash;

    private int IndexOf(ulong number)
    {
        (int low, int high) = (0, _lines.Length - 1);
        while (low <= high)
        {
            int middle = (low + high) / 2;
            if (_lines[middle].Number == number)
            {
                return middle;
            }

            (low, high) = _lines[middle].Number < number ? (middle + 1, high) : (low, middle - 1);
        }

        return ~low;
    }
}
