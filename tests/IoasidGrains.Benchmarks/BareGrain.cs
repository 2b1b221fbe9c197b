// The measure of all things: a grain that takes a command and answers, and does nothing else.
using IoasidGrains.Grains;
using IoasidGrains.Uapi;
using Orleans.Runtime;

namespace IoasidGrains.Benchmarks;

/// <summary>One call with the payload of an ioctl.</summary>
public interface IBareGrain : IGrainWithStringKey
{
    ValueTask<Reply> Answer(VfioAttachIoasid command);
}

/// <summary>Placed like the objects of the cell that its key begins with.</summary>
[CellPlacement]
public sealed class BareGrain(IGrainContext context) : IGrainBase, IBareGrain
{
    public IGrainContext GrainContext { get; } = context;

    public ValueTask<Reply> Answer(VfioAttachIoasid command) => new(Reply.Ok);
}
