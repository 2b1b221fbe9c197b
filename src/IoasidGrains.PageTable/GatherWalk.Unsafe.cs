// The walk of a batch in vectors, eight addresses at a time; DensePageTable's batches run through it where the processor has them.
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
/// <remarks>
/// Four loads and inserts gather better than the instruction for it: measured on Zen 3 at 0.65 against 0.73 of C's scalar walk over 1 GiB.
/// </remarks>
internal static unsafe class GatherWalk
{
    /// <summary>With more leaf tables than this (1 MiB of them) lines come from far away: ask for many before using the first.</summary>
    public const int StageFromTables = 256;

    private const int Group = 8;
    private const int Stage = 64;

    /// <summary>128 MiB: 256 KiB of leaf tables, half of a second-level cache.</summary>
    private const int NearShift = 27;

    private const ulong SlotOffsetMask = (ulong)(Geometry.SlotsPerBlock - 1) << 3;

    public static bool IsSupported => Vector256.IsHardwareAccelerated;

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
            ulong* leaves = stackalloc ulong[Stage];
            for (; staged && i <= iovas.Length - Stage; i += Stage)
            {
                if (!AreNear(from + i) && walk.FetchLeaves(from + i, leaves))
                {
                    for (int k = 0; k < Stage; k += Group)
                    {
                        faults += walk.ReadLeaves(from + i + k, to + i + k, Vector256.Load(leaves + k), Vector256.Load(leaves + k + 4));
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

    /// <summary>A stream, or a set of pages that is near enough together for its leaf entries to be in the cache: asking for them would only take time.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool AreNear(ulong* from)
    {
        if ((from[0] ^ from[Stage - 1]) >> NearShift != 0)
        {
            return false;
        }

        Vector256<ulong> one = Vector256.Create(from[0]), apart = Vector256<ulong>.Zero;
        for (int i = 0; i < Stage; i += Vector256<ulong>.Count)
        {
            apart |= Vector256.Load(from + i) ^ one;
        }

        return apart >> NearShift == Vector256<ulong>.Zero;
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

    /// <summary>The batch's constants, and the block of the last address that was looked up alone.</summary>
    private struct Walk
    {
        private readonly byte* _start;
        private readonly ulong* _directory;
        private readonly int _width;
        private readonly Vector256<ulong> _tested, _wanted;
        private ulong _block, _blockOffset;

        public Walk(in BatchWalk batch)
        {
            _start = batch.Memory.Start;
            _width = batch.Width;

            // SAFETY: native memory does not move: the directory, or chunk 0; checked by Block like every span.
            _directory = (ulong*)Unsafe.AsPointer(ref batch.Memory.Block(batch.Directory)[0]);
            (_tested, _wanted) = (Vector256.Create(batch.Tested), Vector256.Create(batch.Wanted));
            (_block, _blockOffset) = (0, _directory[0] & IoPte.AddressMask);
        }

        /// <summary>Eight words; or -1, and nothing written, if page sizes are mixed.</summary>
        /// <returns>How many faulted.</returns>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public int Translate(ulong* from, ulong* to)
        {
            Vector256<ulong> first = Vector256.Load(from), second = Vector256.Load(from + 4), one = Vector256.Create(*from);
            if (((first ^ one) | (second ^ one)) >> Geometry.SlotShift == Vector256<ulong>.Zero)
            {
                return TranslateOneSlot(*from, first, second, to);
            }

            Slots(first, second, out Vector256<ulong> low, out Vector256<ulong> high);
            uint large = LargeLanes(low, high);
            return large == 0 ? ReadLeaves(from, to, LeafOffset(low, first), LeafOffset(high, second))
                : large == 0xFF ? ReadLarge(first, second, to, low, high)
                : -1;
        }

        /// <summary>Where the leaf entries of 64 addresses are, and those on the way to the cache; false if not all slots are pointers to leaf tables.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly bool FetchLeaves(ulong* from, ulong* leaves)
        {
            for (int i = 0; i < Stage; i += Group)
            {
                Vector256<ulong> first = Vector256.Load(from + i), second = Vector256.Load(from + i + 4);
                Slots(first, second, out Vector256<ulong> low, out Vector256<ulong> high);
                if (LargeLanes(low, high) != 0)
                {
                    return false;
                }

                // SAFETY: leaves has Stage entries. A prefetch of any address is harmless.
                LeafOffset(low, first).Store(leaves + i);
                LeafOffset(high, second).Store(leaves + i + 4);
                for (int k = i; k < i + Group; k++)
                {
                    Sse.Prefetch0(_start + leaves[k]);
                }
            }

            return true;
        }

        /// <summary>The words of eight addresses from where their leaf entries are; those of a hole are in chunk 0.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly int ReadLeaves(ulong* from, ulong* to, Vector256<ulong> low, Vector256<ulong> high)
        {
            Vector256<ulong> inPage = Vector256.Create(Quantity.PageSize - 1);
            return Words(to, Gather(_start, low), Vector256.Load(from) & inPage, _tested)
                + Words(to + 4, Gather(_start, high), Vector256.Load(from + 4) & inPage, _tested);
        }

        /// <summary>Eight addresses in one slot; if they are of pages that follow each other, as buffers do, so are their entries.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private int TranslateOneSlot(ulong iova, Vector256<ulong> first, Vector256<ulong> second, ulong* to)
        {
            if (iova >> Geometry.BlockShift != _block)
            {
                SelectBlock(iova);
            }

            // SAFETY: as in Gather. Eight pages that follow each other in one slot have their entries in one table.
            ulong slot = *(ulong*)(_start + _blockOffset + ((iova >> (Geometry.SlotShift - 3)) & SlotOffsetMask));
            Vector256<ulong> slots = Vector256.Create(slot);
            if ((slot & IoPte.LargePageBit) != 0)
            {
                return ReadLarge(first, second, to, slots, slots);
            }

            Vector256<ulong> inPage = Vector256.Create(Quantity.PageSize - 1);
            Vector256<ulong> run = Vector256.Create(iova >> 12) + Vector256.Create(0UL, 1, 2, 3);
            if ((((first >> 12) ^ run) | ((second >> 12) ^ (run + Vector256.Create(4UL)))) == Vector256<ulong>.Zero)
            {
                ulong* entries = (ulong*)(_start + (slot & IoPte.AddressMask)) + Geometry.Entry(iova);
                return Words(to, Vector256.Load(entries), first & inPage, _tested)
                    + Words(to + 4, Vector256.Load(entries + 4), second & inPage, _tested);
            }

            return Words(to, Gather(_start, LeafOffset(slots, first)), first & inPage, _tested)
                + Words(to + 4, Gather(_start, LeafOffset(slots, second)), second & inPage, _tested);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private readonly int ReadLarge(Vector256<ulong> first, Vector256<ulong> second, ulong* to, Vector256<ulong> low, Vector256<ulong> high)
        {
            Vector256<ulong> inPage = Vector256.Create(Geometry.SlotBytes - 1);
            Vector256<ulong> tested = _tested | Vector256.Create(BatchWalk.LargeReservedBits);
            return Words(to, low, first & inPage, tested) + Words(to + 4, high, second & inPage, tested);
        }

        /// <summary>The entries of eight slots.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private readonly void Slots(Vector256<ulong> first, Vector256<ulong> second, out Vector256<ulong> low, out Vector256<ulong> high)
        {
            Vector256<ulong> block = Vector256.Create(_block);
            Vector256<ulong> lowBlocks = Vector256.Create(_blockOffset), highBlocks = lowBlocks;
            if ((((first >> Geometry.BlockShift) ^ block) | ((second >> Geometry.BlockShift) ^ block)) != Vector256<ulong>.Zero)
            {
                (lowBlocks, highBlocks) = (BlockOffsets(first), BlockOffsets(second));
            }

            low = Gather(_start, lowBlocks + SlotOffset(first));
            high = Gather(_start, highBlocks + SlotOffset(second));
        }

        /// <summary>Beyond the width it is chunk 0.</summary>
        [MethodImpl(MethodImplOptions.NoInlining)]
        private readonly Vector256<ulong> BlockOffsets(Vector256<ulong> iovas)
        {
            Vector256<ulong> inside = Vector256.Equals(Vector256.ShiftRightLogical(iovas, _width), Vector256<ulong>.Zero);

            // SAFETY: no address is beyond the width, so its block is in the directory, which has an entry for every block of the width.
            return Gather((byte*)_directory, ((iovas & inside) >> Geometry.BlockShift) << 3) & inside & Vector256.Create(IoPte.AddressMask);
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        private void SelectBlock(ulong iova)
        {
            _block = iova >> Geometry.BlockShift;

            // SAFETY: as in BlockOffsets.
            _blockOffset = iova >> _width == 0 ? _directory[_block] & IoPte.AddressMask : 0;
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
        private static Vector256<ulong> Gather(byte* start, Vector256<ulong> offsets) => Vector256.Create(
            *(ulong*)(start + offsets[0]), *(ulong*)(start + offsets[1]), *(ulong*)(start + offsets[2]), *(ulong*)(start + offsets[3]));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Vector256<ulong> SlotOffset(Vector256<ulong> iovas) => (iovas >> (Geometry.SlotShift - 3)) & Vector256.Create(SlotOffsetMask);

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
