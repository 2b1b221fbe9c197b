// The kinds of kernel object, in call order: a call goes to a later kind only.
namespace IoasidGrains.Uapi;

/// <summary>
/// What an object is. The order is the call order: an object may call objects of a later kind only
/// (among IOASIDs, from child to parent: a smaller number), so no circle of waiting can exist.
/// </summary>
public enum ObjectKind
{
    IoasidFd,
    Ioasid,
    Kvm,
    IommuUnit,
    Device,
    PageTable,
    GuestMemory,
}
