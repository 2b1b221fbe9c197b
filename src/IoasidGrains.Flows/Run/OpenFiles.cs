// What a run has opened and not closed; used by FlowRunner to close it at the end, as the exit of a process does.
using IoasidGrains.Uapi;

namespace IoasidGrains.Flows;

/// <summary>Learns from every command that succeeded. Several clients may report at once.</summary>
internal sealed class OpenFiles
{
    private readonly Lock _lock = new();
    private readonly List<ObjectId> _open = [];
    private readonly HashSet<ObjectId> _processes = [];

    public void Note(UapiCommand command, Reply reply)
    {
        if (!reply.Succeeded)
        {
            return;
        }

        (ObjectId? opened, ObjectId? closed) = EffectOf(command);
        lock (_lock)
        {
            if (command is StartProcess start)
            {
                _processes.Add(start.Process.Object);
            }

            if (opened is { } file && !_open.Contains(file))
            {
                _open.Add(file);
            }

            if (closed is { } gone)
            {
                _open.Remove(gone);
            }
        }
    }

    /// <summary>The commands that close what is open: processes, which hold devices, then devices, fds and VMs; each kind in the order of opening.</summary>
    public UapiCommand[] Closings()
    {
        lock (_lock)
        {
            return [.. _open.OrderBy(file => _processes.Contains(file) ? 0 : Rank(file.Kind)).Select(CloseOf)];
        }
    }

    private static (ObjectId? Opened, ObjectId? Closed) EffectOf(UapiCommand command) => command switch
    {
        DeclareDevice declare => (declare.Device.Object, null),
        OpenDevice open => (open.Device.Object, null),
        OpenFd open => (open.Fd.Object, null),
        StartProcess start => (start.Process.Object, null),
        KvmAddIoasidFd add => (add.Vm.Object, null),
        KvmFileAdd add => (add.Vm.Object, null),
        DeclareVm declare => (declare.Vm.Object, null),
        CloseDevice close => (null, close.Device.Object),
        CloseFd close => (null, close.Fd.Object),
        CloseVm close => (null, close.Vm.Object),
        _ => (null, null),
    };

    private static int Rank(ObjectKind kind) => kind switch
    {
        ObjectKind.Device => 1,
        ObjectKind.IoasidFd => 2,
        _ => 3,
    };

    private static UapiCommand CloseOf(ObjectId file) => file.Kind switch
    {
        ObjectKind.Device => new CloseDevice(new DeviceId(file.Key)),
        ObjectKind.IoasidFd => new CloseFd(new FdId(file.Key)),
        _ => new CloseVm(new VmId(file.Key)),
    };
}
