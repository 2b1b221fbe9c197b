// The step that the language is about: one ioctl.
using IoasidGrains.Uapi;

namespace IoasidGrains.Flows;

/// <summary><c>[name =] ioctl TARGET IOCTL args…</c></summary>
/// <param name="Target">Whose file it is called on.</param>
/// <param name="Spelling">The macro or number as written.</param>
/// <param name="Row">Its row; null for a number that nobody knows.</param>
/// <param name="Arguments">By the row.</param>
/// <param name="Name">Holds the value afterwards; null if nothing does.</param>
public sealed record IoctlStep(NamedObject Target, string Spelling, IoctlRow? Row, FlowArgument[] Arguments, string? Name) : FlowStep
{
    public override bool IsIoctl => true;

    public override string? Binds => Name;

    public override StepPlan Plan(FlowNames names, RequestId request)
    {
        IoctlValue[] values = [.. Arguments.Select(argument => argument.Resolve(names))];
        (UapiCommand? command, Errno error) = IoctlDoor.Enter(Row, Target.On(names.Host), values, request);
        return command is null ? StepPlan.Answer(Reply.Refuse(error)) : StepPlan.Send(command);
    }

    public override Reply Finish(FlowNames names, Reply reply)
    {
        if (Name is not null && reply.Succeeded)
        {
            names.Bind(Name, new IoctlValue.Number((ulong)reply.Value));
        }

        return reply;
    }
}
