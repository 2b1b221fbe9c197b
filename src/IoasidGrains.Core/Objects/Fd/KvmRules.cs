// The rules of an fd's links to VMs: pure functions from the fd's records to a decision. Refusals stand in their order of precedence.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>Decides the ioctls on VMs that enter at an fd, and what a KVM side that follows every change is told with each (domain 3.3, 5).</summary>
public static class KvmRules
{
    /// <summary>Announces the fd; in the seed KVM's coherency changes only at KVM_UPDATE. Strict mode refuses to open a window here, or at KVM_DEL, too.</summary>
    public static Decision Add(FdState fd, FdId id, VmId vm)
    {
        if (fd.Kvms.ContainsKey(vm))
        {
            return Decision.Refuse(Errno.EEXIST);
        }

        return fd.Options!.RefuseCoherencyGap && fd.HasNoncoherentDevice
            ? Decision.Refuse(Errno.EPERM)
            : Decision.Change(new KvmAdded(vm)).With(Claim.Alive(vm), Claim.Link(vm, id));
    }

    /// <summary>Takes back what was announced, and what it contributed.</summary>
    public static Decision Del(FdState fd, FdId id, VmId vm)
    {
        if (!fd.Kvms.ContainsKey(vm))
        {
            return Decision.Refuse(Errno.ENOENT);
        }

        return fd.Options!.RefuseCoherencyGap && fd.HasNoncoherentDevice
            ? Decision.Refuse(Errno.EPERM)
            : Decision.Change(new KvmRemoved(vm)).With(Claim.Alive(vm)).With(ReleaseLink(fd, id, vm));
    }

    /// <summary>A side without an update verb answers 0 and does nothing.</summary>
    public static Decision Update(FdState fd, FdId id, VmId vm)
    {
        if (!fd.Kvms.TryGetValue(vm, out bool? told))
        {
            return Decision.Refuse(Errno.ENOENT);
        }

        if (fd.Profile.Kvm.Trigger != KvmTrigger.Update)
        {
            return Decision.Answer(Reply.Ok);
        }

        bool noncoherent = fd.Profile.Kvm.IsNoncoherent(fd, vm);
        Decision update = Decision.Change(new KvmUpdated(vm, noncoherent)).With(Claim.Alive(vm));
        update = noncoherent == (told ?? false) ? update : update.With(Told(fd, id, vm, noncoherent));
        return update.With(Claim.CountNoncoherent(vm));
    }

    /// <summary>
    /// KVM_ALLOW and KVM_DISALLOW_INCOHERENT_DMA: fd and device prove that there is one which may send no-snoop (m227). EPERM for one that cannot.
    /// Taking it back works after the device has left, too.
    /// </summary>
    public static Decision Allow(FdState fd, KvmAllowIncoherentDma command)
    {
        if (!fd.Profile.Kvm.IsUserDriven)
        {
            return Decision.Refuse(Errno.EOPNOTSUPP);
        }

        bool allowed = fd.Allowed.Contains((command.Vm, command.Device));
        BoundDevice? device = fd.Devices.GetValueOrDefault(command.Device);
        if (!fd.Kvms.ContainsKey(command.Vm) || (command.Allow ? device is null : !allowed))
        {
            return Decision.Refuse(Errno.ENOENT);
        }

        return command.Allow && device!.Traits.CoherentOnly ? Decision.Refuse(Errno.EPERM)
            : allowed == command.Allow ? Decision.Answer(Reply.Ok)
            : Decision.Change(new IncoherentDmaAllowed(command.Vm, command.Device, command.Allow)).With(Claim.Alive(command.Vm));
    }

    /// <summary>The same decision, and what each VM must be told with it.</summary>
    public static Decision Push(FdState fd, FdId id, Decision decision)
    {
        if (fd.Options is null || fd.Process is not null || fd.Profile.Kvm is not { Trigger: KvmTrigger.Change } side)
        {
            return decision;
        }

        FdState after = fd.With(decision.Changes);
        foreach ((VmId vm, bool? told) in after.Kvms)
        {
            bool noncoherent = side.IsNoncoherent(after, vm);
            if (noncoherent != (told ?? false))
            {
                decision = (decision with { Changes = [.. decision.Changes, new KvmUpdated(vm, noncoherent)] }).With(Told(fd, id, vm, noncoherent));
            }
        }

        return decision;
    }

    public static Claim[] ReleaseLinks(FdState fd, FdId id) => [.. fd.Kvms.Keys.SelectMany(vm => ReleaseLink(fd, id, vm))];

    private static Claim[] ReleaseLink(FdState fd, FdId id, VmId vm) =>
        fd.Kvms[vm] == true ? [Claim.Unlink(vm, id), Told(fd, id, vm, noncoherent: false)] : [Claim.Unlink(vm, id)];

    private static Claim Told(FdState fd, FdId id, VmId vm, bool noncoherent) => noncoherent
        ? Claim.Noncoherent(vm, id, fd.Profile.Kvm.ByFiles)
        : Claim.Coherent(vm, id, fd.Profile.Kvm.ByFiles);
}
