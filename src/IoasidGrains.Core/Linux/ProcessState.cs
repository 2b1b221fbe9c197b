// Everything that one process has open, and what the kernel keeps behind it, as one immutable value.
using System.Collections.Immutable;
using IoasidGrains.Uapi;

namespace IoasidGrains.Core.Linux;

/// <summary>The owner of a group's DMA in this process.</summary>
/// <param name="Number">Of the iommufd context, or of the container.</param>
/// <param name="Count">How often it has claimed it: an iommufd once per bound device, a container once.</param>
public sealed record DmaOwner(int Number, int Count);

/// <summary>The kernel's side of one process.</summary>
public sealed record ProcessState(ProcessOptions Options)
{
    /// <summary>Every device of the host, as of the last open().</summary>
    public ImmutableSortedDictionary<DeviceId, DeviceFacts> Host { get; init; } = ImmutableSortedDictionary<DeviceId, DeviceFacts>.Empty;

    /// <summary>By descriptor.</summary>
    public ImmutableSortedDictionary<int, OpenFile> Files { get; init; } = ImmutableSortedDictionary<int, OpenFile>.Empty
        .Add(0, new TerminalFile()).Add(1, new TerminalFile()).Add(2, new TerminalFile());

    public ImmutableSortedDictionary<int, IommufdContext> Contexts { get; init; } = ImmutableSortedDictionary<int, IommufdContext>.Empty;

    /// <summary>Who owns the DMA of a group: only one driver's user at a time may.</summary>
    public ImmutableSortedDictionary<GroupId, DmaOwner> DmaOwners { get; init; } = ImmutableSortedDictionary<GroupId, DmaOwner>.Empty;

    /// <summary>The groups whose file is open.</summary>
    public ImmutableSortedDictionary<GroupId, VfioGroup> VfioGroups { get; init; } = ImmutableSortedDictionary<GroupId, VfioGroup>.Empty;

    public ImmutableSortedDictionary<int, Container> Containers { get; init; } = ImmutableSortedDictionary<int, Container>.Empty;

    public ImmutableSortedDictionary<int, DeviceFile> DeviceFiles { get; init; } = ImmutableSortedDictionary<int, DeviceFile>.Empty;

    /// <summary>The devices that some device file has access to.</summary>
    public ImmutableSortedDictionary<DeviceId, OpenedDevice> OpenedDevices { get; init; } = ImmutableSortedDictionary<DeviceId, OpenedDevice>.Empty;

    public ImmutableSortedDictionary<int, Vm> Vms { get; init; } = ImmutableSortedDictionary<int, Vm>.Empty;

    /// <summary>What keeps each of <see cref="Regions"/>, by the same address.</summary>
    public ImmutableSortedDictionary<ulong, RegionMapping> RegionMappings { get; init; } = ImmutableSortedDictionary<ulong, RegionMapping>.Empty;

    /// <summary>Device regions that are mapped into the process by mmap(), by their first address.</summary>
    public ImmutableSortedDictionary<ulong, UserRegion> Regions { get; init; } = ImmutableSortedDictionary<ulong, UserRegion>.Empty;

    /// <summary>The last number that was given to a context, container, device file or VM; none is used twice.</summary>
    public int LastNumber { get; init; }

    /// <summary>The members of a group, in the order of their names; those without an IOMMU are in none.</summary>
    public DeviceFacts[] DevicesOf(GroupId group, bool noIommu = false) => [.. Host.Values.Where(device => device.Traits.Group == group && device.Unit is null == noIommu)];

    /// <summary>
    /// With these as the devices of the host. VFIO registers none whose unit has no IOMMU_CAP_CACHE_COHERENCY (vfio_main.c): there is no node for it. VT-d maps with large
    /// pages that all units of the host have, whichever a table is used by (intel/iommu.c, domain_update_iommu_superpage).
    /// </summary>
    public ProcessState Sees(DeviceFacts[] host)
    {
        IEnumerable<DeviceFacts> registered = host.Where(device => device.Unit is not { CacheCoherent: false });
        ulong pages = host.Where(device => device.Unit is { Driver: IommuDriver.Vtd }).Aggregate(ulong.MaxValue, (common, device) => common & device.Unit!.PageSizes);
        return this with { Host = registered.ToImmutableSortedDictionary(device => device.Id, device => device with { Unit = WithPages(device.Unit, pages) }) };
    }

    /// <summary>Its registers still show its own.</summary>
    private static IommuCapabilities? WithPages(IommuCapabilities? unit, ulong pages) =>
        unit is { Driver: IommuDriver.Vtd } && unit.PageSizes != pages ? unit with { PageSizes = pages, Registers = VtdRegisters.Of(unit) } : unit;

    public int LowestFreeFile
    {
        get
        {
            int number = 0;
            while (Files.ContainsKey(number))
            {
                number++;
            }

            return number;
        }
    }
}
