// What VFIO asks of an iommufd for its devices: bind, attach, replace, detach, unbind, and the address space of its old ioctls.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core.Linux;

/// <summary>The kernel's own calls of iommufd. A refusal has changed nothing.</summary>
public static class IommufdDevices
{
    public static Errno Bind(SyscallFrame frame, int context, DeviceFacts device, out uint id)
    {
        id = 0;
        if (device.Unit is not { } unit)
        {
            return Errno.EINVAL;
        }

        if (!unit.MsiIsolated && !frame.State.Options.AllowUnsafeInterrupts)
        {
            return Errno.EPERM;
        }

        DmaOwner? owner = frame.State.DmaOwners.GetValueOrDefault(device.Traits.Group);
        if (owner is not null && owner.Number != context)
        {
            return Errno.EPERM;
        }

        frame.State = frame.State with { DmaOwners = frame.State.DmaOwners.SetItem(device.Traits.Group, new DmaOwner(context, (owner?.Count ?? 0) + 1)) };
        var call = new IommufdCall(frame, context, 0);
        id = call.Context.FreeId;
        call.Context = call.Context.With(new IommufdDevice(id, device, device.Traits.Group, DomainFacts.Of(unit), unit.EnforceSnoop));
        call.TellDevices();
        return Errno.OK;
    }

    /// <summary>The table it is attached to is the new <paramref name="table"/>.</summary>
    public static Errno Attach(SyscallFrame frame, int context, uint device, ref uint table) => ChangeTable(frame, context, device, ref table, replace: false);

    public static Errno Replace(SyscallFrame frame, int context, uint device, ref uint table) => ChangeTable(frame, context, device, ref table, replace: true);

    public static void Detach(SyscallFrame frame, int context, uint device)
    {
        var call = new IommufdCall(frame, context, 0);
        Attaching.Detach(call, call.Context.Find<IommufdDevice>(device)!);
        call.TellDevices();
    }

    /// <summary>It is detached. The last one of a context whose file is closed ends it.</summary>
    public static void Unbind(SyscallFrame frame, int context, uint device)
    {
        var call = new IommufdCall(frame, context, 0);
        IommufdDevice bound = call.Context.Find<IommufdDevice>(device)!;
        call.Context = Forget(call.Context, bound);
        DmaOwner owner = frame.State.DmaOwners[bound.Group];
        frame.State = frame.State with
        {
            DmaOwners = owner.Count == 1 ? frame.State.DmaOwners.Remove(bound.Group) : frame.State.DmaOwners.SetItem(bound.Group, owner with { Count = owner.Count - 1 }),
        };
        call.TellDevices();
        Iommufd.EndIfUnused(frame, context);
    }

    /// <summary>Without a device that is attached to nothing.</summary>
    public static IommufdContext Forget(IommufdContext context, IommufdDevice device)
    {
        IommufdContext rest = context.Without(device.Id);
        return rest.Devices.Any(other => other.Group == device.Group) ? rest : rest with { Groups = rest.Groups.Remove(device.Group) };
    }

    /// <summary>Is any device of the group bound here?</summary>
    public static bool HasGroup(IommufdContext context, GroupId group) => context.Devices.Any(device => device.Group == group);

    /// <summary>iommufd_vfio_compat_ioas_get_id.</summary>
    public static Errno CompatIoas(SyscallFrame frame, int context, out uint ioas)
    {
        ioas = frame.State.Contexts[context].CompatIoas;
        return ioas == 0 ? Errno.ENODEV : Errno.OK;
    }

    /// <summary>iommufd_vfio_compat_ioas_create: does nothing if there is one.</summary>
    public static Errno CreateCompatIoas(SyscallFrame frame, int context)
    {
        var call = new IommufdCall(frame, context, 0);
        if (call.Context.NoIommu)
        {
            return Errno.EINVAL;
        }

        if (call.Context.CompatIoas == 0)
        {
            uint id = call.Context.FreeId;
            call.Context = call.Context.With(new Ioas(id, frame.NextNumber(), IoPages.Empty, [])) with { CompatIoas = id };
        }

        return Errno.OK;
    }

    /// <summary>iommufd_vfio_compat_set_no_iommu.</summary>
    public static Errno SetNoIommu(SyscallFrame frame, int context)
    {
        var call = new IommufdCall(frame, context, 0);
        if (call.Context.CompatIoas != 0)
        {
            return Errno.EINVAL;
        }

        call.Context = call.Context with { NoIommu = true };
        return Errno.OK;
    }

    /// <summary>By what the id names: a table, or an address space.</summary>
    public static Errno ChangeTable(IommufdCall call, IommufdDevice device, ref uint table, bool replace)
    {
        switch (call.Context.Objects.GetValueOrDefault(table))
        {
            case null:
                return Errno.ENOENT;
            case Hwpt hwpt:
                return replace ? Attaching.Replace(call, device, hwpt.Id) : Attaching.Attach(call, device, hwpt.Id);
            case Ioas ioas:
                Errno errno = Attaching.AttachAutomatically(call, device, ioas.Id, replace, out uint chosen);
                table = errno == Errno.OK ? chosen : table;
                return errno;
            default:
                return Errno.EINVAL;
        }
    }

    private static Errno ChangeTable(SyscallFrame frame, int context, uint device, ref uint table, bool replace)
    {
        var call = new IommufdCall(frame, context, 0);
        Errno errno = ChangeTable(call, call.Context.Find<IommufdDevice>(device)!, ref table, replace);
        call.TellDevices();
        return errno;
    }
}
