// What was asked of one `ioasid explore`; read by ExploreVerb.
using IoasidGrains.Core;

namespace IoasidGrains.Console;

/// <param name="Memory">Bytes that the search may use.</param>
internal sealed record ExploreChoice(Topology Topology, Profile[] Profiles, int Depth, string Out, long Memory);

/// <summary>One profile searched.</summary>
/// <param name="FirstBreak">Seconds until a first history that breaks a check was found; null: none does.</param>
/// <param name="Flows">Where the counterexamples are; by check.</param>
internal sealed record ExploredProfile(SearchResult Search, double Seconds, double? FirstBreak, IReadOnlyDictionary<CheckKind, string> Flows)
{
    public Profile Profile => Search.Profile;
}
