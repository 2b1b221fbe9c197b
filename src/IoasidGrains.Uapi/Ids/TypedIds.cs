// One id type per kind of object, so that a signature says which object it means.
namespace IoasidGrains.Uapi;

/// <summary>The machine (or the run of a flow) whose objects belong together; the first part of every key.</summary>
[GenerateSerializer, Immutable]
public readonly record struct HostId(string Name)
{
    /// <summary>Every host of a cluster; only an inventory can be asked for it.</summary>
    public static readonly HostId All = new("");

    public string Key(string name) => $"{Name}/{name}";

    public override string ToString() => Name;
}

/// <summary>An open <c>/dev/ioasid</c> file.</summary>
[GenerateSerializer, Immutable]
public readonly record struct FdId(string Key)
{
    public ObjectId Object => new(ObjectKind.IoasidFd, Key);

    /// <summary>The memory of the process that opened this fd and has no VM; a bare number as user address means an address in it.</summary>
    public GuestMemoryId ProcessMemory => new(Key + "/process");

    public override string ToString() => Object.ShortName;
}

/// <summary>The number of an IOASID in its fd, from 1.</summary>
[GenerateSerializer, Immutable]
public readonly record struct IoasidNumber(uint Value) : IComparable<IoasidNumber>
{
    public int CompareTo(IoasidNumber other) => Value.CompareTo(other.Value);

    public override string ToString() => Value.ToString();
}

/// <summary>An I/O address space: fd and number.</summary>
[GenerateSerializer, Immutable]
public readonly record struct IoasidId(FdId Fd, IoasidNumber Number)
{
    public ObjectId Object => new(ObjectKind.Ioasid, $"{Fd.Key}/{Number.Value}");

    /// <summary>Reads back a key of the form <c>host/fd/number</c>.</summary>
    public static IoasidId Parse(string key)
    {
        int slash = key.LastIndexOf('/');
        return new IoasidId(new FdId(key[..slash]), new IoasidNumber(uint.Parse(key[(slash + 1)..])));
    }

    public override string ToString() => Object.ShortName;
}

/// <summary>An I/O page table of an IOASID; index 0 is the first.</summary>
[GenerateSerializer, Immutable]
public readonly record struct PageTableId(IoasidId Ioasid, int Index)
{
    public ObjectId Object => new(ObjectKind.PageTable, $"{Ioasid.Fd.Key}/{Ioasid.Number.Value}/p{Index}");

    /// <summary>Reads back a key of the form <c>host/fd/number/pINDEX</c>.</summary>
    public static PageTableId Parse(string key)
    {
        int slash = key.LastIndexOf('/');
        return new PageTableId(IoasidId.Parse(key[..slash]), int.Parse(key[(slash + 2)..]));
    }

    public override string ToString() => Object.ShortName;
}

/// <summary>A VM, as KVM knows it.</summary>
[GenerateSerializer, Immutable]
public readonly record struct VmId(string Key) : IComparable<VmId>
{
    public ObjectId Object => new(ObjectKind.Kvm, Key);

    public GuestMemoryId Memory => new(Key + "/mem");

    public int CompareTo(VmId other) => string.CompareOrdinal(Key, other.Key);

    public override string ToString() => Object.ShortName;
}

/// <summary>An IOMMU unit.</summary>
[GenerateSerializer, Immutable]
public readonly record struct UnitId(string Key)
{
    public ObjectId Object => new(ObjectKind.IommuUnit, Key);

    public override string ToString() => Object.ShortName;
}

/// <summary>A PCI function.</summary>
[GenerateSerializer, Immutable]
public readonly record struct DeviceId(string Key) : IComparable<DeviceId>
{
    public ObjectId Object => new(ObjectKind.Device, Key);

    public int CompareTo(DeviceId other) => string.CompareOrdinal(Key, other.Key);

    public override string ToString() => Object.ShortName;
}

/// <summary>An IOMMU group: the devices that cannot be isolated from each other. A device without a declared group is alone in one of its own name.</summary>
[GenerateSerializer, Immutable]
public readonly record struct GroupId(string Key) : IComparable<GroupId>
{
    public int CompareTo(GroupId other) => string.CompareOrdinal(Key, other.Key);

    public override string ToString() => Key[(Key.IndexOf('/') + 1)..];
}

/// <summary>The memory of a VM (<c>host1/vm1/mem</c>) or of a process without one (<c>host1/fd1/process</c>).</summary>
[GenerateSerializer, Immutable]
public readonly record struct GuestMemoryId(string Key) : IComparable<GuestMemoryId>
{
    public ObjectId Object => new(ObjectKind.GuestMemory, Key);

    public int CompareTo(GuestMemoryId other) => string.CompareOrdinal(Key, other.Key);

    /// <summary>False for the memory of a process without a VM, which no KVM watches over.</summary>
    public bool IsOfVm => Key.EndsWith("/mem", StringComparison.Ordinal);

    /// <summary>The owner's name: <c>vm1</c> or <c>fd1</c>.</summary>
    public override string ToString() => Key is null ? "" : Object.ShortName[..Object.ShortName.LastIndexOf('/')];
}

/// <summary>Names one operation of one client, so that a retry is recognised. Sequence numbers of a session only grow.</summary>
[GenerateSerializer, Immutable]
public readonly record struct RequestId(string Session, long Sequence)
{
    public override string ToString() => $"{Session}#{Sequence}";
}

/// <summary>Which append a drive carries to a leaf.</summary>
/// <param name="Fd">The fd that drives.</param>
/// <param name="Epoch">Grows with every activation of the fd.</param>
/// <param name="Sequence">The entry of that fd's log whose effect is driven.</param>
/// <param name="Order">Its position among all appends of the store. A leaf that two fds drive one after the other (a device that changes hands) tells by it which is the later.</param>
[GenerateSerializer, Immutable]
public readonly record struct Stamp(FdId Fd, long Epoch, long Sequence, long Order);
