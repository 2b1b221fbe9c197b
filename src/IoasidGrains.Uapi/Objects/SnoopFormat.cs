// The snoop flag of ALLOC, ATTACH and MAP.
namespace IoasidGrains.Uapi;

/// <summary>The format of an I/O page table: does it enforce snooping of every access (seed mail, steps 4 and 5)?</summary>
public enum SnoopFormat
{
    /// <summary>Every leaf has SNP: the IOMMU snoops whatever the device asks for.</summary>
    Snoop,

    /// <summary>No leaf has SNP: a no-snoop access goes past the caches.</summary>
    NoSnoop,

    /// <summary>
    /// ALLOC (RFC v2 1.5): decided when the first device attaches; also what an IOASID is whose policy decides without asking. ATTACH (Jason Gunthorpe's mode 1):
    /// block no-snoop if the unit can.
    /// </summary>
    Auto,
}

/// <summary>What KVM does when the guest executes wbinvd.</summary>
public enum WbinvdMode
{
    /// <summary>All DMA of the VM is coherent: the instruction is skipped.</summary>
    Nop,

    /// <summary>Some DMA may be non-coherent: the caches are really written back.</summary>
    Emulated,
}

/// <summary>The flow language's words for the two enums above.</summary>
public static class SnoopWords
{
    public static string Word(this SnoopFormat format) => format switch
    {
        SnoopFormat.Snoop => "snoop",
        SnoopFormat.NoSnoop => "no_snoop",
        _ => "auto",
    };

    public static string Word(this WbinvdMode mode) => mode == WbinvdMode.Nop ? "nop" : "emulated";
}
