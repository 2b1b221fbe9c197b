// IUapi over grain calls: what a flow, the console or a test talks to when the objects live in a cluster.
using System.Collections.Concurrent;
using System.Diagnostics;
using IoasidGrains.Uapi;

namespace IoasidGrains.Contracts;

/// <summary>
/// Sends each command to the object where it enters, asks the log which fd holds a device and remembers, and repeats a command whose answer was lost with
/// the same request id until the deadline. Safe for concurrent callers.
/// </summary>
/// <param name="grains">A cluster client, or the factory inside a silo.</param>
/// <param name="deadline">How long a command may take in all, lost answers included; 10 seconds unless given. After it: EIO.</param>
public sealed class ClusterUapi(IGrainFactory grains, TimeSpan? deadline = null) : IUapi
{
    public static readonly TimeSpan DefaultDeadline = TimeSpan.FromSeconds(10);

    private readonly TimeSpan _deadline = deadline ?? DefaultDeadline;
    private readonly GrainDoor _door = new(grains);
    private readonly ICommitLogGrain _log = grains.GetGrain<ICommitLogGrain>(ICommitLogGrain.Key);

    /// <summary>Devices remembered; when there are more, all are forgotten and asked for again as they are needed.</summary>
    private const int MaxHolders = 100_000;

    // Per session, so that a retry reaches the fd that has answered it, whoever holds the device by now. A wrong entry costs one NotMine.
    private readonly ConcurrentDictionary<(string Session, ObjectId Device), FdId> _holders = [];

    public async ValueTask<Reply> Call(UapiCommand command)
    {
        if (command.Malformed is var errno && errno != Errno.OK)
        {
            return Reply.Refuse(errno);
        }

        long start = Stopwatch.GetTimestamp();
        BackOff backOff = default;
        ObjectId? target = null;
        int sentOn = 0;
        do
        {
            try
            {
                target ??= await Target(command);
                if (target is null)
                {
                    return Reply.Refuse(Errno.EBADF);
                }

                Reply reply = await _door.Send(target.Value, command);
                switch (reply.Status)
                {
                    case ReplyStatus.Answered:
                        return reply;
                    case ReplyStatus.NotMine:
                        _holders.TryRemove((command.Request.Session, command.Entry.Object), out _);
                        target = null;
                        break;
                    case ReplyStatus.NotDriven:
                        await DriveAgain(reply);
                        break;
                }

                if (++sentOn == 1)
                {
                    continue;
                }
            }
            catch (Exception exception) when (LostCall.Is(exception))
            {
                // The target stays: if the command was done, the answer is in that object's log.
            }

            await backOff.Pause();
        }
        while (Stopwatch.GetElapsedTime(start) < _deadline);
        return Reply.Refuse(Errno.EIO);
    }

    /// <summary>As the port says. Throws if the log cannot be reached before the deadline.</summary>
    public ValueTask<ObjectId[]> Inventory(HostId host) => AskLog(log => log.Inventory(host));

    /// <summary>Drops all that the log keeps of a host whose objects are closed. Throws if the log cannot be reached before the deadline.</summary>
    public async ValueTask Forget(HostId host) => await AskLog(async log =>
    {
        await log.Forget(host);
        return true;
    });

    /// <summary>Where the command goes; null if it is an ioctl on a device file that is closed.</summary>
    private ValueTask<ObjectId?> Target(UapiCommand command) =>
        !command.Entry.AtHolder ? new(command.Entry.Object)
        : _holders.TryGetValue((command.Request.Session, command.Entry.Object), out FdId fd) ? new(fd.Object)
        : AskHolder(command);

    /// <summary>If nobody holds the device it answers itself.</summary>
    private async ValueTask<ObjectId?> AskHolder(UapiCommand command)
    {
        ObjectId device = command.Entry.Object;
        DeviceClaims claims = await _log.ClaimsOf(new DeviceId(device.Key));
        if (claims.Holder is not { } holder)
        {
            return claims.FileClosed && command is not CloseDevice ? null : device;
        }

        if (_holders.Count >= MaxHolders)
        {
            _holders.Clear();
        }

        _holders[(command.Request.Session, device)] = holder;
        return holder.Object;
    }

    /// <summary>A leaf started without its records: the fds that it names drive it again.</summary>
    private async ValueTask DriveAgain(Reply reply)
    {
        var must = (MustDrive)reply.Outputs!;
        foreach (FdId fd in must.Fds)
        {
            await _door.Send(fd.Object, new DriveAgain(fd, must.Leaf));
        }
    }

    private async ValueTask<T> AskLog<T>(Func<ICommitLogGrain, ValueTask<T>> question)
    {
        long start = Stopwatch.GetTimestamp();
        BackOff backOff = default;
        while (true)
        {
            try
            {
                return await question(_log);
            }
            catch (Exception exception) when (LostCall.Is(exception) && Stopwatch.GetElapsedTime(start) < _deadline)
            {
                await backOff.Pause();
            }
        }
    }
}
