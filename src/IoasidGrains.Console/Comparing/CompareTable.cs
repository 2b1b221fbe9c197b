// The result of `ioasid compare` for people.
using IoasidGrains.Flows;
using IoasidGrains.Uapi;

namespace IoasidGrains.Console;

/// <summary>A row per profile, then the steps at which they part.</summary>
internal static class CompareTable
{
    public static IEnumerable<string> Lines(Comparison comparison)
    {
        string[] devices = comparison.Devices, vms = comparison.Vms;
        string[] head = ["POLICY", .. devices, .. vms.Select(vm => vm.ToUpperInvariant()), "GAPS", .. CompareCosts.Short];
        List<string[]> rows = [head, .. comparison.Runs.Select(run => Row(run, devices, vms))];
        int firstNumber = devices.Length + vms.Length + 1;
        return TextTable.Lines(rows, column => column >= firstNumber)
            .Append("")
            .Append("At the end: devices on E enforcing, P plain, M per-mapping tables, b blocked, - gone;")
            .Append("VMs by noncoherent_dma and what wbinvd does. In the whole history: GAPS steps after")
            .Append("which a device could send no-snoop past the caches of a VM that ignored wbinvd, WRONG")
            .Append("bytes read because of that, WBINVD executed and IGNORED, CPU caches FLUSHED, EPT ZAPS,")
            .Append("PTES written, TABLES made, CONVersions, INVALidations; pages pinned TWICE at the end.")
            .Concat(Section("Steps that do not answer the same errno", comparison, comparison.Errnos))
            .Concat(Section("Accesses that do not see the same", comparison, comparison.Accesses));
    }

    private static string[] Row(ComparedRun run, string[] devices, string[] vms) =>
    [
        run.Profile.Name,
        .. devices.Select(name => (Array.Find(run.End.Devices, device => device.Name == name)?.Letter ?? '-').ToString()),
        .. vms.Select(name => Array.Find(run.End.Vms, vm => vm.Name == name) is { } vm ? $"{vm.Count} {vm.Wbinvd.Word()}" : "-"),
        run.GapSteps.ToString(),
        .. CompareCosts.Of(run).Select(cost => cost.ToString()),
    ];

    private static IEnumerable<string> Section(string title, Comparison comparison, IEnumerable<Parting> partings)
    {
        string head = title;
        foreach (Parting parting in partings)
        {
            if (head.Length > 0)
            {
                yield return "";
                yield return head + ":";
                head = "";
            }

            FlowLine line = comparison.Runs[0].Steps[parting.Step].Line;
            yield return $"  line {line.Number}: {line.Text}";
            int width = parting.Answers.Max(answer => answer.Answer.Length);
            foreach ((string answer, string[] profiles) in parting.Answers)
            {
                yield return $"    {answer.PadRight(width)}  {(profiles.Length == comparison.Runs.Length - 1 && parting.Answers.Length == 2 ? "all others" : string.Join(' ', profiles))}";
            }
        }

        if (head.Length > 0)
        {
            yield return "";
            yield return head + ": none.";
        }
    }
}
