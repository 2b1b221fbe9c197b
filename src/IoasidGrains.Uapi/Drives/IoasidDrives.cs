// Drives of an ioasid_fd to one of its IOASIDs.
namespace IoasidGrains.Uapi;

/// <summary>A drive to an Ioasid.</summary>
/// <param name="Previous">The log entry that the fd drove to this Ioasid before; an Ioasid that has not applied it answers NotDriven.</param>
[GenerateSerializer, Immutable]
public abstract record IoasidDrive(Stamp Stamp, long Previous, IoasidId Ioasid) : Drive(Stamp);

/// <summary>One attached device: itself, its unit, what that unit can do.</summary>
[GenerateSerializer, Immutable]
public sealed record Attachment(DeviceId Device, UnitId Unit, IommuCapabilities Capabilities, int Table, bool ForcesSnoop);

/// <summary>The whole desired state: sent when the IOASID is allocated (empty) and when it must be built again.</summary>
[GenerateSerializer, Immutable]
public sealed record BuildIoasid(Stamp Stamp, IoasidId Ioasid, IoasidSpec Spec, Area[] Areas, TableSpec[] Tables, Attachment[] Attachments)
    : IoasidDrive(Stamp, 0, Ioasid)
{
    /// <summary>One of the attached devices whose detach is driven next, and may have been answered: it is not enabled again. Null: none.</summary>
    [Id(0)]
    public DeviceId? Leaving { get; init; }
}

/// <summary>
/// A device joins: its table is made or, if it has another format, converted, with nobody left who uses the old entries; then route in the page table,
/// context in the unit, and the device is enabled.
/// </summary>
[GenerateSerializer, Immutable]
public sealed record AttachDevice(Stamp Stamp, long Previous, IoasidId Ioasid, TableSpec Table, Attachment Attachment)
    : IoasidDrive(Stamp, Previous, Ioasid);

/// <summary>
/// A device leaves: it is disabled and its translations are gone, then the context is blocked, then the route is removed. Then the table goes too, or is
/// converted if it has another format.
/// </summary>
[GenerateSerializer, Immutable]
public sealed record DetachDevice(Stamp Stamp, long Previous, IoasidId Ioasid, DeviceId Device, bool DropsTable, bool EnforceSnoop)
    : IoasidDrive(Stamp, Previous, Ioasid);

/// <summary>One more area.</summary>
[GenerateSerializer, Immutable]
public sealed record MapArea(Stamp Stamp, long Previous, IoasidId Ioasid, Area Area) : IoasidDrive(Stamp, Previous, Ioasid);

/// <summary>These areas are gone; answered when no device can reach them any more.</summary>
[GenerateSerializer, Immutable]
public sealed record UnmapAreas(Stamp Stamp, long Previous, IoasidId Ioasid, IovaRange[] Ranges) : IoasidDrive(Stamp, Previous, Ioasid);

/// <summary>The IOASID is freed: tables dropped.</summary>
[GenerateSerializer, Immutable]
public sealed record DestroyIoasid(Stamp Stamp, long Previous, IoasidId Ioasid, int[] Tables) : IoasidDrive(Stamp, Previous, Ioasid);
