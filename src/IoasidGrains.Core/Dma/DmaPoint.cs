// Where a run of a workload stands between two steps; its runner goes by it.
namespace IoasidGrains.Core;

/// <summary>What a run has come to.</summary>
public enum DmaPoint
{
    /// <summary>It has translated a burst and has not made the accesses yet: its section is open.</summary>
    Translated,

    /// <summary>The accesses are made and the section is over.</summary>
    Made,

    /// <summary>It needs an answer to <see cref="DmaRun.Message"/> from <see cref="DmaRun.To"/> before it can go on.</summary>
    Asks,

    /// <summary>The lease of its silo is over: it goes on a while later, if that was prolonged. It is in no section.</summary>
    Paused,

    /// <summary>It is over.</summary>
    Over,
}
