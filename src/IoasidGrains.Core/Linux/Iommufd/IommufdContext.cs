// An open /dev/iommu: its objects and options, as one immutable value. Changed by the handlers of this folder.
using System.Collections.Immutable;
using IoasidGrains.Uapi;

namespace IoasidGrains.Core.Linux;

/// <summary>The devices of one IOMMU group that this context has bound share one table.</summary>
/// <param name="Table">The hwpt of the group; 0: none, blocked.</param>
/// <param name="Attached">Devices that were attached, in order.</param>
public sealed record IommufdGroup(uint Table, ImmutableList<uint> Attached)
{
    public static readonly IommufdGroup Blocked = new(0, []);
}

/// <summary>The objects of one iommufd.</summary>
/// <param name="Number">In <see cref="ProcessState.Contexts"/>.</param>
public sealed record IommufdContext(int Number)
{
    /// <summary>By id; the lowest free one from 1 is given next.</summary>
    public ImmutableSortedDictionary<uint, IommufdObject> Objects { get; init; } = ImmutableSortedDictionary<uint, IommufdObject>.Empty;

    public ImmutableSortedDictionary<GroupId, IommufdGroup> Groups { get; init; } = ImmutableSortedDictionary<GroupId, IommufdGroup>.Empty;

    /// <summary>The address space that VFIO's old ioctls mean; 0: none.</summary>
    public uint CompatIoas { get; init; }

    /// <summary>A group without IOMMU was added.</summary>
    public bool NoIommu { get; init; }

    /// <summary>Pages are charged to the process, else to its user.</summary>
    public bool ChargesProcess { get; init; }

    /// <summary>The descriptor is closed; devices keep the rest alive.</summary>
    public bool Closed { get; init; }

    /// <summary>IOMMU_TEST_OP_SET_TEMP_MEMORY_LIMIT and the like do nothing here; what a self test's mock tables noted as written, by table.</summary>
    public ImmutableSortedDictionary<uint, ImmutableSortedSet<ulong>> MockDirty { get; init; } = ImmutableSortedDictionary<uint, ImmutableSortedSet<ulong>>.Empty;

    public uint FreeId
    {
        get
        {
            uint id = 1;
            foreach (uint taken in Objects.Keys)
            {
                if (taken != id)
                {
                    break;
                }

                id++;
            }

            return id;
        }
    }

    public T? Find<T>(uint id)
        where T : IommufdObject => Objects.GetValueOrDefault(id) as T;

    public IommufdContext With(IommufdObject changed) => this with { Objects = Objects.SetItem(changed.Id, changed) };

    public IommufdContext Without(uint id) => this with { Objects = Objects.Remove(id), CompatIoas = CompatIoas == id ? 0 : CompatIoas, MockDirty = MockDirty.Remove(id) };

    public IommufdGroup GroupOf(IommufdDevice device) => Groups.GetValueOrDefault(device.Group, IommufdGroup.Blocked);

    public bool IsAttached(IommufdDevice device) => GroupOf(device).Attached.Contains(device.Id);

    public IEnumerable<IommufdDevice> Devices => Objects.Values.OfType<IommufdDevice>();

    /// <summary>Tables of an address space in the order in which they were made.</summary>
    public IEnumerable<PagingHwpt> TablesOf(uint ioas) => Find<Ioas>(ioas) is { } space ? space.Tables.Select(id => (PagingHwpt)Objects[id]) : [];

    /// <summary>The table behind a hwpt: its own, or that of the parent of a nested one.</summary>
    public PagingHwpt? PagingOf(uint hwpt) => Objects.GetValueOrDefault(hwpt) switch
    {
        PagingHwpt paging => paging,
        NestedHwpt nested => Find<PagingHwpt>(nested.Parent),
        _ => null,
    };

    /// <summary>Something needs this object: DESTROY answers EBUSY.</summary>
    public bool IsUsed(IommufdObject one) => one switch
    {
        Ioas => Objects.Values.Any(other => (other is PagingHwpt table && table.Ioas == one.Id) || (other is KernelAccess access && access.Ioas == one.Id)),
        PagingHwpt => Groups.Values.Any(group => group.Table == one.Id) || Objects.Values.Any(other => other is NestedHwpt nested && nested.Parent == one.Id),
        NestedHwpt => Groups.Values.Any(group => group.Table == one.Id),
        IommufdDevice => true,
        FaultQueue queue => queue.IsOpen || Objects.Values.Any(other => other is Hwpt table && table.FaultQueue == one.Id),
        KernelAccess access => access.IsOpen,
        _ => false,
    };
}
