// An IOMMU unit: its fixed capabilities and its context table.
using System.Collections.Immutable;
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>One context entry and the append that put it there.</summary>
public sealed record UnitContext(ContextEntry Entry, long Order);

/// <summary>What a unit is and holds.</summary>
public sealed record UnitState(IommuCapabilities? Capabilities, ImmutableSortedDictionary<DeviceId, UnitContext> Contexts);

/// <summary>Answers what it can do before any IOASID exists, and keeps RID → page table. A device without an entry is in the default domain.</summary>
public sealed class IommuUnit : KernelObject
{
    private UnitState _state;

    public IommuUnit(ObjectId id, StoredObject stored)
        : base(id) =>
        _state = new UnitState((stored.Declaration as DeclareUnit)?.Capabilities, ImmutableSortedDictionary<DeviceId, UnitContext>.Empty);

    public override object State
    {
        get => _state;
        set => _state = (UnitState)value;
    }

    public UnitState Records => _state;

    public override bool HoldsState => _state.Contexts.Values.Any(context => context.Entry.Kind != ContextKind.Default);

    public override Step Handle(Command command) => command switch
    {
        DeclareUnit declare => Declare(declare),
        DescribeObject => Done(Describe()),
        DescribeUnit => _state.Capabilities is { } capabilities ? Done(new UnitDescription(capabilities)) : Done(Errno.ENODEV),
        SetContext set => Set(set),
        _ => throw NotUnderstood(command),
    };

    private Step Declare(DeclareUnit declare)
    {
        _state = _state with { Capabilities = declare.Capabilities };
        return Done(Errno.OK);
    }

    private Step Set(SetContext set)
    {
        if (_state.Contexts.TryGetValue(set.Device, out UnitContext? current) && set.Stamp.Order < current.Order)
        {
            return Done(Errno.OK);
        }

        Invariant.Check(
            !set.Entry.EnforceSnoop || _state.Capabilities is { EnforceSnoop: true },
            $"{Id} is given an enforcing table, whose SNP bits are reserved bits to it.");
        _state = _state with { Contexts = _state.Contexts.SetItem(set.Device, new UnitContext(set.Entry, set.Stamp.Order)) };
        return Done(Errno.OK);
    }

    private ObjectStatus Describe()
    {
        if (_state.Capabilities is not { } unit)
        {
            return new ObjectStatus(Id, "undeclared", "", []);
        }

        IEnumerable<string> contexts = _state.Contexts.Where(context => context.Value.Entry.Kind != ContextKind.Default)
            .Select(context => $"{context.Key}:{(context.Value.Entry.Table is { } table ? table.ToString() : "blocked")}");
        string text = string.Join(',', contexts);
        return new ObjectStatus(
            Id, unit.EnforceSnoop ? "enforce_snoop" : "no_enforce_snoop",
            $"width={unit.AddressWidth} pages={unit.PageSizeNames}" + (text.Length == 0 ? "" : $" contexts={text}"), []);
    }
}
