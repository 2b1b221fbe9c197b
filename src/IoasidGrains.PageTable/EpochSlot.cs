// Where one reader says whether it is in a section; used by ReaderEpochs.
using System.Runtime.InteropServices;

namespace IoasidGrains.PageTable;

/// <summary>0 outside a section, else the epoch in which the section began, plus 1. Alone on its cache lines: its reader writes it all the time.</summary>
internal sealed class EpochSlot
{
    private PaddedLong _entered;

    public ref long Entered => ref _entered.Value;
}

/// <summary>A number with 128 bytes of nothing on either side, as processors fetch lines in pairs.</summary>
[StructLayout(LayoutKind.Explicit, Size = 256)]
internal struct PaddedLong
{
    [FieldOffset(128)]
    public long Value;
}
