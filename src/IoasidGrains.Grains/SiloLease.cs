// Keeps a silo's page tables valid for the devices that read them; started with the silo.
using IoasidGrains.Contracts;
using IoasidGrains.Core;
using IoasidGrains.Uapi;
using Microsoft.Extensions.Logging;
using Orleans.Runtime;

namespace IoasidGrains.Grains;

/// <summary>
/// Asks the log which page tables live elsewhere by now, often; every answer makes the others valid for the length of a lease, counted from when it was asked.
/// A silo that gets no answer uses its tables no more; its workloads wait until it does.
/// </summary>
internal sealed class SiloLease(GrainPorts ports, ILogger<SiloLease> log) : ILifecycleParticipant<ISiloLifecycle>
{
    /// <summary>Several answers may be lost before a lease ends.</summary>
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(400);

    /// <summary>An answer that takes longer would be worth little.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    private readonly CancellationTokenSource _stop = new();
    private Task _renewing = Task.CompletedTask;
    private TakenTables? _known;

    public void Participate(ISiloLifecycle lifecycle) => lifecycle.Subscribe(nameof(SiloLease), ServiceLifecycleStage.Active, Start, Stop);

    private Task Start(CancellationToken cancellation)
    {
        _renewing = Task.Run(Renew, CancellationToken.None);
        return Task.CompletedTask;
    }

    private async Task Stop(CancellationToken cancellation)
    {
        await _stop.CancelAsync();
        await _renewing;
        _stop.Dispose();
    }

    private async Task Renew()
    {
        using var timer = new PeriodicTimer(Interval);
        try
        {
            do
            {
                await RenewOnce();
            }
            while (await timer.WaitForNextTickAsync(_stop.Token));
        }
        catch (OperationCanceledException)
        {
            // The silo stops.
        }
    }

    private async Task RenewOnce()
    {
        long asked = ports.Views.Now;
        try
        {
            Task<TakenTables> question = ports.Log.TakenSince(ports.Silo, _known?.Last ?? 0).AsTask();
            Take(await question.WaitAsync(Patience, _stop.Token), asked);
        }
        catch (Exception exception) when (!_stop.IsCancellationRequested)
        {
            // Asked again at the next tick.
            if (!LostCall.Is(exception))
            {
                log.LogError(exception, "The log did not say which page tables live elsewhere.");
            }
        }
    }

    private void Take(TakenTables taken, long asked)
    {
        if (_known is not null && _known.Life != taken.Life)
        {
            // The log of before is lost, and with it all that it knew.
            ports.Views.EndTables();
        }

        foreach (PageTableId table in taken.Elsewhere)
        {
            ports.Views.EndTable(table);
        }

        _known = taken;
        ports.Views.Renew(asked + FetchTranslations.Lease);
    }
}
