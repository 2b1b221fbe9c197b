// One history under one profile: what every step answered, what the host looked like after it, and what it cost.
using IoasidGrains.Core;
using IoasidGrains.Flows;
using IoasidGrains.Uapi;

namespace IoasidGrains.Console;

/// <summary>A flow that ran under a profile.</summary>
/// <param name="Steps">In the order of the file; concurrent steps one after the other.</param>
/// <param name="After">The host after each step.</param>
/// <param name="Costs">Of all its fds together.</param>
internal sealed record ComparedRun(Profile Profile, StepResult[] Steps, HostPicture[] After, FdCosts Costs)
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
        try
        {
            foreach (FlowLine line in flow.WithProfile(profile.Name).Steps)
            {
                cancellation.ThrowIfCancellationRequested();
                steps.Add(await runner.RunStep(line));
                after.Add(HostPicture.Of(await status.Read(host)));
            }

            return new ComparedRun(profile, [.. steps], [.. after], await CostsOf(uapi, host, session, flow));
        }
        finally
        {
            await runner.CloseAll();
        }
    }

    private static async Task<FdCosts> CostsOf(IUapi uapi, HostId host, string session, Flow flow)
    {
        FdCosts sum = FdCosts.None;
        long sequence = 0;
        foreach (string fd in flow.Steps.Select(line => line.Step).OfType<OpenFdStep>().Select(open => open.Name).Distinct())
        {
            var read = new ReadFdCosts(new FdId(host.Key(fd))) { Request = new RequestId(session + "/costs", ++sequence) };
            sum = (await uapi.Call(read)).Outputs is FdCosts costs ? sum.Plus(costs) : sum;
        }

        return sum;
    }
}
