// The rules of dirty tracking: pure functions from the fd's records to a decision. Refusals stand in their order of precedence.
using System.Numerics;
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>Decides SET_DIRTY_TRACKING and what GET_DIRTY_BITMAP may ask for (domain 6.6, cases 186 to 190).</summary>
public static class DirtyRules
{
    public static Decision Set(FdState fd, SetDirtyTracking command)
    {
        if (!fd.Ioasids.TryGetValue(command.Number, out IoasidEntry? ioasid))
        {
            return Decision.Refuse(Errno.ENOENT);
        }

        if (command.Enable && fd.AttachedTo(command.Number).Any(device => !device.Unit.ScalableMode))
        {
            return Decision.Refuse(Errno.EOPNOTSUPP);
        }

        // Turned on once more it forgets what was written so far, as iopt_set_dirty_tracking does.
        return !command.Enable && !ioasid.Spec.TracksDirty
            ? Decision.Answer(Reply.Ok)
            : Decision.Change(new DirtyTrackingChanged(command.Number, command.Enable));
    }

    /// <summary>OK, or why the table need not be asked.</summary>
    public static Errno CheckGet(FdState fd, GetDirtyBitmap command, out IovaRange range)
    {
        range = default;
        if (!fd.Ioasids.TryGetValue(command.Number, out IoasidEntry? ioasid))
        {
            return Errno.ENOENT;
        }

        if (!BitOperations.IsPow2(command.PageSize) || command.PageSize < Quantity.PageSize || command.Length == 0
            || (command.Iova | command.Length) % command.PageSize != 0)
        {
            return Errno.EINVAL;
        }

        if (!IovaRange.TryCreate(command.Iova, command.Length, out range))
        {
            return Errno.EOVERFLOW;
        }

        if (command.Length / command.PageSize > GetDirtyBitmap.MaxPages)
        {
            return Errno.E2BIG;
        }

        return ioasid.Spec.TracksDirty && !ioasid.Tables.IsEmpty ? Errno.OK : Errno.EINVAL;
    }
}
