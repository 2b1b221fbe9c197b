// Takes the steps of one kernel object over Orleans: the grains' counterpart of Core's Machine.
using IoasidGrains.Contracts;
using IoasidGrains.Core;
using IoasidGrains.Uapi;
using Orleans.Runtime;

namespace IoasidGrains.Grains;

/// <summary>
/// One turn at a time: from a command to its answer. Before the commit of a turn a call that stays lost ends it with EIO and nothing changed; after it,
/// and in a drive, the call is repeated until it is answered, because what was decided must arrive.
/// </summary>
/// <param name="epoch">Of this activation; its appends carry it.</param>
internal sealed class ObjectRunner(KernelObject kernelObject, long epoch, GrainPorts ports)
{
    /// <summary>Of a call before the commit.</summary>
    private const int Attempts = 5;

    private const int SpinsBeforeYield = 20, YieldsBeforeSleep = 200;
    private const long LongestSection = 60_000_000_000;
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(1);

    /// <summary>Another activation of this object has started: this one must stop.</summary>
    public bool Fenced { get; private set; }

    public bool HoldsState => kernelObject.HoldsState;

    public void Lost() => kernelObject.Lost();

    public async ValueTask<Reply> Run(Command command)
    {
        if (command is Declaration declaration && !await UntilKnown(() => ports.Log.Declare(declaration)))
        {
            return Reply.Refuse(Errno.EEXIST);
        }

        bool mustFinish = command.MustFinish;
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
                    CheckGoesDown(call.To, call.Command);
                    if (call.Command is DescribeDevice && kernelObject.Id.Kind == ObjectKind.IoasidFd)
                    {
                        RequestContext.Set(DeviceGrain.BindingSilo, ports.Silo);
                    }

                    Reply? reply;
                    try
                    {
                        reply = await ports.Door.Send(call.To, call.Command);
                    }
                    catch (Exception exception) when (LostCall.Is(exception))
                    {
                        reply = await SendAgain(call, mustFinish);
                    }

                    if (reply is null)
                    {
                        return Reply.Refuse(Errno.EIO);
                    }

                    step = call.Then(reply);
                    break;
                case CallAll all:
                    step = all.Then(await SendAll(all));
                    break;
                case Await wait:
                    await Until(wait.Until);
                    step = wait.Then();
                    break;
            }
        }
    }

    /// <summary>
    /// Null if the answer stays lost. What is asked before a commit has no effect that counts (a description, memory that is kept), so it is asked again
    /// a few times: an activation that moves to another silo loses calls, too.
    /// </summary>
    private async ValueTask<Reply?> SendAgain(Call call, bool mustFinish)
    {
        BackOff backOff = default;
        for (int attempt = 1; mustFinish || attempt < Attempts; attempt++)
        {
            await backOff.Pause();
            try
            {
                return await ports.Door.Send(call.To, call.Command);
            }
            catch (Exception exception) when (LostCall.Is(exception))
            {
            }
        }

        return null;
    }

    /// <summary>A reader leaves its section within microseconds unless its thread was put aside; a lease takes its time.</summary>
    private async ValueTask Until(Completion completion)
    {
        SpinWait spin = default;
        while (!completion.IsReached && spin.Count < SpinsBeforeYield)
        {
            spin.SpinOnce(sleep1Threshold: -1);
        }

        long began = ports.Views.Now;
        for (int looked = 0; !completion.IsReached; looked++)
        {
            if (looked < YieldsBeforeSleep)
            {
                await Task.Yield();
            }
            else
            {
                await Task.Delay(LookAgain);
            }

            if (completion.At is null && ports.Views.Now - began > LongestSection)
            {
                throw new InvariantException($"{kernelObject.Id} waits for a reader that does not leave its section.");
            }
        }
    }

    private Task<Reply?[]> SendAll(CallAll all)
    {
        long end = ports.Views.Now + all.Within;
        return Task.WhenAll(all.Calls.Select(call =>
        {
            CheckGoesDown(call.To, call.Command);
            return SendUntil(end, call.To, call.Command);
        }));
    }

    /// <summary>Null when time is up, also if the last attempt is still under way.</summary>
    private async Task<Reply?> SendUntil(long end, ObjectId to, Command command)
    {
        BackOff backOff = default;
        while (ports.Views.Now is var now && now < end)
        {
            try
            {
                return await ports.Door.Send(to, command).AsTask().WaitAsync(TimeSpan.FromMicroseconds(((end - now) / 1000) + 1));
            }
            catch (Exception exception) when (LostCall.Is(exception))
            {
                await backOff.Pause();
            }
        }

        return null;
    }

    private void CheckGoesDown(ObjectId to, Command command)
    {
        if (!ObjectId.MayCall(kernelObject.Id, to))
        {
            throw new InvariantException($"{kernelObject.Id} called {to} with {command.GetType().Name}; calls go down.");
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
