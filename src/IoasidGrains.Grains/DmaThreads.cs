// Where the workloads of a silo's devices run: a few threads beside all turns, which take one run after the other along.
using System.Diagnostics;
using System.Runtime.InteropServices;
using IoasidGrains.Contracts;
using IoasidGrains.Core;
using IoasidGrains.Uapi;
using Microsoft.Extensions.Logging;

namespace IoasidGrains.Grains;

/// <summary>
/// A workload keeps a processor busy; on a thread of the pool it would hold up the turns of other grains. A thread of its own for each would be put aside
/// in the middle of a section as soon as there are more runs than processors, and an UNMAP waits for that section until the thread's next time slice. So
/// all runs of a silo share as many threads as there are processors: a run goes on for a while, then the next one in line does. In line it is in no section.
/// </summary>
/// <param name="send">To the grain of an object.</param>
/// <param name="most">How many threads at most.</param>
internal sealed class DmaThreads(Func<ObjectId, Command, ValueTask<Reply>> send, ILogger log, int most)
{
    /// <summary>setpriority(2): on Linux PRIO_PROCESS with 0 means the calling thread; .NET's own thread priorities do nothing there.</summary>
    private const int ProcessOrThread = 0, CallingThread = 0, NiceValue = 10;

    /// <summary>
    /// How long a run goes on, 2 ms: what it works with (megabytes in a translation cache) has to come back to the processor's caches first. No UNMAP waits
    /// for that, only for a section.
    /// </summary>
    private static readonly long TurnTicks = Stopwatch.Frequency / 500;

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    private readonly RunLine _line = new(most);

    public void Start(DmaRun run) => Add(new WaitingRun(run));

    private void Add(WaitingRun waiting)
    {
        if (_line.Add(waiting))
        {
            // Not in the context of whoever started the run.
            new Thread(Work) { IsBackground = true, Name = "dma" }.UnsafeStart();
        }
    }

    private void Work()
    {
        StandBack();
        for (DmaRun? goesOn = null; _line.Next(goesOn) is { } next;)
        {
            goesOn = TakeAlong(next) ? next.Run : null;
        }
    }

    /// <summary>A turn that has something to do goes first: an invalidation must not wait for a workload's time slice to end.</summary>
    private static void StandBack()
    {
        if (OperatingSystem.IsLinux())
        {
            _ = SetPriority(ProcessOrThread, CallingThread, NiceValue);
        }
    }

    /// <summary>False if it is over, or waits for something.</summary>
    private bool TakeAlong(WaitingRun waiting)
    {
        DmaRun run = waiting.Run;
        try
        {
            if (waiting.IsAnswered)
            {
                run.Take(waiting.Answer);
            }

            long end = Stopwatch.GetTimestamp() + TurnTicks;
            while (true)
            {
                switch (run.Next())
                {
                    case DmaPoint.Over:
                        return false;
                    case DmaPoint.Asks:
                        _ = Ask(run);
                        return false;
                    case DmaPoint.Waits:
                        _ = Wait(run);
                        return false;
                    case DmaPoint.Made when _line.IsPressing || Stopwatch.GetTimestamp() >= end:
                        return true;
                }
            }
        }
        catch (Exception bug)
        {
            Abandon(run, bug);
            return false;
        }
    }

    /// <summary>Back in line with the answer; without one if that was lost: the run decides whether it asks again.</summary>
    private async Task Ask(DmaRun run)
    {
        Reply? answer = null;
        try
        {
            answer = await send(run.To, run.Message!);
        }
        catch (Exception exception) when (LostCall.Is(exception))
        {
            await Task.Delay(Pause);
        }
        catch (Exception bug)
        {
            Abandon(run, bug);
            return;
        }

        Add(new WaitingRun(run, IsAnswered: true, answer));
    }

    private async Task Wait(DmaRun run)
    {
        while (!run.Until!.IsReached && !run.IsOver)
        {
            await Task.Delay(Pause);
        }

        Add(new WaitingRun(run));
    }

    /// <summary>A bug of ours. The silo goes on without this run, and nobody waits for it.</summary>
    private void Abandon(DmaRun run, Exception bug)
    {
        run.Abandon();
        log.LogError(bug, "The run of a workload on {Device} broke.", run.Device);
    }

    [DllImport("libc", EntryPoint = "setpriority")]
    private static extern int SetPriority(int which, int who, int priority);
}
