// What a name of a flow stands for; decided when the file is read.
using IoasidGrains.Uapi;

namespace IoasidGrains.Flows;

/// <summary>The kinds of name: kinds of object, and two kinds of value that a step binds.</summary>
public enum NameKind
{
    Fd,
    Vm,
    Unit,
    Device,

    /// <summary>A process that uses the Linux dialects.</summary>
    Process,

    /// <summary>A file that a process has open.</summary>
    File,

    /// <summary>The value of an ioctl: <c>gpa = ioctl …</c>.</summary>
    Number,

    /// <summary>A snoop flag: <c>flag = choose …</c>.</summary>
    Flag,
}

/// <summary>A declared name and its kind.</summary>
public readonly record struct NamedObject(NameKind Kind, string Name)
{
    public bool IsValue => Kind is NameKind.Number or NameKind.Flag;

    /// <summary>The object's id on a host; a value has none.</summary>
    public ObjectId On(HostId host) => new(ObjectKindOf(Kind), host.Key(Name));

    internal static ObjectKind ObjectKindOf(NameKind kind) => kind switch
    {
        NameKind.Fd or NameKind.Process => ObjectKind.IoasidFd,
        NameKind.Vm => ObjectKind.Kvm,
        NameKind.Unit => ObjectKind.IommuUnit,
        NameKind.Device => ObjectKind.Device,
        _ => throw new InvalidOperationException($"A {kind} is not an object."),
    };

    /// <summary>The kind in the field's words, with its article.</summary>
    internal static string Words(NameKind kind) => kind switch
    {
        NameKind.Fd => "an ioasid_fd",
        NameKind.Vm => "a VM",
        NameKind.Unit => "an IOMMU unit",
        NameKind.Device => "a device",
        NameKind.Process => "a process",
        NameKind.File => "a file of a process",
        NameKind.Number => "a number",
        _ => "a snoop flag",
    };
}
