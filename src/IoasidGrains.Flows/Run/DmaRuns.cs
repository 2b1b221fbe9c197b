// The client's side of a workload: starts it, watches it, stops it. Used by the console and the tests, on whichever runner is behind the port.
using IoasidGrains.Uapi;

namespace IoasidGrains.Flows;

/// <summary>Runs one workload at a time of one device.</summary>
public static class DmaRuns
{
    /// <summary>
    /// Runs a workload to its end. Answers 0 with the last <see cref="DmaReport"/>: <see cref="DmaRunState.Cancelled"/> if it was stopped, and
    /// <see cref="DmaRunState.Lost"/> if the run was lost with its silo, when at least so much was completed. If the workload was not started: why.
    /// </summary>
    /// <param name="requests">Of this run alone while it lasts.</param>
    /// <param name="progress">Hears of every report.</param>
    /// <param name="pause">What happens between two looks.</param>
    /// <param name="cancellation">Stops the run.</param>
    public static async Task<Reply> Run(
        IUapi uapi, RequestIds requests, DeviceId device, DmaWorkload workload, Action<DmaReport> progress, Func<ValueTask> pause, CancellationToken cancellation)
    {
        Reply started = await uapi.Call(new StartDma(device, workload) { Request = requests.Next() });
        if (!started.Succeeded)
        {
            return started;
        }

        var report = (DmaReport)started.Outputs!;
        progress(report);
        while (!report.IsOver)
        {
            await pause();
            UapiCommand next = cancellation.IsCancellationRequested ? new StopDma(device, report.Number) : new WatchDma(device, report.Number);
            Reply reply = await uapi.Call(next with { Request = requests.Next() });
            report = reply.Succeeded ? (DmaReport)reply.Outputs! : report with { State = DmaRunState.Lost };
            progress(report);
        }

        return Reply.With(report);
    }
}
