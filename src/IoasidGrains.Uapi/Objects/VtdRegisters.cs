// VT-d's two capability registers of a unit, computed from what the unit can do; shown by IOMMU_GET_HW_INFO, read by checks of first-stage tables.
namespace IoasidGrains.Uapi;

/// <summary>CAP_REG and ECAP_REG (VT-d 11.4.2, 11.4.3). What no attribute of a unit says is as QEMU models it.</summary>
[GenerateSerializer, Immutable]
public readonly record struct VtdRegisters(ulong Cap, ulong Ecap)
{
    /// <summary>CAP: 2^16 domains, caching mode, one fault register at 0x220, invalidation by page with a mask of 18 bits, drains.</summary>
    private const ulong CapAlways = 0xd2_0080_2200_0086;

    private const int GuestWidthsShift = 8, MaximalWidthShift = 16;
    private const ulong Widths39 = 1 << 1, Widths48 = 1 << 2, Widths57 = 1 << 3;
    private const ulong CapPages2M = 1UL << 34, CapPages1G = 1UL << 35, CapFiveLevels = 1UL << 60;

    /// <summary>ECAP: queued invalidation, pass-through, IOTLB registers at 0xf0, 16 mask handles.</summary>
    private const ulong EcapAlways = 0xf0_0f42;

    private const ulong EcapInterruptRemapping = 1 << 3, EcapSnoopControl = 1 << 7, EcapNesting = 1 << 26, EcapSupervisor = 1UL << 31, EcapExtendedAccess = 1UL << 34;
    private const ulong EcapScalable = 1UL << 43, EcapDirty = 1UL << 45, EcapSecondStage = 1UL << 46, EcapFirstStage = 1UL << 47, EcapWalkCoherency = 1UL << 48;

    /// <summary>A first-stage table may have five levels (FL5LP).</summary>
    public bool FiveLevels => (Cap & CapFiveLevels) != 0;

    /// <summary>A first-stage table may be walked for supervisor requests (SRS).</summary>
    public bool SupervisorRequests => (Ecap & EcapSupervisor) != 0;

    /// <summary>The extended-accessed flag of a first-stage table is set (EAFS).</summary>
    public bool ExtendedAccess => (Ecap & EcapExtendedAccess) != 0;

    public static VtdRegisters Of(IommuCapabilities unit) => unit.Registers ?? new VtdRegisters(CapOf(unit), EcapOf(unit));

    private static ulong CapOf(IommuCapabilities unit) =>
        CapAlways | ((ulong)(unit.AddressWidth - 1) << MaximalWidthShift) | (WidthsOf(unit.AddressWidth) << GuestWidthsShift)
        | Bit((unit.PageSizes & (2UL << 20)) != 0, CapPages2M) | Bit((unit.PageSizes & (1UL << 30)) != 0, CapPages1G)
        | Bit(unit.Nesting && unit.AddressWidth > 48, CapFiveLevels);

    /// <summary>Tables of fewer levels can be walked, too.</summary>
    private static ulong WidthsOf(int width) => Widths39 | Bit(width >= 48, Widths48) | Bit(width >= 57, Widths57);

    private static ulong EcapOf(IommuCapabilities unit) =>
        EcapAlways | Bit(unit.MsiIsolated, EcapInterruptRemapping) | Bit(unit.EnforceSnoop, EcapSnoopControl)
        | Bit(unit.ScalableMode, EcapScalable | EcapSecondStage | EcapSupervisor)
        | Bit(unit.DirtyTracking, EcapDirty | EcapWalkCoherency) | Bit(unit.Nesting, EcapNesting | EcapFirstStage);

    private static ulong Bit(bool set, ulong bit) => set ? bit : 0;
}
