// The ioasid command: runs, shows and sweeps flows, and runs DMA workloads.
namespace IoasidGrains.Console;

internal static class Program
{
    public static Task<int> Main(string[] args) => IoasidCommand.RunAsync(args, Terminal.OfThisProcess());
}
