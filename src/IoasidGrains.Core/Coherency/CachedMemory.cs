// A memory with the caches of the CPUs in front of it; an immutable value. Used by the object GuestMemory.
using System.Collections.Immutable;
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>64 bytes of memory, and the copy that a CPU's cache holds of them.</summary>
/// <param name="Holder">The CPU whose cache holds the copy; null: no cache does. The caches are coherent among themselves, so one at most.</param>
/// <param name="Dirty">The copy is newer than memory as far as the CPU knows.</param>
/// <param name="Copy">Only while there is a holder.</param>
public sealed record MemoryLine(ImmutableArray<byte> Memory, CpuId? Holder, bool Dirty, ImmutableArray<byte> Copy)
{
    public ImmutableArray<byte> SeenByCpu => Holder is null ? Memory : Copy;

    /// <summary>Written back if it is dirty, and in no cache any more.</summary>
    public MemoryLine Flushed() => Holder is null ? this : new MemoryLine(Dirty ? Copy : Memory, null, false, default);
}

/// <summary>
/// The lines that were ever touched; the others are zero and in no cache. No timing, and nothing leaves a cache by itself. A CPU sees the copy; so does a
/// snooped access. An access that is not snooped goes past it: a read gets the bytes of memory, a write leaves the copy as it is.
/// </summary>
public sealed record CachedMemory(ImmutableSortedDictionary<ulong, MemoryLine> Lines)
{
    /// <summary>Bytes of a line.</summary>
    public const int LineSize = 64;

    public static readonly CachedMemory Empty = new(ImmutableSortedDictionary<ulong, MemoryLine>.Empty);

    private static readonly MemoryLine Untouched = new([.. new byte[LineSize]], null, false, default);

    /// <summary>Pages that were ever written.</summary>
    public int Pages => Lines.Where(line => line.Value.Dirty || line.Value.Memory != Untouched.Memory)
        .Select(line => line.Key / (Quantity.PageSize / LineSize)).Distinct().Count();

    /// <summary>A hit, or the line is filled from memory.</summary>
    public CachedMemory CpuRead(ulong offset, Span<byte> into, CpuId cpu)
    {
        var lines = Lines.ToBuilder();
        foreach (Piece piece in Pieces(offset, into.Length))
        {
            MemoryLine line = LineAt(piece.Line);
            line.SeenByCpu.AsSpan(piece.At, piece.Length).CopyTo(into[piece.From..]);
            lines[piece.Line] = line with { Holder = cpu, Copy = line.SeenByCpu };
        }

        return new CachedMemory(lines.ToImmutable());
    }

    /// <summary>The whole line is filled from memory if no cache has it, then written in the cache alone.</summary>
    public CachedMemory CpuWrite(ulong offset, ReadOnlySpan<byte> bytes, CpuId cpu)
    {
        var lines = Lines.ToBuilder();
        foreach (Piece piece in Pieces(offset, bytes.Length))
        {
            MemoryLine line = LineAt(piece.Line);
            lines[piece.Line] = line with { Holder = cpu, Dirty = true, Copy = Changed(line.SeenByCpu, piece, bytes) };
        }

        return new CachedMemory(lines.ToImmutable());
    }

    /// <summary>Changes nothing.</summary>
    public void DeviceRead(ulong offset, Span<byte> into, bool snooped)
    {
        foreach (Piece piece in Pieces(offset, into.Length))
        {
            MemoryLine line = LineAt(piece.Line);
            (snooped ? line.SeenByCpu : line.Memory).AsSpan(piece.At, piece.Length).CopyTo(into[piece.From..]);
        }
    }

    /// <summary>Snooped: a dirty copy is written back and dropped first, so that the rest of the line is not lost.</summary>
    public CachedMemory DeviceWrite(ulong offset, ReadOnlySpan<byte> bytes, bool snooped)
    {
        var lines = Lines.ToBuilder();
        foreach (Piece piece in Pieces(offset, bytes.Length))
        {
            MemoryLine line = snooped ? LineAt(piece.Line).Flushed() : LineAt(piece.Line);
            lines[piece.Line] = line with { Memory = Changed(line.Memory, piece, bytes) };
        }

        return new CachedMemory(lines.ToImmutable());
    }

    /// <summary>wbinvd on these CPUs: their dirty lines are written back, and all their lines dropped. Null: on all.</summary>
    /// <param name="written">Lines that were dirty.</param>
    public CachedMemory Flush(ImmutableSortedSet<CpuId>? cpus, out int written)
    {
        var lines = Lines.ToBuilder();
        written = 0;
        foreach ((ulong number, MemoryLine line) in Lines)
        {
            if (line.Holder is not { } holder || cpus?.Contains(holder) == false)
            {
                continue;
            }

            written += line.Dirty ? 1 : 0;
            MemoryLine flushed = line.Flushed();
            if (flushed.Memory == Untouched.Memory)
            {
                lines.Remove(number);
            }
            else
            {
                lines[number] = flushed;
            }
        }

        return new CachedMemory(lines.ToImmutable());
    }

    /// <summary>The CPUs whose caches hold something.</summary>
    public ImmutableSortedSet<CpuId> Holders => [.. Lines.Values.Where(line => line.Holder is not null).Select(line => line.Holder!.Value)];

    private MemoryLine LineAt(ulong number) => Lines.GetValueOrDefault(number, Untouched);

    private static ImmutableArray<byte> Changed(ImmutableArray<byte> line, Piece piece, ReadOnlySpan<byte> bytes)
    {
        byte[] changed = [.. line];
        bytes.Slice(piece.From, piece.Length).CopyTo(changed.AsSpan(piece.At));
        return ImmutableArray.Create(changed);
    }

    /// <summary>The part of an access that lies in one line: which line, where in it, and where in the access.</summary>
    private readonly record struct Piece(ulong Line, int At, int From, int Length);

    private static IEnumerable<Piece> Pieces(ulong offset, int length)
    {
        for (int done = 0; done < length;)
        {
            ulong address = offset + (ulong)done;
            int at = (int)(address % LineSize);
            int piece = Math.Min(length - done, LineSize - at);
            yield return new Piece(address / LineSize, at, done, piece);
            done += piece;
        }
    }
}
