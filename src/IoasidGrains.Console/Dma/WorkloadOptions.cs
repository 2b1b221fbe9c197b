// The options of `ioasid dma` and what is wrong with their values.
using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using IoasidGrains.Flows;
using IoasidGrains.Uapi;
using Command = System.CommandLine.Command;

namespace IoasidGrains.Console;

/// <summary>Reads a <see cref="DmaChoice"/> from the command line. What a value must be is said where it stands.</summary>
internal sealed class WorkloadOptions
{
    public const int MaxDevices = 64;

    /// <summary>Leaves room in a process's 47 bits for what is churned.</summary>
    public const ulong MaxSize = 64UL << 40;

    private const ulong HugePage = 2UL << 20;

    private static readonly Dictionary<string, ulong> PageSizes = new() { ["4K"] = 4UL << 10, ["2M"] = HugePage, ["1G"] = 1UL << 30 };

    private readonly Argument<string> _workload = new("WORKLOAD") { Description = "nic, nvme, virtio, random, or a trace file: a line 'read|write IOVA LENGTH [ns]' per access." };
    private readonly Option<string?> _pages = new("--pages") { Description = "Largest page of the unit: 4K, 2M or 1G. [default: 2M for virtio, else 4K]" };
    private readonly Option<ulong?> _size = new("--size") { Description = "How much to map under the workloads. [default: 64GiB; 1GiB with --churn]", CustomParser = ReadSize };
    private readonly Option<int> _devices = Whole("--devices", "How many devices run the workload at the same time.", 2, 1, MaxDevices);
    private readonly Option<long?> _accesses = new("--accesses") { Description = "Ends each run after so many accesses: with the burst, of up to 512 translations, in which it has made them.", CustomParser = argument => ReadWhole(argument, 1, long.MaxValue) };
    private readonly Option<double?> _seconds = new("--seconds") { Description = "Ends the runs after so long. [default: 3]", CustomParser = argument => ReadNumber(argument, 0.001, 1_000_000) };
    private readonly Option<int> _depth = Whole("--depth", "Buffers per ring (nic), I/Os at once (nvme), queue size (virtio); 0: the usual one.", 0, 0, DmaWorkload.MaxDepth);
    private readonly Option<ulong> _seed = new("--seed") { Description = "Of everything random in a workload.", DefaultValueFactory = _ => 1 };
    private readonly Option<string?> _trace = new("--trace") { Description = "The file that the workload 'trace' replays." };
    private readonly Option<double?> _churn = new("--churn") { Description = "Maps and unmaps so often per second under the readers; 0: as fast as it goes.", CustomParser = argument => ReadNumber(argument, 0, 1e9) };
    private readonly Option<bool> _apart = new("--apart") { Description = "The devices do not see the page table and translate through their caches. Not with --on cluster: there it is the silos' setting MoveDevices." };
    private readonly Option<bool> _json = new("--json") { Description = "One JSON object per device and one for all." };

    public void AddTo(Command verb)
    {
        verb.Arguments.Add(_workload);
        foreach (Option option in new Option[] { _pages, _size, _devices, _accesses, _seconds, _depth, _seed, _trace, _churn, _apart })
        {
            verb.Options.Add(option);
        }

        _pages.Validators.Add(CheckPages);
        verb.Validators.Add(CheckTogether);
    }

    /// <summary>Apart from the others, so that it stands last in the help.</summary>
    public void AddJsonTo(Command verb) => verb.Options.Add(_json);

    /// <summary>The choice; null if its trace file is broken, whose errors are on standard error then.</summary>
    public DmaChoice? Read(ParseResult parsed, Terminal terminal)
    {
        string word = parsed.GetValue(_workload)!;
        bool isWord = DmaChoice.Patterns.ContainsKey(word);
        string workload = isWord ? word : DmaChoice.TraceWord;
        DmaTrace? trace = null;
        if (workload == DmaChoice.TraceWord && (trace = ReadTrace(isWord ? parsed.GetValue(_trace)! : word, terminal)) is null)
        {
            return null;
        }

        double? churn = parsed.GetValue(_churn);
        ulong pageSize = PageSizes[parsed.GetValue(_pages) ?? UsualPages(workload)];
        ulong size = parsed.GetValue(_size) ?? (churn is null ? 64UL << 30 : 1UL << 30);
        return new DmaChoice(
            workload, pageSize, size, parsed.GetValue(_devices), parsed.GetValue(_accesses), TimeSpan.FromSeconds(parsed.GetValue(_seconds) ?? 3),
            parsed.GetValue(_depth), parsed.GetValue(_seed), trace, churn, parsed.GetValue(_json))
        {
            Apart = parsed.GetValue(_apart),
        };
    }

    private static string UsualPages(string workload) => DmaChoice.Patterns[workload] == DmaPattern.VirtioHugePages ? "2M" : "4K";

    private static DmaTrace? ReadTrace(string file, Terminal terminal)
    {
        ParsedTrace parsed = TraceFile.Parse(TextFile.Read(file), file);
        foreach (FlowError error in parsed.Errors)
        {
            terminal.Error.WriteLine(error);
        }

        return parsed.Trace;
    }

    private static void CheckPages(OptionResult option)
    {
        if (option.Tokens.Count == 1 && !PageSizes.ContainsKey(option.Tokens[0].Value))
        {
            option.AddError($"'{option.Tokens[0].Value}' is no page size; expected 4K, 2M or 1G.");
        }
    }

    private void CheckTogether(CommandResult command)
    {
        string word = command.GetResult(_workload)?.Tokens is [{ } token] ? token.Value : "";
        if (word.Length == 0)
        {
            return;
        }

        bool isWord = DmaChoice.Patterns.ContainsKey(word);
        if (!isWord && !File.Exists(word))
        {
            string hint = NearestWord.Of(word, DmaChoice.Patterns.Keys) is { } nearest ? $" Did you mean '{nearest}'?" : "";
            command.AddError($"'{word}' is no workload and no file; expected nic, nvme, virtio, random, or a trace file.{hint}");
            return;
        }

        CheckTrace(command, word);
        CheckSizes(command, isWord ? word : DmaChoice.TraceWord);
        if (command.GetResult(_accesses) is not null && command.GetResult(_seconds) is not null)
        {
            command.AddError("--accesses and --seconds both say when to end; leave one of them out.");
        }
    }

    private void CheckTrace(CommandResult command, string word)
    {
        bool hasFile = command.GetResult(_trace) is not null;
        if (word == DmaChoice.TraceWord && !hasFile)
        {
            command.AddError("the workload 'trace' needs --trace FILE, or write the file in its place.");
        }
        else if (word != DmaChoice.TraceWord && hasFile)
        {
            command.AddError($"--trace belongs to the workload 'trace', not to '{word}'.");
        }
        else if (command.GetResult(_churn) is not null && (word == DmaChoice.TraceWord || !DmaChoice.Patterns.ContainsKey(word)))
        {
            command.AddError("--churn: a trace would not go where pages are churned; choose nic, nvme, virtio or random.");
        }
    }

    private void CheckSizes(CommandResult command, string word)
    {
        if (command.GetResult(_size)?.Tokens is not [{ } token] || !Quantity.TryParse(token.Value, out ulong size))
        {
            return;
        }

        ulong page = PageSizes.TryGetValue(command.GetValue(_pages) ?? UsualPages(word), out ulong named) ? named : Quantity.PageSize;
        if (word == DmaChoice.TraceWord)
        {
            command.AddError("--size: a trace says itself which addresses it needs; leave it out.");
        }
        else if (size % page != 0)
        {
            command.AddError("--size must be whole pages of --pages.");
        }
    }

    private static ulong? ReadSize(ArgumentResult argument)
    {
        string text = argument.Tokens[0].Value;
        if (Quantity.TryParse(text, out ulong size) && size is >= DmaWorkload.MinWindow and <= MaxSize && Quantity.IsPageAligned(size))
        {
            return size;
        }

        argument.AddError($"'{text}' is no size; expected whole pages, 2M to 64TiB, such as 64GiB.");
        return null;
    }

    private static Option<int> Whole(string name, string description, int usual, int least, int most) => new(name)
    {
        Description = description,
        DefaultValueFactory = _ => usual,
        CustomParser = argument => (int)(ReadWhole(argument, least, most) ?? usual),
    };

    private static long? ReadWhole(ArgumentResult argument, long least, long most)
    {
        string text = argument.Tokens[0].Value;
        if (long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long number) && number >= least && number <= most)
        {
            return number;
        }

        argument.AddError($"'{text}' cannot be it; expected {(most == long.MaxValue ? $"{least} or more" : $"{least} to {most}")}.");
        return null;
    }

    private static double? ReadNumber(ArgumentResult argument, double least, double most)
    {
        string text = argument.Tokens[0].Value;
        if (double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double number) && number >= least && number <= most)
        {
            return number;
        }

        argument.AddError($"'{text}' cannot be it; expected a number from {least.ToString(CultureInfo.InvariantCulture)} on.");
        return null;
    }
}
