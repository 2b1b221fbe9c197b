// Makes the object of an id; what a runner calls when a mailbox starts.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>All kinds of kernel object.</summary>
public static class KernelObjects
{
    /// <summary>The object as it starts: from its log and declaration if the store has them, else without records.</summary>
    /// <param name="views">Of the silo or Machine where it starts.</param>
    public static KernelObject Create(ObjectId id, StoredObject stored, LocalViews views) => id.Kind switch
    {
        ObjectKind.IoasidFd => new IoasidFd(id, stored),
        ObjectKind.Ioasid => new Ioasid(id),
        ObjectKind.Kvm => new Kvm(id, stored),
        ObjectKind.IommuUnit => new IommuUnit(id, stored),
        ObjectKind.Device => new Device(id, stored, views),
        ObjectKind.PageTable => new PageTable(id, views),
        ObjectKind.GuestMemory => new GuestMemory(id, views),
        _ => throw new InvariantException($"There is no object of kind {id.Kind}."),
    };

    /// <summary>True if the store knows something that the object needs to start.</summary>
    public static bool IsStored(ObjectKind kind) => kind is ObjectKind.IoasidFd or ObjectKind.Kvm or ObjectKind.IommuUnit or ObjectKind.Device;
}
