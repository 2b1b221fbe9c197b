// What an append needs from outside its own log, decided in the same store transaction.
namespace IoasidGrains.Uapi;

/// <summary>What is asked of a claim.</summary>
public enum ClaimKind
{
    /// <summary>Mine from now on; refused while somebody else's.</summary>
    Take,

    /// <summary>No longer mine.</summary>
    Release,

    /// <summary>Taken from now on, by nobody in particular; anybody may clear it.</summary>
    Mark,

    /// <summary>No longer marked; refused if it was not.</summary>
    Clear,

    /// <summary>Refused if somebody has taken it, and all its alternatives as well.</summary>
    RequireFree,

    /// <summary>Always refused; stands last, so that a refusal which was decided already gives way to those of the store.</summary>
    Never,

    /// <summary>Refused unless some VM keeps the file that is named, or one of the alternatives is not taken.</summary>
    KvmPointer,

    /// <summary>Refused if the host of the name has an IOMMU unit that cannot enforce snooping.</summary>
    AllUnitsEnforce,

    /// <summary>Never refused: the record tells every declared device of the host of the name.</summary>
    Inventory,

    /// <summary>Never refused: counts the claims whose names begin so, and those that begin as an alternative once together, as they are after this append.</summary>
    Count,
}

/// <summary>A claim on a name that at most one log holds: a device (<c>host1/dev1/bound</c>), that its file is closed (<c>host1/dev1/closed</c>), its group (<c>host1/g1/group</c>), the link of an fd to a VM (<c>host1/vm1/links/host1/fd1</c>), that it makes the VM's DMA non-coherent
/// (<c>host1/vm1/noncoherent/host1/fd1</c>), or does so as the files of its devices would (<c>host1/vm1/noncoherent_by_files/host1/fd1</c>), the file of a device that
/// a VM keeps (<c>host1/vm1/files/host1/dev1</c>), that it makes the VM's DMA non-coherent (<c>host1/vm1/noncoherent_files/host1/dev1</c>), the end of a VM (<c>host1/vm1/closed</c>).</summary>
[GenerateSerializer, Immutable]
public sealed record Claim(ClaimKind Kind, string Name, params string[] Alternatives)
{
    public bool Equals(Claim? other) => other is not null && Kind == other.Kind && Name == other.Name && Alternatives.SequenceEqual(other.Alternatives);

    public override int GetHashCode() => HashCode.Combine(Kind, Name);

    public static readonly Claim Never = new(ClaimKind.Never, "never");

    /// <summary>Every declared IOMMU unit of the device's host can enforce snooping.</summary>
    public static Claim AllUnitsEnforce(DeviceId device) => new(ClaimKind.AllUnitsEnforce, device.Object.Host);

    public static Claim Take(DeviceId device) => new(ClaimKind.Take, NameOf(device));

    public static Claim Release(DeviceId device) => new(ClaimKind.Release, NameOf(device));

    /// <summary>No fd may have bound the device.</summary>
    public static Claim Unbound(DeviceId device) => new(ClaimKind.RequireFree, NameOf(device));

    public static Claim CloseFile(DeviceId device) => new(ClaimKind.Mark, ClosedName(device));

    public static Claim OpenFile(DeviceId device) => new(ClaimKind.Clear, ClosedName(device));

    /// <summary>The device's file must not be closed.</summary>
    public static Claim FileOpen(DeviceId device) => new(ClaimKind.RequireFree, ClosedName(device));

    public static string NameOf(DeviceId device) => device.Key + "/bound";

    public static string ClosedName(DeviceId device) => device.Key + "/closed";

    public static Claim Take(GroupId group) => new(ClaimKind.Take, NameOf(group));

    public static Claim Release(GroupId group) => new(ClaimKind.Release, NameOf(group));

    /// <summary>The fd is announced to the VM. A Kvm that starts finds its links in these names, and in the next ones what it must honour.</summary>
    public static Claim Link(VmId vm, FdId fd) => new(ClaimKind.Take, LinksOf(vm) + fd.Key);

    public static Claim Unlink(VmId vm, FdId fd) => new(ClaimKind.Release, LinksOf(vm) + fd.Key);

    /// <param name="byFiles">It speaks for the files of its devices, and counts once with all that do and with the files themselves.</param>
    public static Claim Noncoherent(VmId vm, FdId fd, bool byFiles = false) => new(ClaimKind.Take, (byFiles ? NoncoherentByFilesOf(vm) : NoncoherentOf(vm)) + fd.Key);

    public static Claim Coherent(VmId vm, FdId fd, bool byFiles = false) => new(ClaimKind.Release, (byFiles ? NoncoherentByFilesOf(vm) : NoncoherentOf(vm)) + fd.Key);

    /// <summary>How often the VM's DMA is registered as non-coherent: once per fd, and once for all files and fds that speak for files (domain 133).</summary>
    public static Claim CountNoncoherent(VmId vm) => new(ClaimKind.Count, NoncoherentOf(vm), NoncoherentByFilesOf(vm), NoncoherentFilesOf(vm));

    public static string NoncoherentOf(VmId vm) => vm.Key + "/noncoherent/";

    public static string NoncoherentByFilesOf(VmId vm) => vm.Key + "/noncoherent_by_files/";

    /// <summary>The VM keeps the device's file.</summary>
    public static Claim[] AddFile(VmId vm, DeviceId device, bool noncoherent) => noncoherent
        ? [new(ClaimKind.Take, FilesOf(vm) + device.Key), new(ClaimKind.Take, NoncoherentFilesOf(vm) + device.Key)]
        : [new(ClaimKind.Take, FilesOf(vm) + device.Key)];

    public static Claim[] RemoveFile(VmId vm, DeviceId device, bool noncoherent) =>
        [.. AddFile(vm, device, noncoherent).Select(claim => claim with { Kind = ClaimKind.Release })];

    /// <summary>A VM keeps the device's file, or one of these VMs has not ended: the driver has a KVM pointer when it is opened.</summary>
    public static Claim KvmPointer(DeviceId device, IEnumerable<VmId> vms) => new(ClaimKind.KvmPointer, "/files/" + device.Key, [.. vms.Select(EndOf)]);

    public static string FilesOf(VmId vm) => vm.Key + "/files/";

    public static string NoncoherentFilesOf(VmId vm) => vm.Key + "/noncoherent_files/";

    public static string NameOf(GroupId group) => group.Key + "/group";

    public static string LinksOf(VmId vm) => vm.Key + "/links/";

    /// <summary>The VM ends here; nobody can announce an fd to it any more.</summary>
    public static Claim End(VmId vm) => new(ClaimKind.Take, EndOf(vm));

    /// <summary>The VM must not have ended; of several, one must not.</summary>
    public static Claim Alive(VmId vm, params IEnumerable<VmId> others) =>
        new(ClaimKind.RequireFree, EndOf(vm), [.. others.Select(EndOf)]);

    private static string EndOf(VmId vm) => vm.Key + "/closed";
}

/// <summary>How an append ended.</summary>
public enum CommitStatus
{
    Committed,

    /// <summary>A claim was refused; nothing was written.</summary>
    ClaimRefused,

    /// <summary>Another activation of this object appends; this one must stop. Nothing was written.</summary>
    Fenced,

    /// <summary>The store could not; nothing was written.</summary>
    Failed,
}

/// <summary>The answer to an append.</summary>
/// <param name="Refused">The claim that was refused.</param>
/// <param name="Record">The record as it is in the log, if it is.</param>
[GenerateSerializer, Immutable]
public sealed record CommitResult(CommitStatus Status, Claim? Refused = null, LogRecord? Record = null);

/// <summary>What the claims say of a device.</summary>
/// <param name="Holder">The fd that has bound it; null if none has.</param>
[GenerateSerializer, Immutable]
public sealed record DeviceClaims(FdId? Holder, bool FileClosed);

/// <summary>What the store knows about an object that starts.</summary>
/// <param name="Epoch">The epoch of this start; appends carry it.</param>
/// <param name="Order">Position of the last append of all; what follows reflects every append up to it.</param>
/// <param name="Log">Its log, oldest first.</param>
/// <param name="Declaration">Its declaration, if it is a unit or a device that was declared.</param>
/// <param name="Holders">Who has claimed a device; who is linked to a VM.</param>
/// <param name="FileClosed">The file of the device is closed.</param>
/// <param name="Noncoherent">Those of the fds linked to a VM that make its DMA non-coherent, each by itself.</param>
[GenerateSerializer, Immutable]
public sealed record StoredObject(
    long Epoch, long Order, LogRecord[] Log, Declaration? Declaration, FdId[] Holders, bool FileClosed, FdId[] Noncoherent)
{
    public static readonly StoredObject Nothing = new(0, 0, [], null, [], false, []);

    /// <summary>Those that do so as the files of their devices would.</summary>
    [Id(0)]
    public FdId[] NoncoherentByFiles { get; init; } = [];

    /// <summary>The device files that a VM keeps.</summary>
    [Id(1)]
    public VmFileAdded[] Files { get; init; } = [];
}
