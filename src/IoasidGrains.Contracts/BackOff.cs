// The pause between two attempts of a call whose answer was lost.
namespace IoasidGrains.Contracts;

/// <summary>Doubles from 20 ms to 500 ms.</summary>
public struct BackOff
{
    private const int FirstMilliseconds = 20;
    private const int LastMilliseconds = 500;

    private int _milliseconds;

    /// <summary>Waits, longer each time.</summary>
    public Task Pause()
    {
        _milliseconds = Math.Clamp(_milliseconds * 2, FirstMilliseconds, LastMilliseconds);
        return Task.Delay(_milliseconds);
    }
}
