// The lease of a silo: while it hears from the commit log its devices may read page tables without messages.
using IoasidGrains.Contracts;
using Orleans.Runtime;

namespace IoasidGrains.Grains;

/// <summary>
/// Asks the log several times in one lease, and counts from when it asked. A silo that was cut off, or stood still, and comes back finds its lease over before it reads
/// anything: meanwhile its page tables may have been filled again elsewhere, and whoever did that has waited for as long (reliability 3.4).
/// </summary>
internal sealed class SiloLease(GrainPorts ports) : ILifecycleParticipant<ISiloLifecycle>
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(400);

    private readonly CancellationTokenSource _stopping = new();

    public void Participate(ISiloLifecycle lifecycle) => lifecycle.Subscribe(nameof(SiloLease), ServiceLifecycleStage.Active, Start, Stop);

    private Task Start(CancellationToken cancellation)
    {
        _ = Task.Run(Renew, cancellation);
        return Task.CompletedTask;
    }

    private async Task Renew()
    {
        while (!_stopping.IsCancellationRequested)
        {
            // One that gets no answer does not hold up the next.
            _ = Ask();
            await Task.Delay(Interval, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task Ask()
    {
        long asked = ports.Views.Now;
        try
        {
            await ports.Log.Ping();
            ports.Views.Prolong(asked);
        }
        catch (Exception exception) when (LostCall.Is(exception) || _stopping.IsCancellationRequested)
        {
        }
    }

    private Task Stop(CancellationToken cancellation) => _stopping.CancelAsync();
}
