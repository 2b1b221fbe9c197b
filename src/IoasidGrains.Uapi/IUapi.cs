// The port: what every user of the objects talks to, whichever runner is behind it.
namespace IoasidGrains.Uapi;

/// <summary>
/// The uAPI as one call. Implemented by Core's Machine (everything in this process; the task is always completed) and by Contracts' ClusterUapi
/// (grain calls). Flows, console and tests know only this.
/// </summary>
public interface IUapi
{
    /// <summary>
    /// Runs one command to its end. The command carries a request id; the same id sent again answers what it answered, without doing it again.
    /// EIO: the outcome is unknown after the deadline, or a call failed before the commit and nothing changed.
    /// </summary>
    ValueTask<Reply> Call(UapiCommand command);

    /// <summary>The objects of a host that stand on their own: units, devices, fds, VMs. Each names its children when asked for its status. <see cref="HostId.All"/> asks for those of every host.</summary>
    ValueTask<ObjectId[]> Inventory(HostId host);
}
