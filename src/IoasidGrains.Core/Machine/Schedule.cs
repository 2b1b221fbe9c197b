// Who comes next: the order in which the Machine takes pending events.
namespace IoasidGrains.Core;

/// <summary>Picks one of the pending events.</summary>
public abstract class Schedule
{
    /// <summary>In the order in which they came up: what one user sees who waits for every answer.</summary>
    public static Schedule InOrder() => new FirstComeSchedule();

    /// <summary>An order that a seed decides.</summary>
    public static Schedule Seeded(ulong seed) => new SeededSchedule(new SplitMix(seed));

    /// <summary>A number in 0..count-1; <paramref name="pending"/> are the events to choose from.</summary>
    public abstract int Next(IReadOnlyList<MachineEvent> pending);

    private sealed class FirstComeSchedule : Schedule
    {
        public override int Next(IReadOnlyList<MachineEvent> pending) => 0;
    }

    private sealed class SeededSchedule(SplitMix random) : Schedule
    {
        private readonly SplitMix _random = random;

        public override int Next(IReadOnlyList<MachineEvent> pending) => pending.Count == 1 ? 0 : _random.Below(pending.Count);
    }
}

/// <summary>A small random generator (SplitMix64), equal on every machine and version.</summary>
public sealed class SplitMix(ulong seed)
{
    private ulong _state = seed;

    public ulong Next()
    {
        ulong z = _state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    /// <summary>A number in 0..bound-1.</summary>
    public int Below(int bound) => (int)(Next() % (ulong)bound);
}
