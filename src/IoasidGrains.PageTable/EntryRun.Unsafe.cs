// Loops over entries that readers may be looking at: every store is one aligned 8-byte store, or a vector of them; used by DensePageTable.
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace IoasidGrains.PageTable;

/// <summary>
/// Vector stores only where a vector is stored in whole 8-byte elements, which x64 processors do (performance 6.2, invariant 2); else scalar ones.
/// </summary>
internal static unsafe class EntryRun
{
    /// <summary>Entries that rise by <paramref name="step"/> from the first.</summary>
    public static void Fill(Span<ulong> entries, ulong first, ulong step)
    {
        int i = 0;
        if (Avx2.IsSupported && entries.Length >= 16)
        {
            Vector256<ulong> value = Vector256.Create(first) + Vector256.Create(0, step, 2 * step, 3 * step);
            Vector256<ulong> one = Vector256.Create(4 * step), two = one + one, three = two + one, four = two + two;

            // SAFETY: i + 16 never passes the end of the span.
            fixed (ulong* to = entries)
            {
                for (; i <= entries.Length - 16; i += 16)
                {
                    value.Store(to + i);
                    (value + one).Store(to + i + 4);
                    (value + two).Store(to + i + 8);
                    (value + three).Store(to + i + 12);
                    value += four;
                }
            }
        }

        for (; i < entries.Length; i++)
        {
            Volatile.Write(ref entries[i], first + ((ulong)i * step));
        }
    }

    /// <summary>Makes all entries 0.</summary>
    /// <returns>How many were not.</returns>
    public static int Clear(Span<ulong> entries)
    {
        int i = 0;
        int cleared = 0;
        if (Avx2.IsSupported && entries.Length >= 4)
        {
            // SAFETY: i + 4 never passes the end of the span.
            fixed (ulong* at = entries)
            {
                for (; i <= entries.Length - 4; i += 4)
                {
                    uint empty = Vector256.Equals(Vector256.Load(at + i), Vector256<ulong>.Zero).ExtractMostSignificantBits();
                    Vector256<ulong>.Zero.Store(at + i);
                    cleared += 4 - BitOperations.PopCount(empty);
                }
            }
        }

        for (; i < entries.Length; i++)
        {
            cleared += entries[i] != 0 ? 1 : 0;
            Volatile.Write(ref entries[i], 0);
        }

        return cleared;
    }

    /// <summary>Is any entry not 0?</summary>
    public static bool AnySet(ReadOnlySpan<ulong> entries)
    {
        int i = 0;
        Vector256<ulong> any = Vector256<ulong>.Zero;

        // SAFETY: i + 4 never passes the end of the span.
        fixed (ulong* at = entries)
        {
            for (; i <= entries.Length - 4; i += 4)
            {
                any |= Vector256.Load(at + i);
            }
        }

        ulong rest = 0;
        for (; i < entries.Length; i++)
        {
            rest |= entries[i];
        }

        return rest != 0 || any != Vector256<ulong>.Zero;
    }

    /// <summary>Do all entries have all of these bits?</summary>
    public static bool AllHave(ReadOnlySpan<ulong> entries, ulong bits)
    {
        int i = 0;
        Vector256<ulong> all = Vector256<ulong>.AllBitsSet;

        // SAFETY: i + 4 never passes the end of the span.
        fixed (ulong* at = entries)
        {
            for (; i <= entries.Length - 4; i += 4)
            {
                all &= Vector256.Load(at + i);
            }
        }

        ulong rest = all[0] & all[1] & all[2] & all[3];
        for (; i < entries.Length; i++)
        {
            rest &= entries[i];
        }

        return (rest & bits) == bits;
    }
}
