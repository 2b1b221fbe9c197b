// One history under several profiles, and where they part.
using IoasidGrains.Flows;
using IoasidGrains.Uapi;

namespace IoasidGrains.Console;

/// <summary>What the runs of one flow have in common, and what not.</summary>
/// <param name="Runs">One per profile, in the order asked.</param>
internal sealed record Comparison(Flow Flow, ComparedRun[] Runs)
{
    /// <summary>Names of all devices, and of all VMs, that any run ended with.</summary>
    public string[] Devices => [.. Runs.SelectMany(run => run.After).SelectMany(picture => picture.Devices).Select(device => device.Name).Distinct().Order(StringComparer.Ordinal)];

    public string[] Vms => [.. Runs.SelectMany(run => run.After).SelectMany(picture => picture.Vms).Select(vm => vm.Name).Distinct().Order(StringComparer.Ordinal)];

    /// <summary>The steps that do not answer the same errno in all runs.</summary>
    public IEnumerable<Parting> Errnos => Partings(result => result.Reply.Errno == Errno.OK ? "0" : $"-{result.Reply.Errno}");

    /// <summary>Accesses, by devices and CPUs, that went through in all runs and still did not see the same.</summary>
    public IEnumerable<Parting> Accesses => Partings(result => result.Reply.ToString()).Where(parting =>
        Runs[0].Steps[parting.Step].Line.Step is DmaStep or CpuReadStep or CpuWbinvdStep && Runs.All(run => run.Steps[parting.Step].Reply.Succeeded));

    private IEnumerable<Parting> Partings(Func<StepResult, string> answerOf)
    {
        for (int step = 0; step < Runs[0].Steps.Length; step++)
        {
            IGrouping<string, ComparedRun>[] groups = [.. Runs.GroupBy(run => answerOf(run.Steps[step]))];
            if (groups.Length > 1)
            {
                yield return new Parting(step, [.. groups.Select(group => (group.Key, group.Select(run => run.Profile.Name).ToArray()))]);
            }
        }
    }
}

/// <summary>A step that does not answer the same everywhere.</summary>
/// <param name="Step">Index of the step.</param>
/// <param name="Answers">Each answer with the profiles that give it.</param>
internal sealed record Parting(int Step, (string Answer, string[] Profiles)[] Answers);
