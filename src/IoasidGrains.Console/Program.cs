// The ioasid command: runs, shows and sweeps flows.
namespace IoasidGrains.Console;

internal static class Program
{
    public static Task<int> Main(string[] args) => IoasidCommand.RunAsync(args, Terminal.OfThisProcess());
}
