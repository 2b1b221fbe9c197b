// The Machine for several clients at once; used by DmaSession.
using IoasidGrains.Uapi;

namespace IoasidGrains.Console;

/// <summary>The Machine is not made for threads, and its answers are always complete: one call after the other.</summary>
internal sealed class OneAtATime(IUapi machine) : IUapi
{
    private readonly Lock _lock = new();

    public ValueTask<Reply> Call(UapiCommand command)
    {
        lock (_lock)
        {
            return machine.Call(command);
        }
    }

    public ValueTask<ObjectId[]> Inventory(HostId host)
    {
        lock (_lock)
        {
            return machine.Inventory(host);
        }
    }
}
