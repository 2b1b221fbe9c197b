// What an object can be handed: a command from the port, or a drive from an object above it.
namespace IoasidGrains.Uapi;

/// <summary>Anything an object understands. Immutable; one record per message.</summary>
[GenerateSerializer, Immutable]
public abstract record Command
{
    /// <summary>Once it has begun it must be carried to its end: a runner repeats the calls it makes until they are answered.</summary>
    public virtual bool MustFinish => false;
}

/// <summary>A command that a user gives at the port; it carries the user's request id.</summary>
[GenerateSerializer, Immutable]
public abstract record UapiCommand : Command
{
    /// <summary>Names this operation; the same id sent again is the same operation.</summary>
    [Id(0)]
    public RequestId Request { get; init; }

    /// <summary>Where it enters.</summary>
    public abstract EntryPoint Entry { get; }

    /// <summary>OK, or the errno of a command that makes no sense whatever the objects are: both runners answer it before anything else.</summary>
    public Errno Malformed => Request.Session is null || !Entry.Object.IsWellFormed ? Errno.EINVAL : CheckFields();

    /// <summary>OK, or what is wrong with the command's own fields.</summary>
    protected virtual Errno CheckFields() => Errno.OK;
}

/// <summary>Where a command enters: at an object, or at the fd that holds a device (if none does, at the device, which refuses it).</summary>
public readonly record struct EntryPoint(ObjectId Object, bool AtHolder)
{
    public static EntryPoint At(ObjectId id) => new(id, false);

    public static EntryPoint AtHolderOf(DeviceId device) => new(device.Object, true);
}
