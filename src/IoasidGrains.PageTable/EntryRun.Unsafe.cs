// Loops over entries that readers may be looking at: every store is one aligned 8-byte store, or a vector of them; used by DensePageTable.
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace IoasidGrains.PageTable;

/// <summary>
/// Vector stores only where a vector is stored in whole 8-byte elements, which x64 processors do (performance 6.2, invariant 2); else scalar ones.
/// </summary>
internal static unsafe class EntryRun
{
    /// <summary>Entries of a step of the loops.</summary>
    private const int Step = 16;

    private const int Lanes = 4;

    /// <summary>Can stores go past the caches?</summary>
    public static bool CanStream => Avx2.IsSupported;

    /// <summary>Entries that rise by <paramref name="step"/> from the first.</summary>
    public static void Fill(Span<ulong> entries, ulong first, ulong step)
    {
        int i = 0;
        if (Avx2.IsSupported && entries.Length >= Step)
        {
            Vector256<ulong> value = Vector256.Create(first) + Vector256.Create(0, step, 2 * step, 3 * step);
            Vector256<ulong> one = Vector256.Create(Lanes * step), two = one + one, three = two + one, four = two + two;
            ref ulong to = ref MemoryMarshal.GetReference(entries);

            // SAFETY: i + Step never passes the end of the span.
            for (; i <= entries.Length - Step; i += Step)
            {
                value.StoreUnsafe(ref to, (nuint)i);
                (value + one).StoreUnsafe(ref to, (nuint)(i + Lanes));
                (value + two).StoreUnsafe(ref to, (nuint)(i + (2 * Lanes)));
                (value + three).StoreUnsafe(ref to, (nuint)(i + (3 * Lanes)));
                value += four;
            }
        }

        for (; i < entries.Length; i++)
        {
            Volatile.Write(ref entries[i], first + ((ulong)i * step));
        }
    }

    /// <summary>
    /// As Fill, of a whole table that is not reachable yet, past the caches: for more tables than those could hold. <see cref="EndStream"/> has to come
    /// before anything that leads there is stored. Only where <see cref="CanStream"/>.
    /// </summary>
    public static void Stream(Span<ulong> table, ulong first, ulong step)
    {
        Vector256<ulong> value = Vector256.Create(first) + Vector256.Create(0, step, 2 * step, 3 * step);
        Vector256<ulong> one = Vector256.Create(Lanes * step);

        // SAFETY: a table has a multiple of Lanes entries and is aligned to 4 KiB; the loop ends where the span does.
        fixed (ulong* to = table)
        {
            for (int i = 0; i <= table.Length - Lanes; i += Lanes, value += one)
            {
                Avx.StoreAlignedNonTemporal(to + i, value);
            }
        }
    }

    /// <summary>What was streamed is visible before what is stored next.</summary>
    public static void EndStream() => Sse.StoreFence();

    /// <summary>Makes all entries 0.</summary>
    /// <returns>How many were not.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Clear(Span<ulong> entries)
    {
        if (entries.Length != 1)
        {
            return ClearMany(entries);
        }

        bool set = entries[0] != 0;
        Volatile.Write(ref entries[0], 0);
        return set ? 1 : 0;
    }

    /// <summary>Is any entry not 0?</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool AnySet(ReadOnlySpan<ulong> entries) => entries.Length == 1 ? entries[0] != 0 : entries.ContainsAnyExcept(0UL);

    /// <summary>Do all entries have all of these bits?</summary>
    public static bool AllHave(ReadOnlySpan<ulong> entries, ulong bits)
    {
        int i = 0;
        ref ulong at = ref MemoryMarshal.GetReference(entries);
        Vector256<ulong> all = Vector256<ulong>.AllBitsSet, more = all;

        // SAFETY: i + 2 * Lanes never passes the end of the span.
        for (; i <= entries.Length - (2 * Lanes); i += 2 * Lanes)
        {
            all &= Vector256.LoadUnsafe(ref at, (nuint)i);
            more &= Vector256.LoadUnsafe(ref at, (nuint)(i + Lanes));
        }

        all &= more;
        ulong rest = all[0] & all[1] & all[2] & all[3];
        for (; i < entries.Length; i++)
        {
            rest &= entries[i];
        }

        return (rest & bits) == bits;
    }

    private static int ClearMany(Span<ulong> entries)
    {
        int i = 0;
        int cleared = 0;
        if (Avx2.IsSupported && entries.Length >= Step)
        {
            ref ulong at = ref MemoryMarshal.GetReference(entries);
            Vector256<ulong> zero = Vector256<ulong>.Zero, empty = zero, more = zero;

            // SAFETY: i + Step never passes the end of the span. An entry that is 0 counts as minus one.
            for (; i <= entries.Length - Step; i += Step)
            {
                empty += Vector256.Equals(Vector256.LoadUnsafe(ref at, (nuint)i), zero);
                more += Vector256.Equals(Vector256.LoadUnsafe(ref at, (nuint)(i + Lanes)), zero);
                empty += Vector256.Equals(Vector256.LoadUnsafe(ref at, (nuint)(i + (2 * Lanes))), zero);
                more += Vector256.Equals(Vector256.LoadUnsafe(ref at, (nuint)(i + (3 * Lanes))), zero);
                zero.StoreUnsafe(ref at, (nuint)i);
                zero.StoreUnsafe(ref at, (nuint)(i + Lanes));
                zero.StoreUnsafe(ref at, (nuint)(i + (2 * Lanes)));
                zero.StoreUnsafe(ref at, (nuint)(i + (3 * Lanes)));
            }

            cleared = i + (int)(long)Vector256.Sum(empty + more);
        }

        for (; i < entries.Length; i++)
        {
            cleared += entries[i] != 0 ? 1 : 0;
            Volatile.Write(ref entries[i], 0);
        }

        return cleared;
    }
}
