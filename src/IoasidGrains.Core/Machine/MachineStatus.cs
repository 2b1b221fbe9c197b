// Reads the status of what is on a Machine, for sweeps and tests.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>Status lines straight from the objects; only when nothing is pending.</summary>
public static class MachineStatus
{
    /// <summary>One line for each object that holds something and for every device, sorted; another that is as it started is not there to tell apart.</summary>
    public static ObjectStatus[] Held(Machine machine)
    {
        List<ObjectStatus> held = [];
        foreach (KernelObject item in machine.Objects)
        {
            if (item.HoldsState || item is Device)
            {
                var answer = (Answer)item.Handle(new DescribeObject(item.Id));
                held.Add((ObjectStatus)answer.Reply.Outputs!);
            }
        }

        held.Sort((a, b) => a.Id.CompareTo(b.Id));
        return [.. held];
    }

    /// <summary>The same in words.</summary>
    public static string[] Lines(Machine machine) => [.. Held(machine).Select(Line)];

    /// <summary>The first line that only one of two has, from each side; null if there is none.</summary>
    public static (string Here, string There)? FirstDifference(ObjectStatus[] here, ObjectStatus[] there)
    {
        if (here.Length == there.Length && here.Zip(there).All(pair => Same(pair.First, pair.Second)))
        {
            return null;
        }

        string[] lines = [.. here.Select(Line)];
        string[] others = [.. there.Select(Line)];
        return (lines.Except(others).FirstOrDefault("nothing"), others.Except(lines).FirstOrDefault("nothing"));
    }

    private static bool Same(ObjectStatus a, ObjectStatus b) => a.Id == b.Id && a.State == b.State && a.Detail == b.Detail;

    private static string Line(ObjectStatus status) => $"{status.Id} {status.Text}";
}
