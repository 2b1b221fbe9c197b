// What a step answered, and what a flow did; handed from FlowRunner to the printers and the console.
using IoasidGrains.Uapi;

namespace IoasidGrains.Flows;

/// <summary>One step that ran.</summary>
/// <param name="Line">Its line.</param>
/// <param name="Reply">What it answered.</param>
/// <param name="Status">The table, if the step is <c>status</c>; else null.</param>
public sealed record StepResult(FlowLine Line, Reply Reply, IReadOnlyList<ObjectStatus>? Status = null)
{
    /// <summary>True if the right margin holds, or there is none.</summary>
    public bool Match => Line.Expected?.Matches(Reply) ?? true;
}

/// <summary>A flow that ran.</summary>
public sealed record FlowResult(Flow Flow, IReadOnlyList<StepResult> Results)
{
    public int Matched => Results.Count(result => result.Match);

    public int Differed => Results.Count - Matched;
}
