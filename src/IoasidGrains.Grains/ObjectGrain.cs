// What every grain of a kernel object is: a mailbox with one object in it. The classes in Objects add only the list of commands.
using IoasidGrains.Contracts;
using IoasidGrains.Core;
using IoasidGrains.Uapi;
using Orleans.Runtime;

namespace IoasidGrains.Grains;

/// <summary>
/// Starts the object from what the log knows, hands commands to its runner, keeps the activation while it holds state of an open fd, and lets it
/// die of a bug. Not reentrant. No Orleans base class, no logger, no timer: an idle object is mostly Orleans' own record of it.
/// </summary>
public abstract class ObjectGrain(ObjectKind kind, IGrainContext context, GrainPorts ports) : IGrainBase, IKernelObjectGrain
{
    private ObjectRunner? _runner;
    private bool _kept;

    public IGrainContext GrainContext => context;

    public async Task OnActivateAsync(CancellationToken cancellation)
    {
        var id = new ObjectId(kind, context.GrainId.Key.ToString()!);
        StoredObject stored = KernelObjects.IsStored(kind) ? await ports.Log.Load(id) : StoredObject.Nothing;
        _runner = new ObjectRunner(KernelObjects.Create(id, stored, ports.Views), stored.Epoch, ports);
        KeepWhileNeeded(_runner);
    }

    /// <summary>What others read of the object without messages ends with the activation.</summary>
    public Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellation)
    {
        _runner?.Lost();
        return Task.CompletedTask;
    }

    public ValueTask<Reply> DescribeObject(DescribeObject command) => Run(command);

    protected GrainPorts Ports => ports;

    protected bool HoldsState => _runner!.HoldsState;

    protected async ValueTask<Reply> Run(Command command)
    {
        ObjectRunner runner = _runner!;
        try
        {
            Reply reply = await runner.Run(command);
            KeepWhileNeeded(runner);
            return reply;
        }
        catch
        {
            // A bug of ours: this state cannot be trusted any more. The next activation starts from the log.
            this.DeactivateOnIdle();
            throw;
        }
    }

    private void KeepWhileNeeded(ObjectRunner runner)
    {
        if (runner.Fenced)
        {
            this.DeactivateOnIdle();
        }
        else if (runner.HoldsState != _kept)
        {
            _kept = !_kept;
            ports.Runtime.DelayDeactivation(context, _kept ? Timeout.InfiniteTimeSpan : TimeSpan.Zero);
        }
    }
}
