// Runs the workloads of all devices at the same time, with the churn beside them; used by DmaVerb.
using System.Diagnostics;
using IoasidGrains.Flows;
using IoasidGrains.Uapi;

namespace IoasidGrains.Console;

/// <summary>One use of a port.</summary>
/// <param name="onMachine">There a look lets time pass; anywhere else the runs go on by themselves.</param>
internal sealed class DmaSession(IUapi port, HostId host, string session, bool onMachine, DmaChoice choice, Terminal terminal)
{
    private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(50);

    private readonly IUapi _uapi = onMachine ? new OneAtATime(port) : port;
    private readonly DmaPlan _plan = DmaPlan.Of(choice);
    private readonly DmaReport[] _reports = [.. Enumerable.Repeat(DmaReport.Nothing, choice.Devices)];

    /// <summary>Sets up, runs, tears down. Cancellation stops the runs; the result says how far they came.</summary>
    public async Task<DmaResult> Run(CancellationToken cancellation)
    {
        var bed = new DmaBed(_uapi, host, session, _plan, choice);
        try
        {
            long start = Stopwatch.GetTimestamp();
            await bed.SetUp(cancellation);
            TimeSpan setUp = Stopwatch.GetElapsedTime(start);
            (DeviceResult[] devices, ChurnReport? churn) = await RunAll(bed, cancellation);
            return new DmaResult(choice, _plan, setUp, devices, churn);
        }
        finally
        {
            if (!await bed.TearDown())
            {
                terminal.Error.WriteLine($"ioasid: not everything on the host {host} could be closed.");
            }
        }
    }

    private async Task<(DeviceResult[] Devices, ChurnReport? Churn)> RunAll(DmaBed bed, CancellationToken cancellation)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using var over = new CancellationTokenSource();
        ChurnLoop? churn = _plan.Churn is { } ring
            ? new ChurnLoop(_uapi, new RequestIds($"{session}/churn"), bed, ring, choice.Churn!.Value) : null;
        if (churn is not null && await churn.Fill(cancellation) is { Succeeded: false } refused)
        {
            throw new ConsoleException($"mapping the pages to be churned was refused: -{refused.Errno}.");
        }

        if (choice.Accesses is null)
        {
            end.CancelAfter(choice.Time);
        }

        Task<DeviceResult>[] runs = [.. bed.Devices.Select((device, index) => Task.Run(() => RunOne(device, index, end.Token), CancellationToken.None))];
        Task<ChurnReport>? churned = churn is null ? null : Task.Run(() => churn.Run(over.Token), CancellationToken.None);
        Task shown = new DmaProgress(terminal, choice, () => _reports, () => churn?.Operations).Show(over.Token);
        try
        {
            await Task.WhenAll(runs);
        }
        finally
        {
            await over.CancelAsync();
            await Task.WhenAll(shown, churned ?? Task.CompletedTask);
        }

        return ([.. runs.Select(run => run.Result)], churned?.Result);
    }

    private async Task<DeviceResult> RunOne(DeviceId device, int index, CancellationToken end)
    {
        long start = Stopwatch.GetTimestamp();
        Reply reply = await DmaRuns.Run(
            _uapi, new RequestIds($"{session}/{device}"), device, _plan.WorkloadOf(choice, index), report => Volatile.Write(ref _reports[index], report), Pause, end);
        return DeviceResult.Of(device, reply, Stopwatch.GetElapsedTime(start), hasClock: !onMachine, _plan.Churn);
    }

    private async ValueTask Pause()
    {
        if (onMachine)
        {
            await Task.Yield();
            return;
        }

        await Task.Delay(Glance);
    }
}
