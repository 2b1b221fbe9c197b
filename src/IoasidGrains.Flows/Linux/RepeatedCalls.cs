// A call that is repeated until it fails or often enough; used by the tables of calls.
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using IoasidGrains.Uapi;

namespace IoasidGrains.Flows;

/// <summary>Loops that stand as one call in a recording.</summary>
public static partial class RepeatedCalls
{
    /// <summary>Of a loop that says no number.</summary>
    private const long UntilItFails = 1_000_000;

    /// <summary>"70000 4 KiB maps": so often; without a number before the size: until it fails.</summary>
    public static long CountOf(string repeat) => Count().Match(repeat) is { Success: true } match ? long.Parse(match.Groups[1].Value) : UntilItFails;

    public static async Task<CallAnswer> Run(long times, Func<long, Task<Reply>> call)
    {
        for (long done = 0; done < times; done++)
        {
            Reply reply = await call(done);
            if (!reply.Succeeded)
            {
                return CallAnswer.Of(reply, new JsonObject { ["succeeded_first"] = done });
            }
        }

        return new CallAnswer(0, Errno.OK, new JsonObject { ["succeeded_first"] = times });
    }

    [GeneratedRegex(@"^(\d+) (?!KiB|MiB|GiB)")]
    private static partial Regex Count();
}
