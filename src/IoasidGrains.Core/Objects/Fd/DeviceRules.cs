// The rules of binding, attaching and KVM links: pure functions from the fd's records to a decision. Refusals stand in their order of precedence.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>Decides the ioctls on device fds and on VMs (domain 3.3, 2.8).</summary>
public static class DeviceRules
{
    /// <summary>BIND, once the device and its unit have said what they are. The store decides whether somebody else holds it or its file is closed.</summary>
    public static Decision Bind(FdState fd, DeviceId device, DeviceTraits traits, IommuCapabilities unit)
    {
        Decision bind = Decision.Change(new DeviceBound(device, traits, unit)).With(Claim.FileOpen(device), Claim.Take(device));
        bind = fd.InGroup(traits.Group).Any() ? bind : bind.With(Claim.Take(traits.Group));
        return traits.Opens == DriverOpens.AtBind ? OpenDriver(fd, traits, bind) : bind;
    }

    public static Decision Unbind(FdState fd, FdId id, BoundDevice device, bool closeFile)
    {
        List<Change> changes = [];
        if (device.Attached is not null)
        {
            changes.Add(new DeviceDetached(device.Id));
        }

        changes.Add(new DeviceUnbound(device.Id, FileOpen: !closeFile));
        Decision unbind = Decision.Change([.. changes]).With(Claim.Release(device.Id));
        unbind = closeFile ? unbind.With(Claim.CloseFile(device.Id)) : unbind;
        bool last = fd.Devices.Count == 1;
        if (fd.InGroup(device.Traits.Group).Count() == 1)
        {
            unbind = unbind.With(Claim.Release(device.Traits.Group));
        }

        return fd.Closed && last ? unbind.With(ReleaseLinks(fd, id)) : unbind;
    }

    public static Decision Close(FdState fd, FdId id) =>
        fd.Devices.IsEmpty ? Decision.Change(new FdClosed()).With(ReleaseLinks(fd, id)) : Decision.Change(new FdClosed());

    public static Decision Attach(FdState fd, BoundDevice device, VfioAttachIoasid command)
    {
        if (fd.Closed)
        {
            return Decision.Refuse(Errno.EBADF);
        }

        if (!fd.Ioasids.TryGetValue(command.Number, out IoasidEntry? ioasid))
        {
            return Decision.Refuse(Errno.ENOENT);
        }

        if (ioasid.Spec.TracksDirty && !device.Unit.ScalableMode)
        {
            return Decision.Refuse(Errno.EINVAL);
        }

        Errno errno = CheckAttach(fd, device, ioasid, command.Format);
        if (errno != Errno.OK)
        {
            return Decision.Refuse(errno);
        }

        Decision attach = Decision.Change(new DeviceAttached(device.Id, ioasid.Number));
        return device.Traits.Opens == DriverOpens.AtAttach && !device.DriverOpened ? OpenDriver(fd, device.Traits, attach) : attach;
    }

    public static Decision Detach(BoundDevice device, VfioDetachIoasid command) =>
        device.Attached == command.Number ? Decision.Change(new DeviceDetached(device.Id)) : Decision.Refuse(Errno.EINVAL);

    /// <summary>The fixed attributes of the unit, reported as soon as the device is bound; they need no IOASID.</summary>
    public static Decision GetDevInfo(FdState fd, IoasidGetDevInfo command) =>
        fd.Devices.TryGetValue(command.Device, out BoundDevice? device)
            ? Decision.Answer(Reply.With(new DeviceInfo(device.Unit, device.Traits)))
            : Decision.Refuse(Errno.ENOENT);

    /// <summary>Announces the fd; KVM's coherency changes only at KVM_UPDATE (seed). Strict mode refuses to open a window here, or at KVM_DEL, too.</summary>
    public static Decision AddKvm(FdState fd, FdId id, VmId vm)
    {
        if (fd.Kvms.ContainsKey(vm))
        {
            return Decision.Refuse(Errno.EEXIST);
        }

        return fd.Options!.RefuseCoherencyGap && fd.HasNoncoherentDevice
            ? Decision.Refuse(Errno.EPERM)
            : Decision.Change(new KvmAdded(vm)).With(Claim.Alive(vm), Claim.Link(vm, id));
    }

    public static Decision DelKvm(FdState fd, FdId id, VmId vm)
    {
        if (!fd.Kvms.ContainsKey(vm))
        {
            return Decision.Refuse(Errno.ENOENT);
        }

        return fd.Options!.RefuseCoherencyGap && fd.HasNoncoherentDevice
            ? Decision.Refuse(Errno.EPERM)
            : Decision.Change(new KvmRemoved(vm)).With(Claim.Alive(vm)).With(ReleaseLink(fd, id, vm));
    }

    public static Decision UpdateKvm(FdState fd, FdId id, VmId vm)
    {
        if (!fd.Kvms.TryGetValue(vm, out bool? told))
        {
            return Decision.Refuse(Errno.ENOENT);
        }

        bool noncoherent = FormatOnly.IsNoncoherent(fd);
        Decision update = Decision.Change(new KvmUpdated(vm, noncoherent)).With(Claim.Alive(vm));
        update = noncoherent == (told ?? false) ? update : update.With(noncoherent ? Claim.Noncoherent(vm, id) : Claim.Coherent(vm, id));
        return update.With(Claim.CountNoncoherent(vm));
    }

    private static Errno CheckAttach(FdState fd, BoundDevice device, IoasidEntry ioasid, SnoopFormat? repeated)
    {
        if (device.Attached is not null)
        {
            return Errno.EBUSY;
        }

        Errno format = StrictFormat.CheckAttach(repeated, ioasid.Spec, device.Unit);
        if (format != Errno.OK)
        {
            return format;
        }

        bool tableFits = ioasid.Spec.AddressWidth <= device.Unit.AddressWidth && (ioasid.Spec.PageSizes & ~device.Unit.PageSizes) == 0;
        bool groupElsewhere = fd.InGroup(device.Traits.Group).Any(member => member.Attached is { } other && other != ioasid.Number);
        if (!tableFits || groupElsewhere)
        {
            return Errno.EINVAL;
        }

        if (MappingRules.ReservedBy(device).Any(ioasid.Areas.AnyOverlaps))
        {
            return Errno.EADDRINUSE;
        }

        bool untold = !ioasid.Spec.EnforceSnoop && fd.Kvms.Values.Any(told => told != true);
        return fd.Options!.RefuseCoherencyGap && untold ? Errno.EPERM : Errno.OK;
    }

    /// <summary>The driver's open_device: drivers that need the KVM pointer fail with their own errno until the fd was announced to a living VM (domain 3.6).</summary>
    private static Decision OpenDriver(FdState fd, DeviceTraits traits, Decision opened)
    {
        if (traits.OpenWithoutKvm == Errno.OK)
        {
            return opened;
        }

        Claim kvm = fd.Kvms.IsEmpty ? Claim.Never : Claim.Alive(fd.Kvms.Keys.First(), fd.Kvms.Keys.Skip(1));
        return opened.With(kvm) with { IfVmEnded = traits.OpenWithoutKvm };
    }

    private static Claim[] ReleaseLinks(FdState fd, FdId id) => [.. fd.Kvms.Keys.SelectMany(vm => ReleaseLink(fd, id, vm))];

    private static Claim[] ReleaseLink(FdState fd, FdId id, VmId vm) =>
        fd.Kvms[vm] == true ? [Claim.Unlink(vm, id), Claim.Coherent(vm, id)] : [Claim.Unlink(vm, id)];
}
