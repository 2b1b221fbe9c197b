// Asks the container's sharing policy onto which domain a group goes; used by Type1Groups.
using System.Collections.Immutable;
using IoasidGrains.Uapi;

namespace IoasidGrains.Core.Linux;

/// <summary>
/// A group is as able as its least able member: that is the device which the policy sees. The dialect has no word for a format, so a policy that wants the user to
/// choose hears what a careful user would say: what the first device can.
/// </summary>
internal static class Type1Placement
{
    public static Placement Of(ProcessState state, Type1 type1, DeviceFacts[] members)
    {
        SharingPolicy policy = PolicyOf(state);
        BoundDevice joining = Bound(Array.Find(members, device => !device.Unit!.EnforceSnoop) ?? members[0]);
        TableUse[] tables = [.. type1.Domains.Where(domain => Takes(domain, joining.Unit)).Select(domain => Use(state, domain))];
        bool enforce = tables.Length > 0 ? tables[0].EnforceSnoop : joining.Unit.EnforceSnoop;
        IoasidEntry ioasid = Entry(policy, type1, joining.Unit.AddressWidth, enforce);
        bool hostEnforces = state.Host.Values.All(device => device.Unit is null or { EnforceSnoop: true });
        Placement place = policy.Attach(new Joining(joining, ioasid.Spec.Auto ? null : ioasid.Spec.Format, ioasid, tables, hostEnforces));
        return place.Errno == Errno.OK && type1.Domains.Any(domain => domain.Table == place.Table && !Takes(domain, joining.Unit))
            ? place with { Table = FreeTable(type1) } : place;
    }

    /// <summary>A driver knows only its own tables, and VT-d none that has mapped anything past the unit's width.</summary>
    private static bool Takes(Type1Domain domain, IommuCapabilities unit) => domain.Driver == unit.Driver && domain.Reach <= unit.Translated.Last;

    /// <summary>The format of a domain that a device has left to others.</summary>
    public static bool AfterLeaving(ProcessState state, Type1 type1, Type1Domain rest, DeviceFacts device)
    {
        SharingPolicy policy = PolicyOf(state);
        return policy.Detach(new Leaving(Bound(device), Entry(policy, type1, device.Unit!.AddressWidth, rest.EnforceSnoop), Use(state, rest)));
    }

    private static SharingPolicy PolicyOf(ProcessState state) =>
        (Profiles.Find(state.Options.ContainerProfile) ?? throw new InvariantException($"There is no profile {state.Options.ContainerProfile}.")).Sharing;

    private static IoasidEntry Entry(SharingPolicy policy, Type1 type1, int width, bool enforce)
    {
        bool isAuto = policy.Formats.Length == 0 || policy.Formats.Contains(SnoopFormat.Auto);
        return new IoasidEntry(
            new IoasidNumber((uint)type1.Space), new IoasidSpec(enforce, width, 0) { Auto = isAuto }, type1.Areas,
            type1.Domains.ToImmutableSortedDictionary(domain => domain.Table, SpecOf), 0);
    }

    /// <summary>A policy numbers the tables it was shown; those that do not take the unit it has not seen.</summary>
    private static int FreeTable(Type1 type1) => Enumerable.Range(0, type1.Domains.Count + 1).First(index => type1.Domains.TrueForAll(domain => domain.Table != index));

    private static TableUse Use(ProcessState state, Type1Domain domain) =>
        new(SpecOf(domain), [.. domain.Groups.SelectMany(id => state.DevicesOf(id)).Select(Bound)]);

    private static TableSpec SpecOf(Type1Domain domain) => new(domain.Table, domain.EnforceSnoop, domain.WalkedSizes);

    private static BoundDevice Bound(DeviceFacts device) => new(device.Id, device.Traits, device.Unit!, null, true);
}
