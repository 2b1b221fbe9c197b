// Why a translation failed, with VT-d's reason code.
namespace IoasidGrains.Uapi;

/// <summary>A failed translation. The value is VT-d's legacy reason code; <see cref="DmaFaultCodes.Code"/> gives the scalable one.</summary>
public enum DmaFault
{
    None = 0,
    /// <summary>The device has no context: bound but attached nowhere.</summary>
    ContextNotPresent = 2,
    BeyondWidth = 4,
    NoWrite = 5,
    NoRead = 6,
    /// <summary>A reserved bit is set; SNP on a unit without Snoop Control is one.</summary>
    ReservedBits = 0xC,
}

/// <summary>Numbers and words of the faults.</summary>
public static class DmaFaultCodes
{
    /// <summary>The reason code that the unit records.</summary>
    public static int Code(this DmaFault fault, bool scalableMode) => (fault, scalableMode) switch
    {
        (DmaFault.ContextNotPresent, true) => 0x59,
        (DmaFault.BeyondWidth, true) => 0x84,
        (DmaFault.NoWrite, true) => 0x79,
        (DmaFault.NoRead, true) => 0x79,
        (DmaFault.ReservedBits, true) => 0x7A,
        _ => (int)fault,
    };

    public static string Word(this DmaFault fault) => fault switch
    {
        DmaFault.ContextNotPresent => "blocked",
        DmaFault.BeyondWidth => "beyond_width",
        DmaFault.NoWrite => "no_write",
        DmaFault.NoRead => "no_read",
        DmaFault.ReservedBits => "reserved_bits",
        _ => "none",
    };
}
