// From the text of a recording to the trace that a device replays, or to a list of errors; used by the console's dma verb and the tests.
using IoasidGrains.Uapi;

namespace IoasidGrains.Flows;

/// <summary>What a file is: a trace, or its errors.</summary>
/// <param name="Trace">Null if the file is broken.</param>
/// <param name="Errors">The first error of each broken line, in order; <see cref="TraceFile.MaxErrors"/> at most.</param>
public sealed record ParsedTrace(DmaTrace? Trace, IReadOnlyList<FlowError> Errors);

/// <summary>
/// One access per line: <c>read|write IOVA LENGTH [ns]</c>, numbers as in a flow, <c>#</c> begins a comment. <c>ns</c> says when the access was
/// recorded and must not fall; a replay does not wait for it.
/// </summary>
public static class TraceFile
{
    /// <summary>A file that is no trace at all is not reported line by line.</summary>
    public const int MaxErrors = 20;

    /// <summary>Never throws, whatever the text.</summary>
    public static ParsedTrace Parse(string text, string fileName)
    {
        var accesses = new TraceAccesses();
        var errors = new List<FlowError>();
        int number = 0;
        foreach (Range range in text.AsSpan().Split('\n'))
        {
            number++;
            var line = new TraceLine(text.AsSpan(range));
            if (!line.AtEnd && accesses.Read(ref line) is { } problem)
            {
                errors.Add(new FlowError(fileName, number, problem.Column, problem.Found, problem.Expected, problem.Nearest));
            }

            if (errors.Count == MaxErrors)
            {
                break;
            }
        }

        if (errors.Count == 0 && accesses.Count == 0)
        {
            errors.Add(new FlowError(fileName, number, 1, "the end of the file", "at least one access such as 'read 0x1000 64'", null));
        }

        return new ParsedTrace(errors.Count == 0 ? accesses.ToTrace() : null, errors);
    }
}
