// One row of the ioctl table, and what it is made of.
namespace IoasidGrains.Uapi;

/// <summary>How far an ioctl works.</summary>
public abstract record IoctlStatus
{
    /// <summary>All of it.</summary>
    public sealed record Full : IoctlStatus;

    /// <summary>All but what <paramref name="Missing"/> says.</summary>
    public sealed record Partial(string Missing) : IoctlStatus;

    /// <summary>Not at all: the port answers ENOTTY, for this reason.</summary>
    public sealed record Absent(string Why) : IoctlStatus;

    public override sealed string ToString() => this switch
    {
        Full => "full",
        Partial partial => $"partial: {partial.Missing}",
        Absent absent => $"absent: {absent.Why}",
        _ => "",
    };
}

/// <summary>What an argument of an ioctl is; the flow language reads and completes arguments by it.</summary>
public enum ArgumentKind
{
    /// <summary>An ioasid_fd by name.</summary>
    Fd,

    /// <summary>A device by name.</summary>
    Device,

    /// <summary>An IOASID: a name that an ALLOC was given, or a number.</summary>
    Ioasid,

    /// <summary><c>snoop</c>, <c>no_snoop</c>, a name that holds one, or a number (the raw flag).</summary>
    SnoopFlag,

    /// <summary><c>IOVA+LENGTH</c>, numbers.</summary>
    IovaRange,

    /// <summary><c>vm1+0x1000</c>, or a bare number: an address of the process that opened the fd.</summary>
    UserAddress,

    /// <summary>A user address and a length: <c>vm1+0x1000+0x2000</c> or <c>0x1000+0x2000</c>.</summary>
    UserRange,

    /// <summary><c>r</c>, <c>w</c>, <c>rw</c> or <c>none</c>.</summary>
    Access,

    /// <summary>An extension's name or a number.</summary>
    Extension,

    /// <summary>The word <c>all</c>.</summary>
    AllFlag,

    /// <summary>The word <c>width</c> and a number of bits, one argument in two words.</summary>
    Width,

    /// <summary><c>on</c> or <c>off</c>.</summary>
    OnOff,

    /// <summary>The word <c>page</c> and a size in bytes, one argument in two words.</summary>
    PageSize,

    /// <summary>The word <c>no_clear</c>.</summary>
    NoClearFlag,
}

/// <summary>One argument: its name in help texts, its kind, and whether it may be left out (only from the end on).</summary>
public sealed record IoctlArgument(string Name, ArgumentKind Kind, bool Optional = false)
{
    public override string ToString() => Optional ? $"[{Name}]" : Name;
}

/// <summary>One ioctl.</summary>
/// <param name="Name">Its macro.</param>
/// <param name="Code">Its number, <c>_IO(type, nr)</c>.</param>
/// <param name="Dialect">Which proposal it is from.</param>
/// <param name="On">The kind of object whose fd it is called on.</param>
/// <param name="Arguments">What follows it in a flow.</param>
/// <param name="Status">How far it works.</param>
/// <param name="Source">Where it is from.</param>
/// <param name="Build">Makes the command; null if absent.</param>
public sealed record IoctlRow(
    Ioctl Name, uint Code, string Dialect, ObjectKind On, IoctlArgument[] Arguments, IoctlStatus Status, string Source,
    Func<IoctlCall, UapiCommand>? Build)
{
    public string Usage => Arguments.Length == 0 ? Name.ToString() : $"{Name} {string.Join(' ', Arguments.Select(a => a.ToString()))}";
}
