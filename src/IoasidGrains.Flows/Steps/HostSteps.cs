// Steps beside the ioctls: declare, open, close, look.
using IoasidGrains.Uapi;

namespace IoasidGrains.Flows;

/// <summary><c>iommu NAME …</c></summary>
public sealed record DeclareUnitStep(string Name, IommuCapabilities Capabilities) : FlowStep
{
    public override StepPlan Plan(FlowNames names, RequestId request) =>
        StepPlan.Send(new DeclareUnit(names.Unit(Name), Capabilities) { Request = request });
}

/// <summary><c>device NAME behind UNIT …</c></summary>
public sealed record DeclareDeviceStep(
    string Name, string Unit, string Group, PciId Id, bool CoherentOnly, DeviceDriver Driver, DriverOpens Opens, IovaRange[] Reserved) : FlowStep
{
    public override StepPlan Plan(FlowNames names, RequestId request) => StepPlan.Send(
        new DeclareDevice(
            names.Device(Name),
            new DeviceTraits(names.Unit(Unit), new GroupId(names.Host.Key(Group)), Id, CoherentOnly, Driver, Opens, Reserved)) { Request = request });
}

/// <summary><c>vm NAME …</c>. Without options it is a word for the reader of the file; KVM hears of the VM with its first ioctl.</summary>
/// <param name="Traits">Null without options.</param>
public sealed record DeclareVmStep(string Name, VmTraits? Traits) : FlowStep
{
    public override StepPlan Plan(FlowNames names, RequestId request) =>
        Traits is null ? StepPlan.Answer(Reply.Ok) : StepPlan.Send(new DeclareVm(names.Vm(Name), Traits) { Request = request });
}

/// <summary><c>open NAME /dev/ioasid …</c></summary>
public sealed record OpenFdStep(string Name, OpenOptions Options) : FlowStep
{
    public override StepPlan Plan(FlowNames names, RequestId request) =>
        StepPlan.Send(new OpenFd(names.Fd(Name), Options) { Request = request });
}

/// <summary><c>open DEVICE</c>: the device file again, after a close.</summary>
public sealed record OpenDeviceStep(string Name) : FlowStep
{
    public override StepPlan Plan(FlowNames names, RequestId request) =>
        StepPlan.Send(new OpenDevice(names.Device(Name)) { Request = request });
}

/// <summary><c>close NAME</c> of an ioasid_fd, a device file, a VM, or a process, which ends.</summary>
public sealed record CloseStep(NamedObject Target) : FlowStep
{
    public override StepPlan Plan(FlowNames names, RequestId request)
    {
        UapiCommand close = Target.Kind switch
        {
            NameKind.Fd or NameKind.Process => new CloseFd(names.Fd(Target.Name)),
            NameKind.Device => new CloseDevice(names.Device(Target.Name)),
            _ => new CloseVm(names.Vm(Target.Name)),
        };
        return StepPlan.Send(close with { Request = request });
    }
}

/// <summary><c>costs FD</c>, <c>costs VM</c>: what the policy of the one and the coherency of the other have cost so far.</summary>
public sealed record CostsStep(NamedObject Target) : FlowStep
{
    public override StepPlan Plan(FlowNames names, RequestId request)
    {
        UapiCommand read = Target.Kind is NameKind.Fd or NameKind.Process ? new ReadFdCosts(names.Fd(Target.Name)) : new ReadKvmCosts(names.Vm(Target.Name));
        return StepPlan.Send(read with { Request = request });
    }
}

/// <summary><c>status</c>: the runner prints the table; no command of its own.</summary>
public sealed record StatusStep : FlowStep
{
    public override StepPlan Plan(FlowNames names, RequestId request) => StepPlan.Answer(Reply.Ok);
}
