// A call filter that loses answers of calls between grains, for tests of what must be repeated.
using IoasidGrains.Contracts;
using Orleans;

namespace IoasidGrains.Tests;

/// <summary>While switched on, every n-th call between two grains (appends too) takes effect and then looks like a time-out.</summary>
public sealed class LossyCalls : IOutgoingGrainCallFilter
{
    private static int _every;
    private static int _calls;
    private static int _lost;

    /// <summary>How many answers were lost since <see cref="LoseEvery"/>.</summary>
    public static int Lost => _lost;

    /// <summary>0 loses none.</summary>
    public static void LoseEvery(int calls) => (_every, _calls, _lost) = (calls, 0, 0);

    public async Task Invoke(IOutgoingGrainCallContext context)
    {
        await context.Invoke();
        bool ours = context.SourceContext is not null && context.Grain is IKernelObjectGrain or ICommitLogGrain;
        if (ours && _every != 0 && Interlocked.Increment(ref _calls) % _every == 0)
        {
            Interlocked.Increment(ref _lost);
            throw new TimeoutException("The test lost this answer.");
        }
    }
}
