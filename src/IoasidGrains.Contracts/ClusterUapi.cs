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

    // Only a memory: a wrong entry costs one NotMine.
    private readonly ConcurrentDictionary<ObjectId, FdId> _holders = [];

    public async ValueTask<Reply> Call(UapiCommand command)
    {
        long start = Stopwatch.GetTimestamp();
        BackOff backOff = default;
        ObjectId? target = null;
        int sentOn = 0;
        do
        {
            try
            {
                target ??= await Target(command.Entry);
                Reply reply = await _door.Send(target.Value, command);
                switch (reply.Status)
                {
                    case ReplyStatus.Answered:
                        Remember(command, reply);
                        return reply;
                    case ReplyStatus.NotMine:
                        _holders.TryRemove(command.Entry.Object, out _);
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

    private ValueTask<ObjectId> Target(EntryPoint entry) =>
        !entry.AtHolder ? new(entry.Object)
        : _holders.TryGetValue(entry.Object, out FdId fd) ? new(fd.Object)
        : AskHolder(entry.Object);

    /// <summary>If nobody holds the device it answers itself.</summary>
    private async ValueTask<ObjectId> AskHolder(ObjectId device)
    {
        if (await _log.HolderOf(new DeviceId(device.Key)) is not { } holder)
        {
            return device;
        }

        _holders[device] = holder;
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

    /// <summary>A device that was bound or let go through this port need not be asked.</summary>
    private void Remember(UapiCommand command, Reply reply)
    {
        switch (command)
        {
            case VfioBindIoasidFd bind when reply.Succeeded:
                _holders[bind.Device.Object] = bind.Fd;
                break;
            case VfioUnbindIoasidFd or CloseDevice:
                _holders.TryRemove(command.Entry.Object, out _);
                break;
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
