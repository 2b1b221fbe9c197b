// Reads the status of everything on a Machine, for sweeps and tests.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>Status lines straight from the objects; only when nothing is pending.</summary>
public static class MachineStatus
{
    /// <summary>All objects that have started, sorted.</summary>
    public static ObjectStatus[] Of(Machine machine) =>
        [.. machine.Objects.Select(Of).OrderBy(status => status.Id)];

    /// <summary>One line for each object that holds something; one that is as it started is not there to tell apart.</summary>
    public static string[] HeldLines(Machine machine) =>
        [.. machine.Objects.Where(item => item.HoldsState).Select(Of).OrderBy(status => status.Id).Select(status => $"{status.Id} {status.Text}")];

    private static ObjectStatus Of(KernelObject kernelObject)
    {
        var step = (Answer)kernelObject.Handle(new DescribeObject(kernelObject.Id));
        return (ObjectStatus)step.Reply.Outputs!;
    }
}
