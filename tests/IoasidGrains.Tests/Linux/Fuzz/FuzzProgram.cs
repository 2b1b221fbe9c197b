// A random program of system calls: made while it runs, run again as it is, and made as short as it can be. Used by FuzzTests.
using System.Text;
using IoasidGrains.Core.Linux;
using IoasidGrains.Uapi.Linux;

namespace IoasidGrains.Tests.Linux.Fuzz;

/// <summary>How often each ioctl, and each operation of the self test, was called and succeeded.</summary>
internal sealed class FuzzCount
{
    private readonly Dictionary<(LinuxFile Kind, uint Code, uint Op), (int Calls, int Successes)> _counts = [];

    public int Inputs { get; private set; }

    public (int Calls, int Successes) Of(LinuxFile kind, uint code, uint op = 0) => _counts.GetValueOrDefault((kind, code, op));

    public void Add(LinuxFile kind, SysIoctl call, bool succeeded)
    {
        Inputs++;
        Add((kind, call.Code, 0), succeeded);
        if (call is { Code: IoctlCodes.IOMMU_TEST_CMD, Memory: [{ Data: { Length: >= 8 } bytes }, ..] } && BitConverter.ToUInt32(bytes, 4) is > 0 and < 16 and var op)
        {
            Add((kind, call.Code, op), succeeded);
        }
    }

    private void Add((LinuxFile, uint, uint) key, bool succeeded)
    {
        (int calls, int successes) = _counts.GetValueOrDefault(key);
        _counts[key] = (calls + 1, successes + (succeeded ? 1 : 0));
    }
}

/// <summary>The calls of one seed.</summary>
internal static class FuzzProgram
{
    private const int Length = 250;

    /// <summary>Makes and runs a program of the family. Throws <see cref="FuzzFailure"/> with the seed and the shortest program that fails as well.</summary>
    public static void Run(FuzzFamily family, int seed, FuzzCount count)
    {
        var random = new Random(seed);
        ProcessOptions options = FuzzHost.Options(random, family);
        List<Syscall> calls = [];
        List<string> answers = [];
        try
        {
            var process = new FuzzProcess(options, FuzzHost.Devices);
            Make(family, random, process, calls, answers, count);
            Replay(options, calls, answers, check: seed % 8 == 0);
        }
        catch (FuzzFailure failure)
        {
            List<Syscall> shortest = Shrink(options, calls, failure.Law);
            throw new Xunit.Sdk.XunitException($"{failure.Message}\nfamily {family.Name}, seed {seed}, options {options}\n{Print(options, shortest)}\n{failure.InnerException}");
        }
    }

    private static void Make(FuzzFamily family, Random random, FuzzProcess process, List<Syscall> calls, List<string> answers, FuzzCount count)
    {
        void Do(Syscall call)
        {
            calls.Add(call);
            LinuxFile? kind = call is SysIoctl made && process.State.Files.TryGetValue(made.File, out OpenFile? file) ? FuzzErrnos.KindOf(file) : null;
            (long value, UserBytes[] written) = process.Run(call);
            answers.Add(Answer(value, written));
            if (kind is { } on && family.Kinds.Contains(on))
            {
                count.Add(on, (SysIoctl)call, value >= 0);
            }
        }

        foreach (Func<FuzzPick, Syscall?> prepare in family.Setup)
        {
            if (prepare(new FuzzPick(random, process.State, 0)) is { } call)
            {
                Do(call);
            }
        }

        while (calls.Count < Length)
        {
            Do(family.Next(random, process.State));
        }

        foreach (int file in process.State.Files.Keys.OrderBy(_ => random.Next()).ToArray())
        {
            Do(new SysClose(FuzzProcess.Id, file));
        }

        process.CheckNothingIsLeft();
    }

    /// <summary>The same calls have the same answers: a log is replayed so.</summary>
    private static void Replay(ProcessOptions options, List<Syscall> calls, List<string> answers, bool check)
    {
        if (!check)
        {
            return;
        }

        var process = new FuzzProcess(options, FuzzHost.Devices);
        for (int i = 0; i < calls.Count; i++)
        {
            (long value, UserBytes[] written) = process.Run(calls[i]);
            if (Answer(value, written) != answers[i])
            {
                throw new FuzzFailure("replay", $"{Print(calls[i], process.State)} answers something else the second time");
            }
        }
    }

    private static string Answer(long value, UserBytes[] written) => $"{value} {string.Join(' ', written.Select(bytes => bytes.Data.Aggregate(17L, (sum, one) => unchecked((sum * 31) + one))))}";

    /// <summary>Calls are left out, many at once and then one by one, as long as the same law is broken.</summary>
    private static List<Syscall> Shrink(ProcessOptions options, List<Syscall> calls, string law)
    {
        List<Syscall> shortest = calls;
        for (int piece = Math.Max(1, calls.Count / 2); piece > 0; piece /= 2)
        {
            for (int at = 0; at < shortest.Count;)
            {
                List<Syscall> shorter = [.. shortest.Take(at), .. shortest.Skip(at + piece)];
                bool fails = Breaks(options, shorter, law);
                shortest = fails ? shorter : shortest;
                at += fails ? 0 : piece;
            }
        }

        return shortest;
    }

    private static bool Breaks(ProcessOptions options, List<Syscall> calls, string law)
    {
        try
        {
            var process = new FuzzProcess(options, FuzzHost.Devices);
            calls.ForEach(call => process.Run(call));
            if (law.StartsWith("leak", StringComparison.Ordinal))
            {
                foreach (int file in process.State.Files.Keys.ToArray())
                {
                    process.Run(new SysClose(FuzzProcess.Id, file));
                }

                process.CheckNothingIsLeft();
            }

            return false;
        }
        catch (FuzzFailure failure)
        {
            return failure.Law == law;
        }
    }

    /// <summary>A line per call, with its answer.</summary>
    private static string Print(ProcessOptions options, List<Syscall> calls)
    {
        var process = new FuzzProcess(options, FuzzHost.Devices);
        var text = new StringBuilder();
        foreach (Syscall call in calls)
        {
            text.Append("  ").Append(Print(call, process.State));
            try
            {
                text.AppendLine($" => {process.Run(call).Value}");
            }
            catch (FuzzFailure failure)
            {
                text.AppendLine($" => {failure.Message}");
            }
        }

        return text.ToString();
    }

    public static string Print(Syscall call, ProcessState state) => call switch
    {
        SysOpen open => $"open {open.Path}",
        SysClose close => $"close {close.File}",
        SysRead read => $"read {read.File} {read.Length}",
        SysMmap mmap => $"mmap {mmap.File} at 0x{mmap.At:x} length 0x{mmap.Length:x} offset 0x{mmap.Offset:x}",
        SysIoctl ioctl => $"ioctl {ioctl.File} {Name(ioctl, state)} 0x{ioctl.Argument:x} {string.Join(' ', ioctl.Memory.Select(bytes => $"{bytes.Address:x}={Hex(bytes.Data)}"))}",
        _ => call.ToString(),
    };

    private static string Hex(byte[] bytes) => bytes.Length <= 96 ? Convert.ToHexStringLower(bytes) : $"{Convert.ToHexStringLower(bytes.AsSpan(0, 96))}… ({bytes.Length})";

    private static string Name(SysIoctl ioctl, ProcessState state)
    {
        LinuxFile? kind = state.Files.TryGetValue(ioctl.File, out OpenFile? file) ? FuzzErrnos.KindOf(file) : null;
        return LinuxIoctlTable.Rows.FirstOrDefault(row => row.On == kind && row.Code == ioctl.Code)?.Name ?? $"0x{ioctl.Code:x}";
    }
}
