// What the command's exit status says.
namespace IoasidGrains.Console;

/// <summary>Exit codes, as in the help text.</summary>
public static class ExitCode
{
    public const int Matched = 0;

    /// <summary>A result differs from its right margin, a sweep found a broken rule, or DMA was lost, reached a freed page or faulted where it should not.</summary>
    public const int Differed = 1;

    /// <summary>Nothing was run: a broken file or option, or no cluster at the gateway.</summary>
    public const int Broken = 2;

    /// <summary>Ended by Ctrl-C.</summary>
    public const int Interrupted = 130;
}
