// The walk of a batch with AVX2 gathers, eight addresses at a time; DensePageTable's batches run through it where the processor can.
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using IoasidGrains.Uapi;

namespace IoasidGrains.PageTable;

/// <summary>
/// Same words as <see cref="BatchWalk"/>, which also takes the groups of eight that mix page sizes. A hole needs no branch: it leads to chunk 0,
/// whose zeros permit nothing.
/// </summary>
internal static unsafe class GatherWalk
{
    /// <summary>With more leaf tables than this (4 MiB of them) lines come from memory: ask for many before using the first.</summary>
    public const int StageFromTables = 1024;

    private const int Group = 8;
    private const int Stage = 64;

    public static bool IsSupported => Avx2.IsSupported;

    /// <inheritdoc cref="BatchWalk.Translate"/>
    [SkipLocalsInit]
    public static int Translate(in BatchWalk batch, ReadOnlySpan<ulong> iovas, Span<ulong> words, bool staged)
    {
        var walk = new Walk(batch);
        int faults = 0;
        int i = 0;

        // SAFETY: i + Group (or Stage) never passes the length of the shorter span; both stay pinned for the whole loop.
        fixed (ulong* from = iovas, to = words[..iovas.Length])
        {
            ulong* tables = stackalloc ulong[Stage];
            for (; staged && i <= iovas.Length - Stage; i += Stage)
            {
                if (walk.FetchTables(from + i, tables))
                {
                    for (int k = 0; k < Stage; k += Group)
                    {
                        faults += walk.ReadTables(from + i + k, to + i + k, Vector256.Load(tables + k), Vector256.Load(tables + k + 4));
                    }
                }
                else
                {
                    faults += Groups(batch, ref walk, from + i, to + i, Stage);
                }
            }

            int grouped = (iovas.Length - i) & ~(Group - 1);
            faults += Groups(batch, ref walk, from + i, to + i, grouped);
            i += grouped;
        }

        return faults + batch.Translate(iovas[i..], words[i..]);
    }

    private static int Groups(in BatchWalk batch, ref Walk walk, ulong* from, ulong* to, int count)
    {
        int faults = 0;
        for (int i = 0; i < count; i += Group)
        {
            int found = walk.Translate(from + i, to + i);

            // SAFETY: the eight of this group, inside the caller's spans.
            faults += found >= 0 ? found : batch.Translate(new ReadOnlySpan<ulong>(from + i, Group), new Span<ulong>(to + i, Group));
        }

        return faults;
    }

    /// <summary>The batch's constants in vectors, and the block of the last group.</summary>
    private struct Walk
    {
        private readonly byte* _start;
        private readonly ulong* _directory;
        private readonly int _width;
        private readonly Vector256<ulong> _tested, _wanted;
        private Vector256<ulong> _block, _blockOffset;

        public Walk(in BatchWalk batch)
        {
            _start = batch.Memory.Start;
            _width = batch.Width;

            // SAFETY: native memory does not move: the directory, or chunk 0; checked by Block like every span.
            _directory = (ulong*)Unsafe.AsPointer(ref batch.Memory.Block(batch.Directory)[0]);
            (_tested, _wanted) = (Vector256.Create(batch.Tested), Vector256.Create(batch.Wanted));
            (_block, _blockOffset) = (Vector256<ulong>.Zero, Vector256.Create(_directory[0] & IoPte.AddressMask));
        }

        /// <summary>Eight words; or -1, and nothing written, if page sizes are mixed or an address is beyond the width.</summary>
        /// <returns>How many faulted.</returns>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public int Translate(ulong* from, ulong* to)
        {
            if (!TrySlots(from, out Vector256<ulong> low, out Vector256<ulong> high))
            {
                return -1;
            }

            uint large = LargeLanes(low, high);
            return large == 0 ? ReadTables(from, to, low, high)
                : large == 0xFF ? ReadLarge(from, to, low, high)
                : -1;
        }

        /// <summary>The slots of 64 addresses, and their leaf entries on the way to the cache; false if not all are pointers to leaf tables.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public bool FetchTables(ulong* from, ulong* tables)
        {
            for (int i = 0; i < Stage; i += Group)
            {
                if (!TrySlots(from + i, out Vector256<ulong> low, out Vector256<ulong> high) || LargeLanes(low, high) != 0)
                {
                    return false;
                }

                // SAFETY: tables has Stage entries. A prefetch of any address is harmless.
                low.Store(tables + i);
                high.Store(tables + i + 4);
                for (int k = i; k < i + Group; k++)
                {
                    Sse.Prefetch0(_start + (tables[k] & IoPte.AddressMask) + ((from[k] >> 9) & 0xFF8));
                }
            }

            return true;
        }

        /// <summary>The words of eight addresses whose slots are pointers to leaf tables, or holes.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public int ReadTables(ulong* from, ulong* to, Vector256<ulong> low, Vector256<ulong> high)
        {
            Vector256<ulong> first = Vector256.Load(from), second = Vector256.Load(from + 4);
            Vector256<ulong> inPage = Vector256.Create(Quantity.PageSize - 1);
            return Words(to, Gather(LeafOffset(low, first)), first & inPage, _tested)
                + Words(to + 4, Gather(LeafOffset(high, second)), second & inPage, _tested);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private readonly int ReadLarge(ulong* from, ulong* to, Vector256<ulong> low, Vector256<ulong> high)
        {
            Vector256<ulong> inPage = Vector256.Create(Geometry.SlotBytes - 1);
            Vector256<ulong> tested = _tested | Vector256.Create(BatchWalk.LargeReservedBits);
            return Words(to, low, Vector256.Load(from) & inPage, tested) + Words(to + 4, high, Vector256.Load(from + 4) & inPage, tested);
        }

        /// <summary>The entries of eight slots; false if an address is beyond the width.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private bool TrySlots(ulong* from, out Vector256<ulong> low, out Vector256<ulong> high)
        {
            Vector256<ulong> first = Vector256.Load(from), second = Vector256.Load(from + 4);
            Vector256<ulong> blocks = (first >> Geometry.BlockShift) ^ _block, more = (second >> Geometry.BlockShift) ^ _block;
            if ((blocks | more) != Vector256<ulong>.Zero)
            {
                return TryOtherBlocks(first, second, out low, out high);
            }

            low = Gather(_blockOffset + SlotOffset(first));
            high = Gather(_blockOffset + SlotOffset(second));
            return true;
        }

        /// <summary>Not all in the block of the last group: looks the blocks up.</summary>
        private bool TryOtherBlocks(Vector256<ulong> first, Vector256<ulong> second, out Vector256<ulong> low, out Vector256<ulong> high)
        {
            (low, high) = (default, default);
            if (Vector256.ShiftRightLogical(first | second, _width) != Vector256<ulong>.Zero)
            {
                return false;
            }

            Vector256<ulong> address = Vector256.Create(IoPte.AddressMask);

            // SAFETY: no address is beyond the width, so its block is in the directory, which has an entry for every block of the width.
            Vector256<ulong> lowBlocks = Avx2.GatherVector256(_directory, (first >> Geometry.BlockShift).AsInt64(), 8) & address;
            Vector256<ulong> highBlocks = Avx2.GatherVector256(_directory, (second >> Geometry.BlockShift).AsInt64(), 8) & address;
            low = Gather(lowBlocks + SlotOffset(first));
            high = Gather(highBlocks + SlotOffset(second));
            _block = Vector256.Create(second[3] >> Geometry.BlockShift);
            _blockOffset = Vector256.Create(highBlocks[3]);
            return true;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private readonly int Words(ulong* to, Vector256<ulong> entries, Vector256<ulong> inPage, Vector256<ulong> tested)
        {
            Vector256<ulong> granted = Vector256.Equals(entries & tested, _wanted);
            Vector256<ulong> physical = (entries & Vector256.Create(IoPte.AddressMask)) | inPage;
            Vector256<ulong> snoop = (entries & Vector256.Create(IoPte.SnoopBit)) << BatchWalk.SnoopShift;
            (physical | snoop | ~granted).Store(to);
            return 4 - BitOperations.PopCount(granted.ExtractMostSignificantBits());
        }

        // SAFETY: offsets of entries, made from pointers that Map wrote and from index bits that cannot leave a block or a table; 0 leads to chunk 0.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private readonly Vector256<ulong> Gather(Vector256<ulong> offsets) => Avx2.GatherVector256((ulong*)_start, offsets.AsInt64(), 1);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Vector256<ulong> SlotOffset(Vector256<ulong> iovas) =>
            (iovas >> (Geometry.SlotShift - 3)) & Vector256.Create((ulong)(Geometry.SlotsPerBlock - 1) << 3);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Vector256<ulong> LeafOffset(Vector256<ulong> tables, Vector256<ulong> iovas) =>
            (tables & Vector256.Create(IoPte.AddressMask)) + ((iovas >> 9) & Vector256.Create((ulong)(Geometry.Entries - 1) << 3));

        /// <summary>A bit per lane whose slot is a page of 2 MiB.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static uint LargeLanes(Vector256<ulong> low, Vector256<ulong> high)
        {
            const int ToTheTop = 63 - 7;
            return (low << ToTheTop).ExtractMostSignificantBits() | ((high << ToTheTop).ExtractMostSignificantBits() << 4);
        }
    }
}
