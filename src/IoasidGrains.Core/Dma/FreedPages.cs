// Which pages of a memory its owner has freed; the GuestMemory object writes it, runs of workloads on its silo read it beside.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>A bit per page of 4 KiB, in pieces of 1 GiB (32 KiB of bits) that appear when something in them is freed.</summary>
public sealed class FreedPages
{
    private const int WordsPerPiece = 4096, PieceShift = 30;
    private volatile ulong[]?[] _pieces = [];

    /// <summary>True as soon as any page was ever freed.</summary>
    public bool Any { get; private set; }

    /// <summary>Reads one bit; any thread.</summary>
    public bool IsFreed(ulong offset)
    {
        ulong[]?[] pieces = _pieces;
        ulong piece = offset >> PieceShift;
        return piece < (ulong)pieces.Length && Volatile.Read(ref pieces[piece]) is { } bits
            && (Volatile.Read(ref bits[(offset >> 18) & (WordsPerPiece - 1)]) >> (int)((offset >> 12) & 63) & 1) != 0;
    }

    /// <summary>Whole pages; one writer.</summary>
    public void Set(ulong offset, ulong length, bool freed)
    {
        for (ulong page = offset / Quantity.PageSize, end = page + (length / Quantity.PageSize); page < end;)
        {
            int first = (int)(page & 63);
            int count = (int)Math.Min((ulong)(64 - first), end - page);
            ulong mask = (count == 64 ? ulong.MaxValue : (1UL << count) - 1) << first;
            if (PieceAt(page >> (PieceShift - 12), freed) is { } bits)
            {
                ref ulong word = ref bits[(page >> 6) & (WordsPerPiece - 1)];
                Interlocked.Exchange(ref word, freed ? word | mask : word & ~mask);
            }

            page += (ulong)count;
        }

        Any |= freed;
    }

    private ulong[]? PieceAt(ulong index, bool create)
    {
        ulong[]?[] pieces = _pieces;
        if (index >= (ulong)pieces.Length)
        {
            if (!create)
            {
                return null;
            }

            Array.Resize(ref pieces, (int)Math.Max(index + 1, 2 * (ulong)pieces.Length));
            _pieces = pieces;
        }

        return pieces[index] ?? (create ? pieces[index] = new ulong[WordsPerPiece] : null);
    }
}
