// Step 3 of the seed: user space decides on the snoop flag.
using IoasidGrains.Uapi;

namespace IoasidGrains.Flows;

/// <summary>What user space decided; the second word is there if the wish could not be had.</summary>
public sealed record ChosenFormat(SnoopFormat Format, bool UnitCannotEnforce) : Outputs
{
    public override string Text => Format.Word() + (UnitCannotEnforce ? " unit_cannot_enforce" : "");
}

/// <summary><c>name = choose FD DEVICE [on|off|auto] [list …]</c>: asks IOASID_GET_DEV_INFO, then decides.</summary>
public sealed record ChooseStep(string Fd, string Device, NoSnoopWish Wish, PciIdPattern[] List, string? Name) : FlowStep
{
    public override bool IsIoctl => true;

    public override string? Binds => Name;

    public override StepPlan Plan(FlowNames names, RequestId request) =>
        StepPlan.Send(new IoasidGetDevInfo(names.Fd(Fd), names.Device(Device)) { Request = request });

    /// <summary>A refusal of GET_DEV_INFO is the result; the name holds nothing then.</summary>
    public override Reply Finish(FlowNames names, Reply reply)
    {
        if (!reply.Succeeded || reply.Outputs is not DeviceInfo info)
        {
            return reply;
        }

        ChosenFormat chosen = NoSnoopChooser.Decide(Wish, List, info.Device.Id, info.Unit.EnforceSnoop);
        if (Name is not null)
        {
            names.Bind(Name, new IoctlValue.Flag(chosen.Format));
        }

        return Reply.With(chosen);
    }
}
