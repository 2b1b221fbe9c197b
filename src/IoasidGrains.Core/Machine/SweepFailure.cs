// What a sweep reports when a rule is broken.
namespace IoasidGrains.Core;

/// <summary>A broken rule and how to see it again.</summary>
/// <param name="What">The rule, as a sentence.</param>
/// <param name="How">The seed or the fault that leads there.</param>
/// <param name="Trace">Every event of the run.</param>
public sealed record SweepFailure(string What, string How, IReadOnlyList<string> Trace);
