// The line of runs that could go on, and the threads that wait for one; DmaThreads takes from it.
using IoasidGrains.Core;
using IoasidGrains.Uapi;

namespace IoasidGrains.Grains;

/// <summary>A run that could go on.</summary>
/// <param name="IsAnswered">It has asked, and must take the answer first.</param>
/// <param name="Answer">Null if that was lost.</param>
internal readonly record struct WaitingRun(DmaRun Run, bool IsAnswered = false, Reply? Answer = null);

/// <summary>First come, first served; but a run that asked from within its section goes first, because an UNMAP may wait for that section.</summary>
/// <param name="most">How many threads at most.</param>
internal sealed class RunLine(int most)
{
    /// <summary>A thread without work ends after so long: a silo that has stopped leaves none.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly object _gate = new();
    private readonly Queue<WaitingRun> _inSection = [], _others = [];
    private int _threads, _idle;
    private volatile bool _isPressing;

    /// <summary>A run within its section waits for a thread: the others should give theirs up after their section.</summary>
    public bool IsPressing => _isPressing;

    private int Waiting => _inSection.Count + _others.Count;

    /// <summary>True if another thread is needed: the caller must start one, which calls <see cref="Next"/> until that says null.</summary>
    public bool Add(WaitingRun waiting)
    {
        lock (_gate)
        {
            (waiting.Run.IsInSection ? _inSection : _others).Enqueue(waiting);
            _isPressing = _inSection.Count > 0;
            Monitor.Pulse(_gate);
            bool needed = Waiting > _idle && _threads < most;
            _threads += needed ? 1 : 0;
            return needed;
        }
    }

    /// <summary>The next run for this thread; sleeps until there is one. Null: the thread is not needed any more.</summary>
    /// <param name="goesOn">The run that it had, if that could go on.</param>
    public WaitingRun? Next(DmaRun? goesOn)
    {
        lock (_gate)
        {
            if (goesOn is not null)
            {
                _others.Enqueue(new WaitingRun(goesOn));
            }

            while (true)
            {
                if (_inSection.TryDequeue(out WaitingRun next) || _others.TryDequeue(out next))
                {
                    _isPressing = _inSection.Count > 0;
                    return next;
                }

                _idle++;
                bool called = Monitor.Wait(_gate, Patience);
                _idle--;
                if (!called && Waiting == 0)
                {
                    _threads--;
                    return null;
                }
            }
        }
    }
}
