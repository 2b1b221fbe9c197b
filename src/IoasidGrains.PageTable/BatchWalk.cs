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
        // Locals: the compiler must take it that writing a word may change a field.
        words = words[..iovas.Length];
        TableMemory memory = Memory;
        (ulong tested, ulong wanted) = (Tested, Wanted);
        Span<ulong> block = memory.Block(memory.Block(Directory)[0]);
        ulong current = 0;
        int faults = 0;
        for (int i = 0; i < iovas.Length; i++)
        {
            ulong iova = iovas[i];
            if (iova >> Geometry.BlockShift != current)
            {
                current = iova >> Geometry.BlockShift;
                block = BlockOf(iova);
            }

            ulong entry = block[Geometry.Slot(iova)];
            ulong inPage;
            if ((entry & IoPte.LargePageBit) != 0)
            {
                inPage = iova & (Geometry.SlotBytes - 1);
                entry = (entry & LargeReservedBits) == 0 ? entry : 0;
            }
            else
            {
                inPage = iova & (Quantity.PageSize - 1);
                entry = memory.Table(entry)[Geometry.Entry(iova)];
            }

            if ((entry & tested) == wanted)
            {
                words[i] = (entry & IoPte.AddressMask) | inPage | ((entry & IoPte.SnoopBit) << SnoopShift);
            }
            else
            {
                words[i] = TranslatedWord.Fault;
                faults++;
            }
        }

        return faults;
    }

    /// <summary>Chunk 0 beyond the width: its zeros permit nothing.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private Span<ulong> BlockOf(ulong iova) => Memory.Block(iova >> Width == 0 ? Memory.Block(Directory)[Geometry.Block(iova)] : 0);
}
