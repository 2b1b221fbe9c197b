// The kinds of object of an iommufd; kept in IommufdContext.
using System.Collections.Immutable;
using IoasidGrains.Uapi;
using IoasidGrains.Uapi.Linux;

namespace IoasidGrains.Core.Linux;

/// <summary>One object.</summary>
public abstract record IommufdObject(uint Id);

/// <summary>An address space.</summary>
/// <param name="Space">What it is called where devices translate.</param>
/// <param name="Pages">Its mappings.</param>
/// <param name="Tables">Its tables by id, in the order in which they were made.</param>
public sealed record Ioas(uint Id, int Space, IoPages Pages, ImmutableList<uint> Tables) : IommufdObject(Id);

/// <summary>A page table that devices attach to.</summary>
public abstract record Hwpt(uint Id) : IommufdObject(Id)
{
    /// <summary>Where its faults go; 0: nowhere.</summary>
    public uint FaultQueue { get; init; }
}

/// <summary>One that translates the IOVAs of an address space.</summary>
/// <param name="Number">What it is called where devices translate.</param>
/// <param name="Maker">The device it was made for: what that one's unit is, the table is.</param>
/// <param name="Auto">Made by an attach; goes with its last device.</param>
/// <param name="EnforceSnoop">Its leaves enforce; fixed when it is made, unless the policy converts it.</param>
public sealed record PagingHwpt(uint Id, int Number, uint Ioas, DomainFacts Maker, bool Auto, bool EnforceSnoop) : Hwpt(Id)
{
    public bool NestParent { get; init; }

    public bool TracksDirty { get; init; }

    /// <summary>Dirty tracking is switched on.</summary>
    public bool Tracking { get; init; }

    /// <summary>
    /// The driver makes entries of this kind (__domain_mapping, iommu_v1_map_pages). VT-d's and AMD's make none without any access; in a parent of nested tables
    /// VT-d's makes none that cannot be written (erratum 772415).
    /// </summary>
    public bool Maps(DmaAccess access) => Maker.Driver switch
    {
        IommuDriver.Vtd => access.HasFlag(DmaAccess.Write) || (access != DmaAccess.None && !NestParent),
        IommuDriver.Amd => access != DmaAccess.None,
        _ => true,
    };
}

/// <summary>One that translates to the IOVAs of its parent.</summary>
/// <param name="Entries">The mock's IOTLB: four words, seen by its self test.</param>
public sealed record NestedHwpt(uint Id, uint Parent, ImmutableArray<uint> Entries) : Hwpt(Id)
{
    /// <summary>VT-d's user table; null: the mock's.</summary>
    public VtdFirstStage? FirstStage { get; init; }
}

/// <summary>How VT-d is to walk a user's own table.</summary>
/// <param name="Flags">IOMMU_VTD_S1_SRE, IOMMU_VTD_S1_EAFE.</param>
public sealed record VtdFirstStage(ulong Flags, uint AddressWidth)
{
    private const ulong Supervisor = LinuxFlags.IOMMU_VTD_S1_SRE, ExtendedAccess = LinuxFlags.IOMMU_VTD_S1_EAFE;

    /// <summary>The unit's registers allow it (VT-d: CAP.FL5LP, ECAP.SRS, ECAP.EAFS).</summary>
    public bool FitsUnit(IommuCapabilities unit)
    {
        VtdRegisters registers = VtdRegisters.Of(unit);
        return (AddressWidth == 48 || (AddressWidth == 57 && registers.FiveLevels))
            && ((Flags & Supervisor) == 0 || registers.SupervisorRequests) && ((Flags & ExtendedAccess) == 0 || registers.ExtendedAccess);
    }
}

/// <summary>A bound device. One of a self test has no facts.</summary>
public sealed record IommufdDevice(uint Id, DeviceFacts? Facts, GroupId Group, DomainFacts Domain, bool CanEnforce) : IommufdObject(Id);

/// <summary>The device of a self test, which owns the bound one.</summary>
/// <param name="Flags">MOCK_FLAGS_DEVICE_*.</param>
public sealed record MockDevice(uint Id, uint Device, uint Flags) : IommufdObject(Id);

/// <summary>Page faults wait here for user space.</summary>
public sealed record FaultQueue(uint Id, bool IsOpen) : IommufdObject(Id);

/// <summary>The kernel itself reads and writes an address space; of a self test.</summary>
/// <param name="Alignment">Of what it may pin.</param>
public sealed record KernelAccess(uint Id, uint Ioas, ulong Alignment, bool IsOpen) : IommufdObject(Id)
{
    /// <summary>Ranges that are pinned, by their number.</summary>
    public ImmutableSortedDictionary<uint, IovaRange> Pinned { get; init; } = ImmutableSortedDictionary<uint, IovaRange>.Empty;

    /// <summary>The number of the next one; none is used twice.</summary>
    public uint NextPin { get; init; }
}

/// <summary>What a driver makes a table as.</summary>
/// <param name="Driver">Null: the mock's.</param>
/// <param name="Aperture">IOVAs that it translates.</param>
/// <param name="PageSizes">iommu_domain.pgsize_bitmap.</param>
/// <param name="Dirty">Tables can track dirty pages.</param>
/// <param name="Nesting">Tables can be parents.</param>
public sealed record DomainFacts(IommuDriver? Driver, IovaRange Aperture, ulong PageSizes, bool Dirty, bool Nesting)
{
    private static readonly IovaRange MockAperture = new(LinuxFlags.MOCK_APERTURE_START, LinuxFlags.MOCK_APERTURE_LAST);
    private const ulong MockPage = 2048, MockHugePages = MockPage | (512 * MockPage);

    public ulong SmallestPage => PageSizes & (~PageSizes + 1);

    /// <summary>What a unit must have to walk the tables. The mock walks its own, whatever they were made with.</summary>
    public ulong WalkedPageSizes => IsMock ? MockPage : PageSizes;

    public bool IsMock => Driver is null;

    /// <summary>The driver knows what a table is only when the first device is attached to it; before that it translates nothing but IOVA 0.</summary>
    public bool FinishedByAttach => Driver == IommuDriver.Virtio;

    /// <summary>The driver takes flags and user data when a table is made.</summary>
    public bool TakesFlags => Driver != IommuDriver.Virtio;

    public static DomainFacts Of(IommuCapabilities unit) => new(
        unit.Driver, unit.Translated, unit.ReportedPageSizes ?? unit.PageSizes,
        unit.DirtyTracking && HasExtensions(unit), unit.Nesting && HasExtensions(unit));

    /// <summary>VT-d knows both in scalable mode only.</summary>
    private static bool HasExtensions(IommuCapabilities unit) => unit.Driver != IommuDriver.Vtd || unit.ScalableMode;

    public static DomainFacts Mock(bool noDirty, bool huge) => new(null, MockAperture, huge ? MockHugePages : MockPage, !noDirty, true);
}
