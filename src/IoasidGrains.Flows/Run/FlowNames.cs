// The names of one run: the host that its objects live on, and the values that steps bound. Used by every step.
using System.Collections.Concurrent;
using IoasidGrains.Uapi;

namespace IoasidGrains.Flows;

/// <summary>Clients of one run share it; copying it copies the values.</summary>
public sealed class FlowNames(HostId host)
{
    /// <summary>What a C program would hold after a failed ioctl: -1, which is no IOASID and no flag.</summary>
    private static readonly IoctlValue Unbound = new IoctlValue.Number(ulong.MaxValue);

    private readonly ConcurrentDictionary<string, IoctlValue> _values = new();

    public HostId Host { get; } = host;

    /// <summary>Processes of the Linux dialects.</summary>
    public LinuxProcesses Processes { get; private init; } = new(host);

    public FdId Fd(string name) => new(Host.Key(name));

    public VmId Vm(string name) => new(Host.Key(name));

    public UnitId Unit(string name) => new(Host.Key(name));

    public DeviceId Device(string name) => new(Host.Key(name));

    /// <summary>The memory of a VM, or of the process that opened an fd.</summary>
    public GuestMemoryId MemoryOf(NamedObject owner) => owner.Kind == NameKind.Vm ? Vm(owner.Name).Memory : Fd(owner.Name).ProcessMemory;

    public void Bind(string name, IoctlValue value) => _values[name] = value;

    /// <summary>The value that the name holds; -1 if its step failed or has not run.</summary>
    public IoctlValue ValueOf(string name) => _values.GetValueOrDefault(name, Unbound);

    public FlowNames Copy()
    {
        var copy = new FlowNames(Host) { Processes = Processes.Copy() };
        foreach ((string name, IoctlValue value) in _values)
        {
            copy.Bind(name, value);
        }

        return copy;
    }

    /// <summary>
    /// A copy in which every name that the flow binds holds what the flow's right margin expects (1 or snoop if it says nothing), so that a step
    /// can be planned before the step that binds its name has run.
    /// </summary>
    public FlowNames WithGuesses(Flow flow)
    {
        FlowNames guessed = Copy();
        foreach (FlowLine line in flow.Steps.Where(line => line.Step!.Binds is not null))
        {
            guessed.Bind(line.Step!.Binds!, GuessOf(line));
        }

        int file = 3;
        foreach (LinuxCallStep open in flow.Steps.Select(line => line.Step).OfType<LinuxCallStep>().Where(step => step.Call.Name == "open" || LinuxGrammar.Opens(step.Call.Name)))
        {
            guessed.Processes.Guess(open.Process, open.Name ?? open.Call.File, file++);
        }

        return guessed;
    }

    private static IoctlValue GuessOf(FlowLine line)
    {
        if (line.Step is ChooseStep)
        {
            bool noSnoop = line.Expected?.Outputs.Contains(SnoopFormat.NoSnoop.Word()) == true;
            return new IoctlValue.Flag(noSnoop ? SnoopFormat.NoSnoop : SnoopFormat.Snoop);
        }

        if (line is { Step: LinuxCallStep, Expected: { } margin })
        {
            return new IoctlValue.Number(LinuxCallStep.GuessOf(margin) ?? 1);
        }

        return new IoctlValue.Number(line.Expected is { Errno: Errno.OK, Value: var value } ? (ulong)value : 1);
    }
}
