// What an append needs from outside its own log, decided in the same store transaction.
namespace IoasidGrains.Uapi;

/// <summary>What is asked of a claim.</summary>
public enum ClaimKind
{
    /// <summary>Mine from now on; refused while somebody else's.</summary>
    Take,

    /// <summary>No longer mine.</summary>
    Release,

    /// <summary>Refused if somebody has taken it, and all its alternatives as well.</summary>
    RequireFree,
}

/// <summary>A claim on a name that at most one log holds: a device (<c>host1/dev1/bound</c>), its group (<c>host1/g1/group</c>), the link of an fd to a VM (<c>host1/vm1/links/host1/fd1</c>), that it makes the VM's DMA non-coherent
/// (<c>host1/vm1/noncoherent/host1/fd1</c>), the end of a VM (<c>host1/vm1/closed</c>).</summary>
[GenerateSerializer, Immutable]
public sealed record Claim(ClaimKind Kind, string Name, params string[] Alternatives)
{
    public static Claim Take(DeviceId device) => new(ClaimKind.Take, NameOf(device));

    public static Claim Release(DeviceId device) => new(ClaimKind.Release, NameOf(device));

    public static string NameOf(DeviceId device) => device.Key + "/bound";

    public static Claim Take(GroupId group) => new(ClaimKind.Take, NameOf(group));

    public static Claim Release(GroupId group) => new(ClaimKind.Release, NameOf(group));

    /// <summary>The fd is announced to the VM. A Kvm that starts finds its links in these names, and in the next ones what it must honour.</summary>
    public static Claim Link(VmId vm, FdId fd) => new(ClaimKind.Take, LinksOf(vm) + fd.Key);

    public static Claim Unlink(VmId vm, FdId fd) => new(ClaimKind.Release, LinksOf(vm) + fd.Key);

    public static Claim Noncoherent(VmId vm, FdId fd) => new(ClaimKind.Take, NoncoherentOf(vm) + fd.Key);

    public static Claim Coherent(VmId vm, FdId fd) => new(ClaimKind.Release, NoncoherentOf(vm) + fd.Key);

    public static string NoncoherentOf(VmId vm) => vm.Key + "/noncoherent/";

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
/// <param name="Order">Position of the record among all appends of the store.</param>
[GenerateSerializer, Immutable]
public sealed record CommitResult(CommitStatus Status, Claim? Refused = null, long Order = 0);

/// <summary>What the store knows about an object that starts.</summary>
/// <param name="Epoch">The epoch of this start; appends carry it.</param>
/// <param name="Log">Its log, oldest first.</param>
/// <param name="Declaration">Its declaration, if it is a unit or a device that was declared.</param>
/// <param name="Holders">Who has claimed a device; who is linked to a VM.</param>
/// <param name="Noncoherent">Those of the fds linked to a VM that make its DMA non-coherent.</param>
[GenerateSerializer, Immutable]
public sealed record StoredObject(long Epoch, LogRecord[] Log, Declaration? Declaration, FdId[] Holders, FdId[] Noncoherent)
{
    public static readonly StoredObject Nothing = new(0, [], null, [], []);
}
