// One translated address in 64 bits, as batches carry it; read by whoever does the accesses.
namespace IoasidGrains.PageTable;

/// <summary>
/// Bits 0..51 the physical address to the byte, bit 63 SNP, the rest 0; or all ones for a fault.
/// </summary>
public static class TranslatedWord
{
    /// <summary>The word of an address that was not translated.</summary>
    public const ulong Fault = ulong.MaxValue;

    private const ulong SnoopBit = 1UL << 63;

    public static ulong Of(in Translation translation) => translation.Fault != Uapi.DmaFault.None
        ? Fault
        : translation.Physical | (translation.Snp ? SnoopBit : 0);

    /// <summary>The physical address of a word that is no fault.</summary>
    public static ulong Physical(ulong word) => word & (IoPte.PhysicalEnd - 1);

    /// <summary>The leaf's SNP in a word that is no fault.</summary>
    public static bool Snp(ulong word) => (word & SnoopBit) != 0;
}
