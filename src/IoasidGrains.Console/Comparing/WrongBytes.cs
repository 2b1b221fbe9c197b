// Counts the bytes that a history's reads got wrong because a wbinvd was ignored; ComparedRun feeds it step by step.
using IoasidGrains.Core;
using IoasidGrains.Flows;
using IoasidGrains.Uapi;

namespace IoasidGrains.Console;

/// <summary>An oracle per VM. A device is judged from its attach on, while its fd or its file is registered with the VM.</summary>
/// <param name="flushesAtEdge">The side of KVM writes the caches back when DMA becomes non-coherent.</param>
internal sealed class WrongBytes(FlowNames names, bool flushesAtEdge)
{
    private readonly Dictionary<GuestMemoryId, CoherencyOracle> _oracles = [];
    private readonly HashSet<string> _emulated = [];

    /// <summary>So far.</summary>
    public long Count { get; private set; }

    /// <summary>One step that was done, and what the host looks like after it.</summary>
    public void Take(StepResult step, HostPicture after)
    {
        FlushAtEdges(after);
        if (step.Reply.Succeeded && step.Line.Step is { } done && done.Plan(names, default).Command is { } command)
        {
            Access(command, step.Reply);
        }

        foreach (VmPicture vm in after.Vms)
        {
            Judge(vm, after);
        }
    }

    private void Access(UapiCommand command, Reply reply)
    {
        switch (command)
        {
            case CpuWrite write:
                Update(write.Memory, oracle => oracle.CpuWrite(write.Offset, write.Data));
                break;
            case CpuRead read:
                Read(read.Memory, oracle => oracle.CpuRead(read.Offset, read.Length));
                break;
            case CpuWbinvd wbinvd:
                Update(wbinvd.Vm.Memory, oracle => oracle.Wbinvd(((WbinvdOutcome)reply.Outputs!).Mode == WbinvdMode.Emulated));
                break;
            case DeviceDma dma when reply.Outputs is DmaOutcome { Fault: DmaFault.None } outcome && outcome.Memory.Memory.IsOfVm:
                Access(dma, outcome);
                break;
        }
    }

    private void Access(DeviceDma dma, DmaOutcome outcome)
    {
        if (dma.Data is { } data)
        {
            Update(outcome.Memory.Memory, oracle => oracle.DmaWrite(dma.Device, outcome.Memory.Offset, data, outcome.Snooped));
        }
        else
        {
            Read(outcome.Memory.Memory, oracle => oracle.DmaRead(dma.Device, outcome.Memory.Offset, dma.Length, outcome.Snooped));
        }
    }

    private void FlushAtEdges(HostPicture after)
    {
        foreach (VmPicture vm in after.Vms)
        {
            if (vm.Wbinvd == WbinvdMode.Nop)
            {
                _emulated.Remove(vm.Name);
            }
            else if (_emulated.Add(vm.Name) && flushesAtEdge)
            {
                Update(names.Vm(vm.Name).Memory, oracle => oracle.Flush());
            }
        }
    }

    private void Judge(VmPicture vm, HostPicture after)
    {
        GuestMemoryId memory = names.Vm(vm.Name).Memory;
        DeviceId[] judged = [.. after.Devices.Where(device => device.IsAttached && vm.Registered.Contains(device.Name)).Select(device => names.Device(device.Name))];
        CoherencyOracle oracle = _oracles.GetValueOrDefault(memory, CoherencyOracle.Empty);
        oracle = oracle.Attached.Except(judged).ToArray().Aggregate(oracle, (next, device) => next.Detach(device));
        _oracles[memory] = judged.Aggregate(oracle, (next, device) => next.Attach(device));
    }

    private void Update(GuestMemoryId memory, Func<CoherencyOracle, CoherencyOracle> next) =>
        _oracles[memory] = next(_oracles.GetValueOrDefault(memory, CoherencyOracle.Empty));

    private void Read(GuestMemoryId memory, Func<CoherencyOracle, OracleRead> read) => Update(memory, oracle =>
    {
        OracleRead done = read(oracle);
        Count += done.WrongBytes;
        return done.Next;
    });
}
