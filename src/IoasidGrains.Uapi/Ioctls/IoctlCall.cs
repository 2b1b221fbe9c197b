// An ioctl at the door: target, arguments, and the first argument that was of the wrong kind.
namespace IoasidGrains.Uapi;

/// <summary>One argument's value, names already resolved.</summary>
public abstract record IoctlValue
{
    /// <summary>A declared object, of whatever kind.</summary>
    public sealed record Object(ObjectId Id) : IoctlValue;

    public sealed record Number(ulong Value) : IoctlValue;

    /// <summary>Start and length, unchecked.</summary>
    public sealed record Range(ulong Start, ulong Length) : IoctlValue;

    /// <summary>An address; <paramref name="Memory"/> null means the process of the fd.</summary>
    public sealed record User(GuestMemoryId? Memory, ulong Offset, ulong Length) : IoctlValue;

    public sealed record Flag(SnoopFormat Format) : IoctlValue;

    public sealed record Access(DmaAccess Value) : IoctlValue;

    public sealed record All : IoctlValue;

    /// <summary>An optional argument that was left out before one that was not.</summary>
    public sealed record Absent : IoctlValue;
}

/// <summary>Reads arguments for the rows of <see cref="IoctlTable"/>. A value of the wrong kind leaves an errno in <see cref="Error"/>.</summary>
public sealed class IoctlCall(ObjectId target, IoctlValue[] values)
{
    /// <summary>OK, or why the call is refused at the door.</summary>
    public Errno Error { get; private set; }

    public FdId Fd => new(target.Key);

    public DeviceId Device => new(target.Key);

    public VmId Vm => new(target.Key);

    /// <summary>An argument that must name an ioasid_fd; another kind of file is EINVAL (domain 3.3, step 0b).</summary>
    public FdId FdAt(int index) => new(KeyAt(index, ObjectKind.IoasidFd));

    public DeviceId DeviceAt(int index) => new(KeyAt(index, ObjectKind.Device));

    /// <summary>An IOASID number; one that does not fit is one that does not exist.</summary>
    public IoasidNumber IoasidAt(int index) =>
        ValueAt(index) is IoctlValue.Number { Value: var value }
            ? new IoasidNumber((uint)Math.Min(value, uint.MaxValue))
            : Refuse(new IoasidNumber(0));

    /// <summary>The snoop flag; null for a raw value that is none.</summary>
    public SnoopFormat? FlagAt(int index) => ValueAt(index) switch
    {
        IoctlValue.Flag flag => flag.Format,
        IoctlValue.Number => null,
        _ => Refuse<SnoopFormat?>(null),
    };

    /// <summary>The snoop flag where it may be left out; null then, too.</summary>
    public SnoopFormat? OptionalFlagAt(int index) => index >= values.Length || ValueAt(index) is IoctlValue.Absent ? null : FlagAt(index);

    public (ulong Start, ulong Length) RangeAt(int index) =>
        ValueAt(index) is IoctlValue.Range range ? (range.Start, range.Length) : Refuse((0UL, 0UL));

    public UserAddress UserAt(int index, FdId fd) =>
        ValueAt(index) is IoctlValue.User user
            ? new UserAddress(user.Memory ?? fd.ProcessMemory, user.Offset)
            : Refuse(new UserAddress(fd.ProcessMemory, 0));

    public ulong UserLengthAt(int index) => ValueAt(index) is IoctlValue.User user ? user.Length : Refuse(0UL);

    /// <summary>Optional; read and write if left out.</summary>
    public DmaAccess AccessAt(int index) => index >= values.Length || ValueAt(index) is IoctlValue.Absent ? DmaAccess.ReadWrite
        : ValueAt(index) is IoctlValue.Access access ? access.Value : Refuse(DmaAccess.None);

    /// <summary>An optional flag: there or not.</summary>
    public bool AllAt(int index) => index < values.Length && ValueAt(index) is not IoctlValue.Absent && (ValueAt(index) is IoctlValue.All || Refuse(false));

    /// <summary>Optional number.</summary>
    public ulong NumberAt(int index, ulong ifAbsent) => index >= values.Length || ValueAt(index) is IoctlValue.Absent ? ifAbsent
        : ValueAt(index) is IoctlValue.Number number ? number.Value : Refuse(ifAbsent);

    /// <summary>True if the only range argument was left out in favour of <c>all</c>.</summary>
    public bool StartsWithAll(int index) => index < values.Length && values[index] is IoctlValue.All;

    private string KeyAt(int index, ObjectKind kind) =>
        ValueAt(index) is IoctlValue.Object value && value.Id.Kind == kind ? value.Id.Key : Refuse("");

    private IoctlValue? ValueAt(int index) => index < values.Length ? values[index] : null;

    private T Refuse<T>(T standIn)
    {
        Error = Error == Errno.OK ? Errno.EINVAL : Error;
        return standIn;
    }
}
