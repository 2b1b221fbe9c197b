// Arguments of an ioctl as a flow writes them; they become IoctlValues when the step is planned.
using IoasidGrains.Uapi;

namespace IoasidGrains.Flows;

/// <summary>One argument, its names not yet resolved to a host's objects.</summary>
public abstract record FlowArgument
{
    /// <summary>The value for one run.</summary>
    public abstract IoctlValue Resolve(FlowNames names);

    /// <summary>A number, flag, range or word.</summary>
    public sealed record Literal(IoctlValue Value) : FlowArgument
    {
        public override IoctlValue Resolve(FlowNames names) => Value;
    }

    /// <summary>A name: of an object, or of a value that an earlier step bound.</summary>
    public sealed record Named(NamedObject Object) : FlowArgument
    {
        public override IoctlValue Resolve(FlowNames names) =>
            Object.IsValue ? names.ValueOf(Object.Name) : new IoctlValue.Object(Object.On(names.Host));
    }

    /// <summary>An address in somebody's memory; no owner means the process of the fd. An owner that has no memory is left to the door.</summary>
    public sealed record UserMemory(NamedObject? Owner, ulong Offset, ulong Length) : FlowArgument
    {
        public override IoctlValue Resolve(FlowNames names) => Owner switch
        {
            null => new IoctlValue.User(null, Offset, Length),
            { Kind: NameKind.Vm or NameKind.Fd } owner => new IoctlValue.User(names.MemoryOf(owner), Offset, Length),
            { } other => new Named(other).Resolve(names),
        };
    }
}
