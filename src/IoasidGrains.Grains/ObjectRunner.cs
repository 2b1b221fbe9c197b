// Takes the steps of one kernel object over Orleans: the grains' counterpart of Core's Machine.
using IoasidGrains.Contracts;
using IoasidGrains.Core;
using IoasidGrains.Uapi;

namespace IoasidGrains.Grains;

/// <summary>
/// One turn at a time: from a command to its answer. Before the commit of a turn a lost call ends it with EIO and nothing changed; after it,
/// and in a drive, the call is repeated until it is answered, because what was decided must arrive.
/// </summary>
/// <param name="epoch">Of this activation; its appends carry it.</param>
internal sealed class ObjectRunner(KernelObject kernelObject, long epoch, GrainPorts ports)
{
    /// <summary>Another activation of this object has started: this one must stop.</summary>
    public bool Fenced { get; private set; }

    public bool HoldsState => kernelObject.HoldsState;

    public async ValueTask<Reply> Run(Command command)
    {
        if (command is Declaration declaration && !await UntilKnown(() => ports.Log.Declare(declaration)))
        {
            return Reply.Refuse(Errno.EEXIST);
        }

        bool mustFinish = command is Drive;
        Step step = kernelObject.Handle(command);
        while (true)
        {
            switch (step)
            {
                case Answer answer:
                    return answer.Reply;
                case Commit commit:
                    CommitResult result = await Append(commit);
                    if (result.Status == CommitStatus.Fenced)
                    {
                        // Whoever called asks again, and reaches the activation that took over.
                        Fenced = true;
                        throw new TimeoutException($"{kernelObject.Id} was taken over by another activation.");
                    }

                    if (result.Status == CommitStatus.Failed)
                    {
                        return Reply.Refuse(Errno.EIO);
                    }

                    mustFinish |= result.Status == CommitStatus.Committed;
                    step = commit.Then(result);
                    break;
                case Call call:
                    CheckGoesDown(call);
                    Reply? reply;
                    try
                    {
                        reply = await ports.Door.Send(call.To, call.Command);
                    }
                    catch (Exception exception) when (LostCall.Is(exception))
                    {
                        reply = mustFinish ? await UntilKnown(() => ports.Door.Send(call.To, call.Command)) : null;
                    }

                    if (reply is null)
                    {
                        return Reply.Refuse(Errno.EIO);
                    }

                    step = call.Then(reply);
                    break;
            }
        }
    }

    private void CheckGoesDown(Call call)
    {
        if (!ObjectId.MayCall(kernelObject.Id, call.To))
        {
            throw new InvariantException($"{kernelObject.Id} called {call.To} with {call.Command.GetType().Name}; calls go down.");
        }
    }

    /// <summary>The log recognises an append that is sent again.</summary>
    private ValueTask<CommitResult> Append(Commit commit) =>
        UntilKnown(() => ports.Log.Append(kernelObject.Id, epoch, commit.Record, commit.Claims));

    private static async ValueTask<T> UntilKnown<T>(Func<ValueTask<T>> attempt)
    {
        BackOff backOff = default;
        while (true)
        {
            try
            {
                return await attempt();
            }
            catch (Exception exception) when (LostCall.Is(exception))
            {
                await backOff.Pause();
            }
        }
    }
}
