// Which bytes are wrong because a wbinvd was ignored: a reference model beside the objects, fed with what happens to them. Used by explore and compare.
using System.Buffers;
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>What a read came to.</summary>
/// <param name="Next">The oracle after it.</param>
/// <param name="Bytes">What is read with the wbinvds that were executed.</param>
/// <param name="WrongBytes">How many of them are wrong.</param>
public readonly record struct OracleRead(CoherencyOracle Next, byte[] Bytes, int WrongBytes);

/// <summary>
/// The memory of one VM as an immutable value. For each attached device it keeps a ghost: a copy of the memory and its cached lines as they were when the
/// device was attached, that goes on as the real ones do, except that every wbinvd is executed. A device reads a wrong byte if it differs from what its ghost
/// holds and from what was written last (and, if another device wrote it, from what that one's ghost holds); a CPU does if the byte was last written by an attached device, and differs from what that device's ghost would give it
/// and from what was written last. So only a wbinvd that was ignored makes bytes wrong, never what the guest itself left out. Equal for equal states,
/// whichever history led there; the hash is computed once.
/// </summary>
public sealed class CoherencyOracle : IEquatable<CoherencyOracle>
{
    /// <summary>Bytes of a line.</summary>
    public const int LineSize = 64;

    public static readonly CoherencyOracle Empty = new(OracleMemory.Empty, OracleMemory.Empty, []);

    /// <summary>Attached devices, in the order of their ids.</summary>
    private readonly Ghost[] _ghosts;
    private readonly OracleMemory _real;

    /// <summary>What was written last, by whomever; as memory that no cache is in front of.</summary>
    private readonly OracleMemory _latest;
    private readonly int _hash;

    private readonly record struct Ghost(DeviceId Device, OracleMemory Memory);

    private CoherencyOracle(OracleMemory real, OracleMemory latest, Ghost[] ghosts)
    {
        (_real, _latest, _ghosts) = (real, latest, ghosts);
        var hash = new HashCode();
        hash.Add(real);
        hash.Add(latest);
        foreach (Ghost ghost in ghosts)
        {
            hash.Add(ghost);
        }

        _hash = hash.ToHashCode();
    }

    /// <summary>The devices that have a ghost, in the order of their ids.</summary>
    public IEnumerable<DeviceId> Attached => _ghosts.Select(ghost => ghost.Device);

    /// <summary>The device is attached, and its fd or file is registered with the VM. Attached already, it stays as it is.</summary>
    public CoherencyOracle Attach(DeviceId device) => Array.Exists(_ghosts, ghost => ghost.Device == device)
        ? this
        : new(_real, _latest, [.. _ghosts.Append(new Ghost(device, _real)).OrderBy(ghost => ghost.Device)]);

    /// <summary>The device is not attached any more, or nothing of it is registered with the VM: nobody owes it anything.</summary>
    public CoherencyOracle Detach(DeviceId device)
    {
        Ghost[] leaving = Array.FindAll(_ghosts, ghost => ghost.Device == device);
        return leaving.Length == 0 ? this
            : new(_real, _latest.Marked(leaving[0].Memory), Array.FindAll(_ghosts, ghost => ghost.Device != device));
    }

    /// <summary>A CPU writes.</summary>
    public CoherencyOracle CpuWrite(ulong offset, ReadOnlySpan<byte> bytes)
    {
        CoherencyOracle next = this;
        for (int done = 0; done < bytes.Length;)
        {
            Piece piece = Piece.At(offset, bytes.Length, done);
            byte[] part = bytes.Slice(done, piece.Length).ToArray();
            next = next.OnLine(piece.Line, (line, _) => line with
            {
                Line = line.Line.AfterCpuWrite(piece.Start, part), OwnBytes = line.OwnBytes & ~piece.Mask,
            }).Written(piece, part);
            done += piece.Length;
        }

        return next;
    }

    /// <summary>A CPU reads; the lines are in its cache afterwards.</summary>
    public OracleRead CpuRead(ulong offset, int length)
    {
        CoherencyOracle next = this;
        (byte[] bytes, int wrong) = (new byte[length], 0);
        for (int done = 0; done < length;)
        {
            Piece piece = Piece.At(offset, length, done);
            _real[piece.Line].Line.Coherent.Slice(piece.Start, piece.Length).CopyTo(bytes.AsSpan(done));
            wrong += WrongForCpu(piece);
            next = next.OnLine(piece.Line, (line, _) => line with { Line = line.Line.AfterCpuRead() });
            done += piece.Length;
        }

        return new OracleRead(next, bytes, wrong);
    }

    /// <summary>The guest executes wbinvd on every CPU that matters, and KVM executes or ignores it.</summary>
    public CoherencyOracle Wbinvd(bool executed) =>
        new(executed ? Flushed(_real) : _real, _latest, Array.ConvertAll(_ghosts, ghost => ghost with { Memory = Flushed(ghost.Memory) }));

    /// <summary>The host writes all caches back, which the guest did not ask for: real lines and ghosts alike.</summary>
    public CoherencyOracle Flush() => Wbinvd(executed: true);

    /// <summary>A device writes.</summary>
    public CoherencyOracle DmaWrite(DeviceId device, ulong offset, ReadOnlySpan<byte> bytes, bool snooped)
    {
        CoherencyOracle next = this;
        for (int done = 0; done < bytes.Length;)
        {
            Piece piece = Piece.At(offset, bytes.Length, done);
            byte[] part = bytes.Slice(done, piece.Length).ToArray();
            next = next.OnLine(piece.Line, (line, owner) => line with
            {
                Line = snooped ? line.Line.AfterSnoopedWrite(piece.Start, part) : line.Line.AfterUnsnoopedWrite(piece.Start, part),
                OwnBytes = owner == device ? line.OwnBytes | piece.Mask : line.OwnBytes & ~piece.Mask,
            }).Written(piece, part);
            done += piece.Length;
        }

        return next;
    }

    /// <summary>A device reads; nothing changes. Nothing is wrong for one that is not attached.</summary>
    public OracleRead DmaRead(DeviceId device, ulong offset, int length, bool snooped)
    {
        int index = Array.FindIndex(_ghosts, ghost => ghost.Device == device);
        (byte[] bytes, int wrong) = (new byte[length], 0);
        for (int done = 0; done < length;)
        {
            Piece piece = Piece.At(offset, length, done);
            ReadOnlySpan<byte> real = Seen(_real[piece.Line].Line, snooped);
            real.Slice(piece.Start, piece.Length).CopyTo(bytes.AsSpan(done));
            wrong += index < 0 ? 0 : WrongForDevice(index, piece, real, snooped);
            done += piece.Length;
        }

        return new OracleRead(this, bytes, wrong);
    }

    /// <summary>The smallest byte that stands nowhere in this line, real or ghost: writing it keeps states few.</summary>
    public byte UnusedValue(ulong offset)
    {
        Span<bool> used = stackalloc bool[256];
        ulong number = offset / LineSize;
        Note(_real[number].Line, used);
        Note(_latest[number].Line, used);
        foreach (Ghost ghost in _ghosts)
        {
            Note(ghost.Memory[number].Line, used);
        }

        return (byte)Math.Max(0, used.IndexOf(false));
    }

    /// <summary>One byte of what was written last; its own, if by a device that is attached no more.</summary>
    internal OracleByte LatestAt(ulong offset) => _latest.ByteAt(offset);

    /// <summary>One byte of the real memory, and of the cache in front of it.</summary>
    internal OracleByte RealAt(ulong offset) => _real.ByteAt(offset);

    /// <summary>The same of a device's ghost; false if it has none.</summary>
    internal bool TryGhostAt(DeviceId device, ulong offset, out OracleByte found)
    {
        foreach (Ghost ghost in _ghosts)
        {
            if (ghost.Device == device)
            {
                found = ghost.Memory.ByteAt(offset);
                return true;
            }
        }

        found = default;
        return false;
    }

    /// <summary>The same state with the devices called otherwise; for one key of states that differ by names only.</summary>
    public CoherencyOracle Renamed(Func<DeviceId, DeviceId> name) =>
        new(_real, _latest, [.. _ghosts.Select(ghost => ghost with { Device = name(ghost.Device) }).OrderBy(ghost => ghost.Device)]);

    public bool Equals(CoherencyOracle? other) => ReferenceEquals(this, other) || (other is not null && _hash == other._hash
        && _real.Equals(other._real) && _latest.Equals(other._latest) && _ghosts.AsSpan().SequenceEqual(other._ghosts));

    public override bool Equals(object? other) => Equals(other as CoherencyOracle);

    public override int GetHashCode() => _hash;

    /// <summary>Appends the whole state in canonical form: equal bytes for equal states, devices in the order of their ids and without their names.</summary>
    public void WriteTo(IBufferWriter<byte> key)
    {
        _real.WriteTo(key);
        _latest.WriteTo(key);
        foreach (Ghost ghost in _ghosts)
        {
            ghost.Memory.WriteTo(key);
        }
    }

    /// <summary>Changes one line of the real memory (whose owner is nobody) and of every ghost; what is equal is changed once.</summary>
    private CoherencyOracle OnLine(ulong number, Func<NumberedLine, DeviceId?, NumberedLine> change)
    {
        OracleMemory real = _real.With(change(_real[number], null) with { OwnBytes = 0 });
        var ghosts = new Ghost[_ghosts.Length];
        for (int i = 0; i < ghosts.Length; i++)
        {
            NumberedLine line = change(_ghosts[i].Memory[number], _ghosts[i].Device);
            OracleLine same = real[number].Line;
            ghosts[i] = _ghosts[i] with { Memory = _ghosts[i].Memory.With(line.Line.Equals(same) ? line with { Line = same } : line) };
        }

        return new CoherencyOracle(real, _latest, ghosts);
    }

    private CoherencyOracle Written(Piece piece, byte[] bytes) =>
        new(_real, _latest.With(new NumberedLine(
            piece.Line, _latest[piece.Line].Line.AfterSnoopedWrite(piece.Start, bytes), _latest[piece.Line].OwnBytes & ~piece.Mask)), _ghosts);

    private static OracleMemory Flushed(OracleMemory memory) => memory.Select(line => line with { Line = line.Line.AfterFlush() });

    private static ReadOnlySpan<byte> Seen(OracleLine line, bool snooped) => snooped ? line.Coherent : line.Memory;

    /// <summary>
    /// What another device has written must also differ from what that one's ghost would give: what was left out before it was attached is nothing that its writes can be
    /// owed. Of what a device has written that is attached no more nothing is owed at all.
    /// </summary>
    private int WrongForDevice(int reader, Piece piece, ReadOnlySpan<byte> real, bool snooped)
    {
        ReadOnlySpan<byte> own = Seen(_ghosts[reader].Memory[piece.Line].Line, snooped);
        ulong others = _latest[piece.Line].OwnBytes;
        int wrong = 0;
        for (int other = 0; other < _ghosts.Length; other++)
        {
            NumberedLine line = _ghosts[other].Memory[piece.Line];
            if (other != reader && (piece.Mask & line.OwnBytes) is not 0 and var written)
            {
                others |= written;
                wrong += WrongIn(piece, written, real, own, Seen(line.Line, snooped));
            }
        }

        return wrong + WrongIn(piece, piece.Mask & ~others, real, own, own);
    }

    private int WrongForCpu(Piece piece)
    {
        int wrong = 0;
        foreach (Ghost ghost in _ghosts)
        {
            NumberedLine line = ghost.Memory[piece.Line];
            wrong += WrongIn(piece, piece.Mask & line.OwnBytes, _real[piece.Line].Line.Coherent, line.Line.Coherent, line.Line.Coherent);
        }

        return wrong;
    }

    private int WrongIn(Piece piece, ulong mask, ReadOnlySpan<byte> real, ReadOnlySpan<byte> ghost, ReadOnlySpan<byte> writers)
    {
        ReadOnlySpan<byte> latest = _latest[piece.Line].Line.Memory;
        int wrong = 0;
        for (int i = piece.Start; i < piece.Start + piece.Length; i++)
        {
            wrong += (mask >> i & 1) != 0 && real[i] != ghost[i] && real[i] != writers[i] && real[i] != latest[i] ? 1 : 0;
        }

        return wrong;
    }

    private static void Note(OracleLine line, Span<bool> used)
    {
        foreach (byte value in line.Memory)
        {
            used[value] = true;
        }

        foreach (byte value in line.Cache)
        {
            used[value] = true;
        }
    }

    /// <summary>The part of an access that lies in one line.</summary>
    private readonly record struct Piece(ulong Line, int Start, int Length)
    {
        public ulong Mask => (Length == LineSize ? ulong.MaxValue : (1UL << Length) - 1) << Start;

        public static Piece At(ulong offset, int length, int done)
        {
            ulong address = offset + (ulong)done;
            int start = (int)(address % LineSize);
            return new Piece(address / LineSize, start, Math.Min(length - done, LineSize - start));
        }
    }
}
