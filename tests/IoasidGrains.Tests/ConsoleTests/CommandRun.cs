// Runs the ioasid command in the test's process.
using IoasidGrains.Console;

namespace IoasidGrains.Tests;

/// <summary>What one invocation did.</summary>
internal sealed record CommandRun(int Code, string Out, string Error)
{
    public static async Task<CommandRun> Of(string[] args, string input = "")
    {
        var output = new StringWriter { NewLine = "\n" };
        var error = new StringWriter { NewLine = "\n" };
        int code = await IoasidCommand.RunAsync(args, new Terminal(new StringReader(input), output, error, CanEdit: false, ShowsProgress: false));
        return new CommandRun(code, output.ToString(), error.ToString());
    }
}
