// Counts grain messages; in the silos of the counting pass only, because a filter costs time.
using IoasidGrains.Contracts;
using Orleans;

namespace IoasidGrains.Benchmarks;

/// <summary>Calls to kernel objects and calls to the log, since the last <see cref="Take"/>.</summary>
internal sealed class MessageCount : IOutgoingGrainCallFilter
{
    private static int _toObjects;
    private static int _toStore;

    public static (int ToObjects, int ToStore) Take() => (Interlocked.Exchange(ref _toObjects, 0), Interlocked.Exchange(ref _toStore, 0));

    public Task Invoke(IOutgoingGrainCallContext context)
    {
        switch (context.Grain)
        {
            case IKernelObjectGrain:
                Interlocked.Increment(ref _toObjects);
                break;
            case ICommitLogGrain when context.MethodName != nameof(ICommitLogGrain.TakenSince):
                Interlocked.Increment(ref _toStore);
                break;
        }

        return context.Invoke();
    }
}
