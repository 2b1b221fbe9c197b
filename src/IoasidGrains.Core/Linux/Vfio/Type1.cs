// What vfio_iommu_type1 keeps for a container: domains, mappings, permitted ranges; used by the files beside this one.
using System.Collections.Immutable;
using IoasidGrains.Uapi;
using IoasidGrains.Uapi.Linux;

namespace IoasidGrains.Core.Linux;

/// <summary>One I/O page table of a container (struct vfio_domain) and the groups on it.</summary>
/// <param name="Table">Its number among the tables of the container.</param>
/// <param name="PageSizes">iommu_domain.pgsize_bitmap.</param>
/// <param name="WalkedSizes">Page sizes that the unit in front of its first group can walk.</param>
public sealed record Type1Domain(int Table, IommuDriver Driver, bool EnforceSnoop, IovaRange Aperture, ulong PageSizes, ulong WalkedSizes, ImmutableList<GroupId> Groups)
{
    /// <summary>The highest IOVA that was ever mapped in it (struct dmar_domain, max_addr); 0: none.</summary>
    public ulong Reach { get; init; }
}

/// <summary>What is particular about a mapping; most have nothing.</summary>
/// <param name="VaddrInvalid">UNMAP with the flag VADDR has invalidated its user address.</param>
/// <param name="Uncounted">Pages of it that are a device's region, which no limit counts.</param>
/// <param name="Tail">Stale bits that are left behind the end of its dirty bitmap, in the word of the last page and the one after it.</param>
public readonly record struct MappingNote(bool VaddrInvalid, ulong Uncounted, (ulong First, ulong Second) Tail);

/// <summary>struct vfio_iommu.</summary>
/// <param name="Space">The number of its address space.</param>
/// <param name="V2">VFIO_TYPE1v2_IOMMU: unmapping cuts nothing.</param>
/// <param name="Nesting">VFIO_TYPE1_NESTING_IOMMU: no IOMMU driver here lets a group in.</param>
/// <param name="Available">How many mappings may still be made.</param>
public sealed record Type1(int Space, bool V2, bool Nesting, int Available)
{
    /// <summary>VFIO_NOIOMMU_IOMMU, which is not type1's.</summary>
    public const ulong NoIommuExtension = LinuxFlags.VFIO_NOIOMMU_IOMMU;

    private const ulong V1Type = LinuxFlags.VFIO_TYPE1_IOMMU, V2Type = LinuxFlags.VFIO_TYPE1v2_IOMMU, DmaCoherent = LinuxFlags.VFIO_DMA_CC_IOMMU,
        NestingType = LinuxFlags.VFIO_TYPE1_NESTING_IOMMU, UnmapAll = LinuxFlags.VFIO_UNMAP_ALL, UpdateVaddr = LinuxFlags.VFIO_UPDATE_VADDR;

    /// <summary>pgsize_bitmap while there is no domain: whole pages.</summary>
    public const ulong AnyPageSize = ~(Quantity.PageSize - 1);

    /// <summary>In the order in which they were made.</summary>
    public ImmutableList<Type1Domain> Domains { get; init; } = [];

    /// <summary>Where something may be mapped; empty: anywhere.</summary>
    public ImmutableArray<IovaRange> Windows { get; init; } = [];

    public AreaMap Areas { get; init; } = AreaMap.Empty;

    /// <summary>With one more mapping, in all domains.</summary>
    public Type1 With(Area area) => this with
    {
        Areas = Areas.Add(area), Available = Available - 1, Domains = [.. Domains.Select(domain => domain with { Reach = Math.Max(domain.Reach, area.Range.Last) })],
    };

    /// <summary>By the first IOVA of a mapping; those that are not here have nothing particular.</summary>
    public ImmutableDictionary<ulong, MappingNote> Notes { get; init; } = ImmutableDictionary<ulong, MappingNote>.Empty;

    /// <summary>Mappings whose user address is invalid.</summary>
    public int InvalidVaddrs { get; init; }

    /// <summary>Page sizes that all domains have.</summary>
    public ulong PageSizes { get; init; } = AnyPageSize;

    public bool TracksDirty { get; init; }

    /// <summary>Bytes that are pinned and count against RLIMIT_MEMLOCK.</summary>
    public ulong Locked { get; init; }

    /// <summary>The smallest page: what everything is aligned to, and what a bit of a dirty bitmap stands for.</summary>
    public ulong PageSize => PageSizes & (~PageSizes + 1);

    public MappingNote NoteOf(Area area) => Notes.GetValueOrDefault(area.Range.Start);

    public Type1 With(Area area, MappingNote note) => this with { Notes = note == default ? Notes.Remove(area.Range.Start) : Notes.SetItem(area.Range.Start, note) };

    public static Type1 New(int space, ulong type, int available) => new(space, type != V1Type, type == NestingType, available);

    /// <summary>VFIO_SET_IOMMU takes it.</summary>
    public static bool IsType(ulong type) => type is V1Type or V2Type or NestingType;

    /// <summary>What it says of an extension before it is chosen.</summary>
    public static bool Supports(ulong extension) => IsType(extension) || extension == UnmapAll;

    public long CheckExtension(ulong extension) => extension switch
    {
        UpdateVaddr => 1,
        DmaCoherent => Domains.All(domain => domain.EnforceSnoop) ? 1 : 0,
        _ => Supports(extension) ? 1 : 0,
    };

    /// <summary>PAGE_SIZE stands for all smaller sizes.</summary>
    public static ulong PageSizesOf(IEnumerable<Type1Domain> domains)
    {
        ulong sizes = domains.Aggregate(ulong.MaxValue, (all, domain) => all & domain.PageSizes);
        return (sizes & ~AnyPageSize) == 0 ? sizes : (sizes & AnyPageSize) | Quantity.PageSize;
    }

    /// <summary>
    /// A mapping that shares a byte with <paramref name="size"/> bytes at <paramref name="start"/>; with size 0, one that holds this byte and begins before it.
    /// As the kernel adds start and size in 64 bits, neither a range nor a mapping that ends with the last byte of all is ever found.
    /// </summary>
    public Area? Find(ulong start, ulong size)
    {
        ulong end = unchecked(start + size);
        return size == 0 ? Overlapping(start, start).FirstOrDefault(area => area.Range.Start < start) : end == 0 ? null : Overlapping(start, end - 1).FirstOrDefault();
    }

    /// <summary>The mappings in order from the first that ends at or behind <paramref name="start"/>.</summary>
    public IEnumerable<Area> From(ulong start, ulong size)
    {
        ulong end = unchecked(start + size);
        Area? first = Overlapping(start, ulong.MaxValue).FirstOrDefault();
        return first is null || (size != 0 && first.Range.Start >= end) ? [] : Areas.Overlapping(first.Range with { Last = ulong.MaxValue });
    }

    private IEnumerable<Area> Overlapping(ulong start, ulong last) => last < start ? [] : Areas.Overlapping(new IovaRange(start, last)).Where(area => area.Range.Last != ulong.MaxValue);
}
