// What was asked of one `ioasid explore`; read by ExploreVerb.
using IoasidGrains.Core;

namespace IoasidGrains.Console;

/// <param name="Memory">Bytes that the search may use.</param>
internal sealed record ExploreChoice(Topology Topology, Profile[] Profiles, int Depth, string Out, long Memory);

/// <summary>A check that is broken, and when that was known.</summary>
/// <param name="Seconds">Since the search of its profile began.</param>
internal sealed record TimedBreak(BrokenCheck Broken, double Seconds);

/// <summary>One profile searched.</summary>
/// <param name="Flows">Where the counterexamples are; by check.</param>
internal sealed record ExploredProfile(SearchResult Search, double Seconds, IReadOnlyList<TimedBreak> Breaks, IReadOnlyDictionary<CheckKind, string> Flows)
{
    public Profile Profile => Search.Profile;
}
