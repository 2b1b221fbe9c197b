// One history under one profile: what every step answered, what the host looked like after it, and what it cost.
using IoasidGrains.Core;
using IoasidGrains.Flows;
using IoasidGrains.Uapi;

namespace IoasidGrains.Console;

/// <summary>A flow that ran under a profile.</summary>
/// <param name="Steps">In the order of the file; concurrent steps one after the other.</param>
/// <param name="After">The host after each step.</param>
/// <param name="Fds">Costs of all its fds together.</param>
/// <param name="Vms">Costs of all its VMs together.</param>
/// <param name="WrongBytes">Bytes that some read got wrong because a wbinvd was ignored.</param>
internal sealed record ComparedRun(Profile Profile, StepResult[] Steps, HostPicture[] After, FdCosts Fds, KvmCosts Vms, long WrongBytes)
{
    public HostPicture End => After.Length == 0 ? new HostPicture([], []) : After[^1];

    /// <summary>Steps after which some device could send no-snoop past the caches while a VM ignored wbinvd.</summary>
    public int GapSteps => After.Count(picture => picture.Devices.Any(device => device.Gap));

    /// <summary>Runs the flow with every fd opened under the profile, and closes what it leaves open.</summary>
    public static async Task<ComparedRun> Run(IUapi uapi, HostId host, string session, Flow flow, Profile profile, CancellationToken cancellation)
    {
        var runner = new FlowRunner(uapi, host, session);
        var status = new StatusReader(uapi, session + "/compare");
        List<StepResult> steps = [];
        List<HostPicture> after = [];
        var wrong = new WrongBytes(runner.Names, profile.Kvm.FlushesAtEdge);
        try
        {
            foreach (FlowLine line in flow.WithProfile(profile.Name).Steps)
            {
                cancellation.ThrowIfCancellationRequested();
                steps.Add(await runner.RunStep(line));
                after.Add(HostPicture.Of(await status.Read(host)));
                wrong.Take(steps[^1], after[^1]);
            }

            var costs = new CostReader(uapi, host, session);
            string[] vms = [.. after.SelectMany(picture => picture.Vms).Select(vm => vm.Name).Distinct()];
            return new ComparedRun(profile, [.. steps], [.. after], await costs.OfFds(flow), await costs.OfVms(vms), wrong.Count);
        }
        finally
        {
            await runner.CloseAll();
        }
    }
}
