// Asks fds and VMs what a history has cost; used by ComparedRun.
using IoasidGrains.Flows;
using IoasidGrains.Uapi;

namespace IoasidGrains.Console;

/// <summary>Reads the counters of one host.</summary>
internal sealed class CostReader(IUapi uapi, HostId host, string session)
{
    private long _sequence;

    /// <summary>Of all fds that the flow opens, together.</summary>
    public async Task<FdCosts> OfFds(Flow flow)
    {
        FdCosts sum = FdCosts.None;
        foreach (string fd in flow.Steps.Select(line => line.Step switch { OpenFdStep open => open.Name, StartProcessStep start => start.Name, _ => null }).OfType<string>().Distinct())
        {
            sum = await Read(new ReadFdCosts(new FdId(host.Key(fd)))) is FdCosts costs ? sum.Plus(costs) : sum;
        }

        return sum;
    }

    /// <summary>Of these VMs, together.</summary>
    public async Task<KvmCosts> OfVms(string[] vms)
    {
        KvmCosts sum = KvmCosts.None;
        foreach (string vm in vms)
        {
            sum = await Read(new ReadKvmCosts(new VmId(host.Key(vm)))) is KvmCosts costs ? sum.Plus(costs) : sum;
        }

        return sum;
    }

    private async Task<Outputs?> Read(UapiCommand command) =>
        (await uapi.Call(command with { Request = new RequestId(session + "/costs", ++_sequence) })).Outputs;
}
