// The rules of binding and attaching: pure functions from the fd's records to a decision. Refusals stand in their order of precedence.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>Decides the ioctls on device fds (domain 3.3, 2.8).</summary>
public static class DeviceRules
{
    /// <summary>BIND, once the device and its unit have said what they are. The store decides whether somebody else holds it or its file is closed.</summary>
    public static Decision Bind(FdState fd, DeviceId device, DeviceTraits traits, IommuCapabilities unit)
    {
        if (!unit.CacheCoherent)
        {
            return Decision.Refuse(Errno.EINVAL);
        }

        Decision bind = Decision.Change(new DeviceBound(device, traits, unit)).With(Claim.FileOpen(device), Claim.Take(device));
        bind = fd.InGroup(traits.Group).Any() ? bind : bind.With(Claim.Take(traits.Group));
        return traits.Opens == DriverOpens.AtBind ? OpenDriver(fd, device, traits, bind) : bind;
    }

    public static Decision Unbind(FdState fd, FdId id, BoundDevice device, bool closeFile)
    {
        List<Change> changes = [];
        if (device.Place is not null)
        {
            changes.Add(Leave(fd, device));
        }

        changes.Add(new DeviceUnbound(device.Id, FileOpen: !closeFile));
        Decision unbind = Decision.Change([.. changes]).With(Claim.Release(device.Id));
        unbind = closeFile ? unbind.With(Claim.CloseFile(device.Id)) : unbind;
        bool last = fd.Devices.Count == 1;
        if (fd.InGroup(device.Traits.Group).Count() == 1)
        {
            unbind = unbind.With(Claim.Release(device.Traits.Group));
        }

        return fd.Closed && last ? unbind.With(KvmRules.ReleaseLinks(fd, id)) : unbind;
    }

    public static Decision Close(FdState fd, FdId id) =>
        fd.Devices.IsEmpty ? Decision.Change(new FdClosed()).With(KvmRules.ReleaseLinks(fd, id)) : Decision.Change(new FdClosed());

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

        Decision attach = Attach(fd, device, ioasid, command, hostEnforces: true);
        Decision otherwise = Attach(fd, device, ioasid, command, hostEnforces: false);

        // Only the store knows all units of the host: if the policy asks, the append decides.
        return attach.SameAs(otherwise) ? attach : attach.With(Claim.AllUnitsEnforce(device.Id)) with { Otherwise = otherwise };
    }

    public static Decision Detach(FdState fd, BoundDevice device, VfioDetachIoasid command) =>
        device.Attached == command.Number ? Decision.Change(Leave(fd, device)) : Decision.Refuse(Errno.EINVAL);

    /// <summary>The fixed attributes of the unit, reported as soon as the device is bound; they need no IOASID.</summary>
    public static Decision GetDevInfo(FdState fd, IoasidGetDevInfo command) =>
        fd.Devices.TryGetValue(command.Device, out BoundDevice? device)
            ? Decision.Answer(Reply.With(new DeviceInfo(device.Unit, device.Traits)))
            : Decision.Refuse(Errno.ENOENT);

    private static Decision Attach(FdState fd, BoundDevice device, IoasidEntry ioasid, VfioAttachIoasid command, bool hostEnforces)
    {
        if (device.Place is not null)
        {
            return Decision.Refuse(Errno.EBUSY);
        }

        Placement place = Place(fd, new Joining(device, command.Format, ioasid, [.. ioasid.Tables.Values.Select(table => Use(fd, ioasid, table))], hostEnforces));
        if (place.Errno != Errno.OK)
        {
            return Decision.Refuse(place.Errno);
        }

        var attached = new DeviceAttached(device.Id, ioasid.Number, place.Table, place.EnforceSnoop)
        {
            Flag = command.Format, ForcesSnoop = place.ForcesSnoop, PromisesSnoop = place.PromisesSnoop,
        };
        Errno errno = CheckAttach(fd, device, ioasid, attached);
        if (errno != Errno.OK)
        {
            return Decision.Refuse(errno);
        }

        Decision attach = Decision.Change(attached);
        return device.Traits.Opens == DriverOpens.AtAttach && !device.DriverOpened ? OpenDriver(fd, device.Id, device.Traits, attach) : attach;
    }

    /// <summary>The policy decides; members of a group translate through one table.</summary>
    private static Placement Place(FdState fd, Joining joining)
    {
        BoundDevice? sibling = fd.InGroup(joining.Device.Traits.Group).FirstOrDefault(member => member.Attached == joining.Ioasid.Number);
        Placement place = fd.Profile.Sharing.Attach(joining);
        return place.Errno == Errno.OK && sibling is { Place: { } at } && at.Table != place.Table && fd.Profile.Sharing.DropsEmptyTables
            ? place with { Table = at.Table, EnforceSnoop = joining.Ioasid.Tables[at.Table].EnforceSnoop }
            : place;
    }

    private static TableUse Use(FdState fd, IoasidEntry ioasid, TableSpec table) =>
        new(table, [.. fd.AttachedTo(ioasid.Number).Where(device => device.Place!.Table == table.Index)]);

    /// <summary>The table that it leaves goes with its last device, or has the format that the policy wants then.</summary>
    private static DeviceDetached Leave(FdState fd, BoundDevice device)
    {
        IoasidEntry ioasid = fd.Ioasids[device.Place!.Number];
        TableUse all = Use(fd, ioasid, fd.TableOf(device));
        TableUse rest = all with { Devices = [.. all.Devices.Where(other => other.Id != device.Id)] };
        SharingPolicy policy = fd.Profile.Sharing;
        bool drops = rest.Devices.Length == 0 && policy.DropsEmptyTables;
        return new DeviceDetached(device.Id, drops, drops ? rest.EnforceSnoop : policy.Detach(new Leaving(device, ioasid, rest)));
    }

    private static Errno CheckAttach(FdState fd, BoundDevice device, IoasidEntry ioasid, DeviceAttached place)
    {
        bool tableFits = !ioasid.Tables.TryGetValue(place.Table, out TableSpec? table) || (table.PageSizes & ~device.Unit.PageSizes) == 0;
        bool groupElsewhere = fd.InGroup(device.Traits.Group).Any(member => member.Attached is { } other && other != ioasid.Number);
        if (ioasid.Spec.AddressWidth > device.Unit.AddressWidth || !tableFits || groupElsewhere)
        {
            return Errno.EINVAL;
        }

        if (MappingRules.ReservedBy(device).Any(ioasid.Areas.AnyOverlaps))
        {
            return Errno.EADDRINUSE;
        }

        bool untold = !place.EnforceSnoop && fd.Profile.Kvm.Trigger == KvmTrigger.Update && fd.Kvms.Values.Any(told => told != true);
        return fd.Options!.RefuseCoherencyGap && untold ? Errno.EPERM : Errno.OK;
    }

    /// <summary>The driver's open_device: drivers that need the KVM pointer fail with their own errno until a living VM knows the fd or keeps the device's file (domain 3.6, 5.5).</summary>
    private static Decision OpenDriver(FdState fd, DeviceId device, DeviceTraits traits, Decision opened)
    {
        if (traits.OpenWithoutKvm == Errno.OK)
        {
            return opened;
        }

        return opened.With(Claim.KvmPointer(device, fd.Kvms.Keys)) with { IfVmEnded = traits.OpenWithoutKvm };
    }
}
