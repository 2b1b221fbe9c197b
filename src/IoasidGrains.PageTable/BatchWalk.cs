// The walk of a batch on spans: what the gathering walk is compared with, and falls back to where pages of several sizes meet.
using System.Runtime.CompilerServices;
using IoasidGrains.Uapi;

namespace IoasidGrains.PageTable;

/// <summary>
/// What stays the same for all addresses of a batch. Relies on what Map writes: a pointer permits everything and has no reserved bits, so that
/// only the leaf is looked at; it need not find out which fault it was.
/// </summary>
internal readonly struct BatchWalk
{
    /// <summary>Address bits of a 2 MiB leaf that must be 0.</summary>
    public const ulong LargeReservedBits = Geometry.SlotBytes - Quantity.PageSize;

    /// <summary>From bit 11 of an entry to bit 63 of a word.</summary>
    public const int SnoopShift = 52;

    public readonly TableMemory Memory;
    public readonly ulong Directory;
    public readonly int Width;

    /// <summary>Bits of an entry that are looked at, and what they must be.</summary>
    public readonly ulong Tested, Wanted;

    public BatchWalk(TableMemory memory, ulong directory, int width, DmaAccess need, bool unitEnforcesSnoop)
    {
        (Memory, Directory, Width) = (memory, directory, width);
        Wanted = (ulong)need;
        Tested = Wanted | IoPte.TransientMappingBit | (unitEnforcesSnoop ? 0 : IoPte.SnoopBit);
    }

    /// <summary>One word per address.</summary>
    /// <returns>How many faulted.</returns>
    public int Translate(ReadOnlySpan<ulong> iovas, Span<ulong> words)
    {
        words = words[..iovas.Length];
        TableMemory memory = Memory;
        Span<ulong> directory = memory.Block(Directory);
        Span<ulong> block = memory.Block(directory[0]);
        int current = 0;
        int faults = 0;
        for (int i = 0; i < iovas.Length; i++)
        {
            ulong iova = iovas[i];
            if ((int)(iova >> Geometry.BlockShift) != current)
            {
                if (iova >> Width != 0)
                {
                    words[i] = TranslatedWord.Fault;
                    faults++;
                    continue;
                }

                current = Geometry.Block(iova);
                block = memory.Block(directory[current]);
            }

            ulong slot = block[Geometry.Slot(iova)];
            ulong word = (slot & IoPte.LargePageBit) != 0
                ? Word(slot, Tested | LargeReservedBits, (slot & IoPte.AddressMask) | (iova & (Geometry.SlotBytes - 1)))
                : WalkTable(memory.Table(slot)[Geometry.Entry(iova)], iova);
            words[i] = word;
            faults += word == TranslatedWord.Fault ? 1 : 0;
        }

        return faults;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong WalkTable(ulong entry, ulong iova) => Word(entry, Tested, (entry & IoPte.AddressMask) | (iova & (Quantity.PageSize - 1)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong Word(ulong entry, ulong tested, ulong physical) =>
        (entry & tested) == Wanted ? physical | ((entry & IoPte.SnoopBit) << SnoopShift) : TranslatedWord.Fault;
}
