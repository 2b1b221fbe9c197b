// Where the workloads of a silo's devices run: each on a thread of its own, beside all turns.
using System.Runtime.InteropServices;
using IoasidGrains.Contracts;
using IoasidGrains.Core;
using IoasidGrains.Uapi;
using Microsoft.Extensions.Logging;

namespace IoasidGrains.Grains;

/// <summary>
/// A workload keeps a processor busy; on a thread of the pool it would hold up the turns of other grains, so it has its own, which the system
/// schedules against them.
/// </summary>
internal sealed class DmaThreads(GrainDoor door, ILogger log)
{
    /// <summary>setpriority(2): on Linux PRIO_PROCESS with 0 means the calling thread; .NET's own thread priorities do nothing there.</summary>
    private const int ProcessOrThread = 0, CallingThread = 0, NiceValue = 10;

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    public void Start(DmaRun run) => new Thread(() => Run(run)) { IsBackground = true, Name = $"dma {run.Device}" }.Start();

    private void Run(DmaRun run)
    {
        StandBack();
        try
        {
            while (run.Next() is var point && point != DmaPoint.Over)
            {
                if (point == DmaPoint.Asks)
                {
                    run.Take(Ask(run.To, run.Message!));
                }
            }
        }
        catch (Exception bug)
        {
            // Of ours. The silo goes on without this run, and nobody waits for it.
            run.Abandon();
            log.LogError(bug, "The run of a workload on {Device} broke.", run.Device);
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

    /// <summary>Null if the answer was lost: the run decides whether it asks again.</summary>
    private Reply? Ask(ObjectId to, Command message)
    {
        try
        {
            return door.Send(to, message).AsTask().GetAwaiter().GetResult();
        }
        catch (Exception exception) when (LostCall.Is(exception))
        {
            Thread.Sleep(Pause);
            return null;
        }
    }

    [DllImport("libc", EntryPoint = "setpriority")]
    private static extern int SetPriority(int which, int who, int priority);
}
