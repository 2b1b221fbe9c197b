// The rules of IOASIDs, memory registration and mappings: pure functions from the fd's records to a decision. Refusals stand in their order of precedence.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>Decides ALLOC, FREE, GET_INFO, (UN)REGISTER_MEMORY, MAP and UNMAP (domain 2.1, 2.7: the EMU column).</summary>
public static class MappingRules
{
    public static Decision CheckExtension(IoasidCheckExtension command) =>
        Decision.Answer(new Reply(Errno.OK, (Extension)command.Number is Extension.EXT_MAP_TYPE1V2 or Extension.EXT_MULTIDEV_GROUP or Extension.EXT_DMA_NO_SNOOP ? 1 : 0));

    public static Decision Alloc(FdState fd, IoasidAlloc command)
    {
        SharingPolicy policy = fd.Profile.Sharing;
        bool chosen = policy.Formats.Length > 0;
        if ((chosen && !policy.Formats.Cast<SnoopFormat?>().Contains(command.Format)) || command.AddressWidth is not (39 or 48 or 57))
        {
            return Decision.Refuse(Errno.EINVAL);
        }

        var number = new IoasidNumber(fd.LastNumber + 1);
        var spec = new IoasidSpec(chosen && command.Format == SnoopFormat.Snoop, command.AddressWidth, PageSizes: 0)
        {
            Auto = !chosen || command.Format == SnoopFormat.Auto, PerMapping = policy.FormatPerMapping,
        };
        return Decision.Change(new IoasidAllocated(number, spec)).With(new Reply(Errno.OK, number.Value));
    }

    public static Decision Free(FdState fd, IoasidFree command)
    {
        if (!fd.Ioasids.ContainsKey(command.Number))
        {
            return Decision.Refuse(Errno.ENOENT);
        }

        return fd.AttachedTo(command.Number).Any() ? Decision.Refuse(Errno.EBUSY) : Decision.Change(new IoasidFreed(command.Number));
    }

    /// <summary>Attributes exist only while a device is attached (RFC v1).</summary>
    public static Decision GetInfo(FdState fd, IoasidGetInfo command)
    {
        if (!fd.Ioasids.TryGetValue(command.Number, out IoasidEntry? ioasid))
        {
            return Decision.Refuse(Errno.ENOENT);
        }

        BoundDevice[] devices = [.. fd.AttachedTo(command.Number)];
        if (devices.Length == 0)
        {
            return Decision.Refuse(Errno.EINVAL);
        }

        IovaRange[] reserved = [.. devices.SelectMany(ReservedBy).Distinct().Order()];
        return Decision.Answer(Reply.With(new IoasidInfo(ioasid.Spec with { PageSizes = ioasid.PageSizes }, devices.Length, ioasid.Areas.Count, reserved)));
    }

    public static Decision Register(FdState fd, IoasidRegisterMemory command)
    {
        if (command.Length == 0 || !IsUserRange(command.Start, command.Length) || !Aligned(command.Start.Offset, command.Length))
        {
            return Decision.Refuse(Errno.EINVAL);
        }

        if (fd.Registered.Any(memory => memory.Overlaps(command.Start, command.Length)))
        {
            return Decision.Refuse(Errno.EEXIST);
        }

        // What is mapped inside of it already costs nothing more.
        ulong locked = fd.LockedWith(fd.Registered.Add(new RegisteredMemory(command.Start, command.Length)));
        return locked > fd.Options!.LockedLimit
            ? Decision.Refuse(Errno.ENOMEM)
            : Decision.Change(new MemoryRegistered(command.Start, command.Length));
    }

    public static Decision Unregister(FdState fd, IoasidUnregisterMemory command)
    {
        RegisteredMemory? memory = fd.Registered.Find(entry => entry.Start == command.Start && entry.Length == command.Length);
        if (memory is null)
        {
            return Decision.Refuse(Errno.ENOENT);
        }

        bool mapped = fd.Ioasids.Values.SelectMany(ioasid => ioasid.Areas.All).Any(area => memory.Overlaps(area.Memory, area.Range.Length));
        return mapped ? Decision.Refuse(Errno.EBUSY) : Decision.Change(new MemoryUnregistered(memory.Start));
    }

    public static Decision Map(FdState fd, IoasidMapDma command)
    {
        if (!fd.Ioasids.TryGetValue(command.Number, out IoasidEntry? ioasid))
        {
            return Decision.Refuse(Errno.ENOENT);
        }

        Errno errno = CheckMapArguments(command, out IovaRange range);
        if (errno == Errno.OK)
        {
            errno = CheckPlace(fd, ioasid, range, command);
        }

        var area = new Area(range, command.Memory, command.Access) { Format = ioasid.Spec.PerMapping ? command.Format ?? ioasid.Spec.Format : null };
        errno = errno == Errno.OK ? fd.Profile.Sharing.Map(ioasid, [.. fd.AttachedTo(ioasid.Number)], area) : errno;
        return errno == Errno.OK ? Decision.Change(new AreaMapped(ioasid.Number, area)) : Decision.Refuse(errno);
    }

    public static Decision Unmap(FdState fd, IoasidUnmapDma command)
    {
        if (!fd.Ioasids.TryGetValue(command.Number, out IoasidEntry? ioasid))
        {
            return Decision.Refuse(Errno.ENOENT);
        }

        Errno errno = CheckUnmapArguments(command, out IovaRange range);
        if (errno != Errno.OK)
        {
            return Decision.Refuse(errno);
        }

        IovaRange[] ranges = [.. ioasid.Areas.Overlapping(range).Select(area => area.Range)];
        if (ranges.Any(area => !range.Contains(area)))
        {
            return Decision.Refuse(Errno.EINVAL);
        }

        Reply reply = Reply.With(new UnmappedBytes(ranges.Aggregate(0UL, (sum, area) => sum + area.Length)));
        return ranges.Length == 0 ? Decision.Answer(reply) : Decision.Change(new AreasUnmapped(ioasid.Number, ranges)).With(reply);
    }

    /// <summary>Windows in which nothing may be mapped while this device is attached.</summary>
    public static IEnumerable<IovaRange> ReservedBy(BoundDevice device) =>
        device.Unit.Reserved.Concat(device.Traits.Reserved).Append(Quantity.InterruptWindow);

    /// <summary>In type1's order: permission, alignment, wrap-around, then the user's memory.</summary>
    private static Errno CheckMapArguments(IoasidMapDma command, out IovaRange range)
    {
        range = default;
        if (command.Access is not (DmaAccess.Read or DmaAccess.Write or DmaAccess.ReadWrite))
        {
            return Errno.EINVAL;
        }

        if (command.Length == 0 || !Aligned(command.Iova, command.Length) || !Quantity.IsPageAligned(command.Memory.Offset))
        {
            return Errno.EINVAL;
        }

        if (!IovaRange.TryCreate(command.Iova, command.Length, out range) || command.Memory.Offset + (command.Length - 1) < command.Memory.Offset)
        {
            return Errno.EOVERFLOW;
        }

        return IsUserRange(command.Memory, command.Length) ? Errno.OK : Errno.EFAULT;
    }

    /// <summary>In type1's order: overlap, number of mappings, permitted ranges, then what pinning needs.</summary>
    private static Errno CheckPlace(FdState fd, IoasidEntry ioasid, IovaRange range, IoasidMapDma command)
    {
        if (fd.Options!.MapNeedsAttach && !IsWhollyAttached(fd, ioasid.Number))
        {
            return Errno.EINVAL;
        }

        if (ioasid.Areas.AnyOverlaps(range))
        {
            return Errno.EEXIST;
        }

        if (fd.Mappings >= fd.Options.MappingLimit || !ioasid.Areas.HasRoomFor(command.Memory.Memory))
        {
            return Errno.ENOSPC;
        }

        if (range.Last > ioasid.Spec.LastIova || fd.AttachedTo(ioasid.Number).SelectMany(ReservedBy).Any(range.Overlaps))
        {
            return Errno.EINVAL;
        }

        if (!fd.Registered.IsEmpty)
        {
            return fd.Registered.Exists(memory => memory.Contains(command.Memory, command.Length)) ? Errno.OK : Errno.EINVAL;
        }

        return command.Length > fd.Options.LockedLimit || fd.LockedBytes > fd.Options.LockedLimit - command.Length ? Errno.ENOMEM : Errno.OK;
    }

    private static Errno CheckUnmapArguments(IoasidUnmapDma command, out IovaRange range)
    {
        range = new IovaRange(0, ulong.MaxValue);
        if (command.All)
        {
            return command.Iova == 0 && command.Length == 0 ? Errno.OK : Errno.EINVAL;
        }

        if (command.Iova == 0 && command.Length == ulong.MaxValue)
        {
            return Errno.OK;
        }

        if (command.Length == 0 || !Aligned(command.Iova, command.Length))
        {
            return Errno.EINVAL;
        }

        return IovaRange.TryCreate(command.Iova, command.Length, out range) ? Errno.OK : Errno.EOVERFLOW;
    }

    /// <summary>RFC v1: some device is attached and no group has a bound member that is not (partial_devices).</summary>
    private static bool IsWhollyAttached(FdState fd, IoasidNumber number) =>
        fd.AttachedTo(number).Any()
        && fd.AttachedTo(number).All(device => fd.InGroup(device.Traits.Group).All(member => member.Attached == number));

    private static bool Aligned(ulong start, ulong length) => Quantity.IsPageAligned(start) && Quantity.IsPageAligned(length);

    private static bool IsUserRange(UserAddress start, ulong length) =>
        start.Offset < Quantity.UserAddressEnd && length <= Quantity.UserAddressEnd - start.Offset;
}
