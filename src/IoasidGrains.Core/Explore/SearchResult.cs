// What a search has found; made by Search, shown by the explore verb.
namespace IoasidGrains.Core;

/// <summary>How a search ended.</summary>
public enum SearchEnd
{
    /// <summary>All histories of the depth asked for.</summary>
    Complete,

    /// <summary>The states of the next level have no room.</summary>
    OutOfMemory,

    /// <summary>Somebody stopped it.</summary>
    Stopped,
}

/// <summary>A check that does not hold.</summary>
/// <param name="History">The shortest that breaks it; of several the first in the order of moves.</param>
/// <param name="Other">For <see cref="CheckKind.HistoryDependent"/> the history that led to the same configuration and another outcome.</param>
public sealed record BrokenCheck(CheckKind Check, Move[] History, Move[]? Other = null)
{
    /// <summary>Steps of the history.</summary>
    public int Steps => History.Length;
}

/// <param name="Depth">To which all histories were covered.</param>
/// <param name="States">Distinct, up to names.</param>
/// <param name="Histories">Moves that were executed from a stored state, each with its checks.</param>
/// <param name="Broken">In the order of the checks.</param>
/// <param name="BytesPerState">Of the table of visited states, without those from which the next level starts.</param>
public sealed record SearchResult(Profile Profile, int Depth, SearchEnd End, int States, long Histories, IReadOnlyList<BrokenCheck> Broken, double BytesPerState)
{
    public bool Holds => Broken.Count == 0;
}
