// The help text with examples below; replaces the library's help.
using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace IoasidGrains.Console;

/// <summary>Prints the usual help and then the verb's examples.</summary>
internal sealed class ExampleHelp(HelpAction usual) : SynchronousCommandLineAction
{
    private static readonly Dictionary<string, string[]> Examples = new()
    {
        ["run"] =
        [
            "ioasid run tests/flows/seed-mail.flow",
            "ioasid run tests/flows/*.flow --on machine",
            "ioasid run seed.flow --on cluster --gateway 127.0.0.1:30000",
            "ioasid run seed.flow --json",
            "ioasid run new.flow --rewrite          (records what happens in the right margins)",
        ],
        ["shell"] =
        [
            "ioasid shell --on machine",
            "echo 'open fd1 /dev/ioasid' | ioasid shell --on machine",
        ],
        ["status"] =
        [
            "ioasid status tests/flows/seed-mail.flow --on machine",
            "ioasid status --on cluster             (every object of the cluster)",
            "ioasid status --on cluster --host lab --json",
        ],
        ["policies"] = ["ioasid policies", "ioasid policies --json"],
        ["compare"] =
        [
            "ioasid compare tests/flows/two-histories.flow",
            "ioasid compare seed.flow --policies seed-strict,type1,history-free",
            "ioasid compare seed.flow --html comparison.html",
        ],
        ["ioctls"] = ["ioasid ioctls", "ioasid ioctls --json"],
        ["sweep"] =
        [
            "ioasid sweep tests/flows/seed-mail.flow",
            "ioasid sweep seed.flow --seeds 100000",
            "ioasid sweep seed.flow --replay 4711           (one schedule; its trace if it is broken)",
            "ioasid sweep seed.flow --replay fail_before@17  (one fault; its trace if it is broken)",
        ],
        ["dma"] =
        [
            "ioasid dma nvme",
            "ioasid dma virtio --pages 1G --size 256GiB --devices 4 --seconds 10",
            "ioasid dma random --churn 0            (maps and unmaps under the readers, as fast as it goes)",
            "ioasid dma nvme --apart                (through the devices' own caches)",
            "ioasid dma recorded.trace --devices 1 --accesses 1000000 --json",
            "ioasid dma nic --on cluster --gateway 127.0.0.1:30000",
        ],
        ["explore"] =
        [
            "ioasid explore --depth 6",
            "ioasid explore --profile type1 iommufd-6.7 --json",
            "ioasid explore --topology T4 --profile history-free --depth 8",
            "ioasid explore --bench                 (figures of all profiles)",
        ],
        ["conform"] =
        [
            "ioasid conform tests/recordings/*.jsonl",
            "ioasid conform tests/recordings/cases.jsonl --case dma/dma-replace",
            "ioasid conform tests/recordings/*.jsonl --on embedded --json",
        ],
    };

    public override int Invoke(ParseResult parseResult)
    {
        usual.Invoke(parseResult);
        string verb = parseResult.CommandResult.Command.Name;
        string[] examples = Examples.GetValueOrDefault(verb) ?? [.. Examples.Values.Select(lines => lines[0])];
        TextWriter output = parseResult.InvocationConfiguration.Output;
        output.WriteLine("Examples:");
        foreach (string example in examples)
        {
            output.WriteLine("  " + example);
        }

        return ExitCode.Matched;
    }
}
