// A process that is fed anything, and the laws that hold whatever it is fed; used by FuzzProgram.
using System.Collections.Immutable;
using IoasidGrains.Core;
using IoasidGrains.Core.Linux;
using IoasidGrains.Uapi.Linux;

namespace IoasidGrains.Tests.Linux.Fuzz;

/// <summary>A law was broken.</summary>
/// <param name="Law">Which, in a word or two: a shorter program must break the same.</param>
internal sealed class FuzzFailure(string law, string details, Exception? inner = null) : Exception($"{law}: {details}", inner)
{
    public string Law { get; } = law;
}

/// <summary>Runs calls as a process object does: the kernel's side, the changes below, and the claims that the store would grant.</summary>
internal sealed class FuzzProcess(ProcessOptions options, DeviceFacts[] host)
{
    public static readonly FdId Id = new("h/process");

    private readonly HashSet<string> _claims = [];
    private FdState _records = FdState.Unopened.With([new ProcessStarted(options)]);

    public ProcessState State { get; private set; } = new ProcessState(options).Sees(host);

    public (long Value, UserBytes[] Written) Run(Syscall call)
    {
        ProcessState before = State;
        SyscallFrame frame = SyscallFrame.Of(before, call);
        long value = Guard("exception", call, () => Syscalls.Run(frame, call));
        State = frame.State;
        CheckAnswer(before, call, value);
        if (frame.State != before || frame.Live.Count > 0)
        {
            CheckNothingDangles(call);
            Guard("lowering", call, () => Lower(frame, call));
        }

        return (value, frame.Written());
    }

    /// <summary>With its last descriptor nothing is left of it.</summary>
    public void CheckNothingIsLeft()
    {
        (string Name, bool IsEmpty)[] collections =
        [
            ("files", State.Files.IsEmpty), ("contexts", State.Contexts.IsEmpty), ("containers", State.Containers.IsEmpty), ("groups", State.VfioGroups.IsEmpty),
            ("device files", State.DeviceFiles.IsEmpty), ("opened devices", State.OpenedDevices.IsEmpty), ("DMA owners", State.DmaOwners.IsEmpty), ("VMs", State.Vms.IsEmpty),
            ("regions", State.Regions.IsEmpty && State.RegionMappings.IsEmpty), ("bound devices", _records.Devices.IsEmpty), ("address spaces", _records.Ioasids.IsEmpty),
        ];
        if (collections.FirstOrDefault(one => !one.IsEmpty) is { Name: { } name })
        {
            throw new FuzzFailure($"leak of {name}", "after every file was closed");
        }

        // The link of a VM to the process ends with the process itself.
        if (_claims.FirstOrDefault(claim => !claim.Contains("/links/")) is { } claim)
        {
            throw new FuzzFailure("leak of a claim", claim);
        }
    }

    private void CheckAnswer(ProcessState before, Syscall call, long value)
    {
        if (value < 0 && !FuzzErrnos.Allows(before, call, (Errno)(-value)))
        {
            throw new FuzzFailure("errno", $"{FuzzProgram.Print(call, before)} answers -{(Errno)(-value)}");
        }

        if (value >= 0 && !FuzzErrnos.AllowsValue(before, State, call, value))
        {
            throw new FuzzFailure("value", $"{FuzzProgram.Print(call, before)} answers {value}");
        }

        int more = State.Files.Count - before.Files.Count;
        if (more != (call is SysClose && value == 0 ? -1 : value < 0 ? 0 : Math.Clamp(more, 0, 1)))
        {
            throw new FuzzFailure("descriptors", $"{FuzzProgram.Print(call, before)} answers {value} and leaves {more} more");
        }
    }

    /// <summary>What an open file or an opened device names is there.</summary>
    private void CheckNothingDangles(Syscall call)
    {
        OpenFile? dangling = State.Files.Values.FirstOrDefault(file => !(file switch
        {
            IommufdFile iommufd => State.Contexts.ContainsKey(iommufd.Context),
            FaultFile fault => State.Contexts.GetValueOrDefault(fault.Context)?.Find<FaultQueue>(fault.Object) is { IsOpen: true },
            AccessFile access => State.Contexts.GetValueOrDefault(access.Context)?.Find<KernelAccess>(access.Object) is { IsOpen: true },
            ContainerFile container => State.Containers.ContainsKey(container.Container),
            VfioGroupFile group => State.VfioGroups.ContainsKey(group.Group),
            VfioDeviceFile device => State.DeviceFiles.ContainsKey(device.File),
            VmFile vm => State.Vms.ContainsKey(vm.Vm),
            KvmVfioFile vfio => State.Vms.GetValueOrDefault(vfio.Vm)?.Vfio is not null,
            _ => true,
        }));
        OpenedDevice? lost = State.OpenedDevices.Values.FirstOrDefault(device =>
            device.Bound is { } bound && State.Contexts.GetValueOrDefault(device.Iommufd!.Value)?.Find<IommufdDevice>(bound)?.Facts?.Id != device.Device.Id);
        if (dangling is not null || lost is not null)
        {
            throw new FuzzFailure("dangling", $"{(object?)dangling ?? lost} after {FuzzProgram.Print(call, State)}");
        }
    }

    private bool Lower(SyscallFrame frame, Syscall call)
    {
        (Change[] changes, (Claim Claim, Errno IfRefused)[] claims) = Lowering.Of(_records, Id, frame.Live);
        foreach ((Claim claim, _) in frame.Claims.Concat(claims))
        {
            bool granted = claim.Kind switch
            {
                // What is its own already it may take again.
                ClaimKind.Take => _claims.Add(claim.Name) || _claims.Contains(claim.Name),
                ClaimKind.Release => _claims.Remove(claim.Name),
                ClaimKind.RequireFree => !_claims.Contains(claim.Name),
                _ => true,
            };
            if (!granted)
            {
                throw new FuzzFailure("claim", $"{claim.Kind} {claim.Name} after {FuzzProgram.Print(call, frame.State)}");
            }
        }

        _records = _records.With(changes);
        return true;
    }

    private T Guard<T>(string law, Syscall call, Func<T> run)
    {
        try
        {
            return run();
        }
        catch (Exception exception) when (exception is not FuzzFailure)
        {
            throw new FuzzFailure($"{law} {exception.GetType().Name}", $"{FuzzProgram.Print(call, State)}: {exception.Message}", exception);
        }
    }
}
