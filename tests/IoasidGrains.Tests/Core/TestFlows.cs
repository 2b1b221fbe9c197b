// The scenario files of tests/flows, and flows written inside a test.
using System.Runtime.CompilerServices;
using IoasidGrains.Console;
using IoasidGrains.Flows;

namespace IoasidGrains.Tests;

/// <summary>Finds and parses flows.</summary>
internal static class TestFlows
{
    public static string Folder([CallerFilePath] string here = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", "..", "flows"));

    /// <summary>Every file name, as rows of a theory.</summary>
    public static TheoryData<string> Names() => [.. Directory.GetFiles(Folder(), "*.flow").Select(file => Path.GetFileName(file)).Order()];

    public static Flow Load(string name) => Parse(File.ReadAllText(Path.Combine(Folder(), name)), name);

    public static Flow Parse(string text, string name = "test.flow")
    {
        ParsedFlow result = FlowParser.Parse(text, name);
        Assert.True(result.Flow is not null, string.Join('\n', result.Errors));
        return result.Flow!;
    }

    public static FlowScript Script(string text) => new(Parse(text));
}
