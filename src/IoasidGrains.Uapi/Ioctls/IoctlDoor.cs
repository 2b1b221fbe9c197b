// The door of the uAPI: from an ioctl on an object to the command that runs it, or the errno that refuses it.
namespace IoasidGrains.Uapi;

/// <summary>Looks an ioctl up and builds its command.</summary>
public static class IoctlDoor
{
    /// <summary>
    /// The command of row <paramref name="row"/> called on <paramref name="target"/>; or null and an errno:
    /// ENOTTY for no row, an absent one or one for another kind of file, EINVAL for an argument of the wrong kind.
    /// </summary>
    public static (UapiCommand? Command, Errno Error) Enter(IoctlRow? row, ObjectId target, IoctlValue[] values, RequestId request)
    {
        if (row?.Build is null || row.On != target.Kind)
        {
            return (null, Errno.ENOTTY);
        }

        var call = new IoctlCall(target, values);
        UapiCommand command = row.Build(call);
        return call.Error == Errno.OK ? (command with { Request = request }, Errno.OK) : (null, call.Error);
    }
}
