// How a group joins and leaves the domains of a type1 container (drivers/vfio/vfio_iommu_type1.c); used by Containers.
using System.Collections.Immutable;
using IoasidGrains.Uapi;

namespace IoasidGrains.Core.Linux;

/// <summary>The whole group goes onto one domain. Which one is the policy's to say; the checks before are the kernel's, in its order.</summary>
internal static class Type1Groups
{
    public static Errno Attach(SyscallFrame frame, Type1 type1, GroupId id, out Type1 after)
    {
        after = type1;
        DeviceFacts[] members = frame.State.DevicesOf(id);
        Errno errno = Check(frame.State, type1, members, out ImmutableArray<IovaRange> windows);
        if (errno != Errno.OK)
        {
            return errno;
        }

        Placement place = Type1Placement.Of(frame.State, type1, members);
        if (place.Errno != Errno.OK)
        {
            return place.Errno;
        }

        IovaRange translated = members[0].Unit!.Translated;
        int known = type1.Domains.FindIndex(domain => domain.Table == place.Table);
        if (known >= 0)
        {
            // VT-d makes a table as wide as the unit that joined last.
            Type1Domain domain = type1.Domains[known] with { EnforceSnoop = place.EnforceSnoop, Aperture = translated };
            after = type1 with { Domains = type1.Domains.SetItem(known, domain with { Groups = domain.Groups.Insert(0, id) }) };
        }
        else
        {
            IommuCapabilities unit = members[0].Unit!;
            var domain = new Type1Domain(place.Table, unit.Driver, place.EnforceSnoop, translated, unit.ReportedPageSizes ?? unit.PageSizes, unit.PageSizes, [id])
            {
                Reach = type1.Areas.All.LastOrDefault()?.Range.Last ?? 0,
            };
            ImmutableList<Type1Domain> domains = type1.Domains.Add(domain);
            after = type1 with { Domains = domains, PageSizes = Type1.PageSizesOf(domains) };
        }

        after = after with { Windows = windows };
        frame.Live.AddRange(members.Select(device =>
            new TableJoined(device.Id, type1.Space, place.Table, place.EnforceSnoop, translated, () => type1.Areas.All) { ForcesSnoop = place.ForcesSnoop }));
        return Errno.OK;
    }

    /// <summary>A domain goes with its last group, and with the last domain all mappings.</summary>
    public static Type1 Detach(SyscallFrame frame, Type1 type1, GroupId id)
    {
        int index = type1.Domains.FindIndex(domain => domain.Groups.Contains(id));
        Type1Domain domain = type1.Domains[index] with { Groups = type1.Domains[index].Groups.Remove(id) };
        domain = domain with { EnforceSnoop = Leave(frame, type1, domain, id) };
        if (!domain.Groups.IsEmpty)
        {
            return Refresh(frame.State, type1 with { Domains = type1.Domains.SetItem(index, domain) }, type1.Windows);
        }

        ImmutableList<Type1Domain> domains = type1.Domains.RemoveAt(index);
        Type1 left = type1 with { Domains = domains, PageSizes = Type1.PageSizesOf(domains) };
        left = domains.IsEmpty ? WithoutMappings(left) : left;
        return Refresh(frame.State, left, Expanded(domains, type1.Windows));
    }

    private static Errno Check(ProcessState state, Type1 type1, DeviceFacts[] members, out ImmutableArray<IovaRange> windows)
    {
        windows = type1.Windows;
        if (type1.InvalidVaddrs > 0)
        {
            return Errno.EBUSY;
        }

        IovaRange aperture = members[0].Unit!.Translated;
        IovaRange[] reserved = ReservedOf(members);
        bool hits = reserved.Any(range => type1.Find(range.Start, range.Length) is not null);
        if (type1.Nesting || IovaWindows.ConflictsWith(type1, aperture) || hits)
        {
            return Errno.EINVAL;
        }

        windows = IovaWindows.Without(IovaWindows.Cut(type1.Windows, aperture), reserved);
        return windows.IsEmpty ? Errno.EINVAL
            : !state.Options.AllowUnsafeInterrupts && !members.All(device => device.Unit!.MsiIsolated) ? Errno.EPERM
            : Errno.OK;
    }

    /// <summary>iommu_get_group_resv_regions, in order.</summary>
    private static IovaRange[] ReservedOf(IEnumerable<DeviceFacts> members) =>
        [.. members.SelectMany(device => device.Unit!.Reserved.Concat(device.Traits.Reserved)).Append(Quantity.InterruptWindow).Distinct().Order()];

    /// <summary>The devices are blocked again; answers the format of the table from then on.</summary>
    private static bool Leave(SyscallFrame frame, Type1 type1, Type1Domain rest, GroupId id)
    {
        bool enforces = rest.EnforceSnoop;
        foreach (DeviceFacts device in frame.State.DevicesOf(id))
        {
            enforces = rest.Groups.IsEmpty ? enforces : Type1Placement.AfterLeaving(frame.State, type1, rest, device);
            frame.Live.Add(new TableLeft(device.Id, enforces));
        }

        return enforces;
    }

    private static Type1 WithoutMappings(Type1 type1) => type1 with
    {
        Areas = AreaMap.Empty, Notes = type1.Notes.Clear(), InvalidVaddrs = 0, Locked = 0, Available = type1.Available + type1.Areas.Count,
    };

    /// <summary>The outer ends as the smallest of the apertures that are left.</summary>
    private static ImmutableArray<IovaRange> Expanded(ImmutableList<Type1Domain> domains, ImmutableArray<IovaRange> windows)
    {
        if (windows.IsEmpty)
        {
            return windows;
        }

        ulong start = domains.Aggregate(0UL, (highest, domain) => Math.Max(highest, domain.Aperture.Start));
        ulong last = domains.Aggregate(ulong.MaxValue, (lowest, domain) => Math.Min(lowest, domain.Aperture.Last));
        windows = windows.SetItem(0, windows[0] with { Start = start });
        return windows.SetItem(windows.Length - 1, windows[^1] with { Last = last });
    }

    /// <summary>What the group had reserved is permitted again, unless another one reserves it too.</summary>
    private static Type1 Refresh(ProcessState state, Type1 type1, ImmutableArray<IovaRange> windows)
    {
        if (windows.IsEmpty)
        {
            return type1;
        }

        DeviceFacts[] members = [.. type1.Domains.SelectMany(domain => domain.Groups).SelectMany(id => state.DevicesOf(id))];
        IovaRange[] reserved = members.Length == 0 ? [] : ReservedOf(members);
        ImmutableArray<IovaRange> refreshed = IovaWindows.Without([new IovaRange(windows[0].Start, windows[^1].Last)], reserved);
        return refreshed.IsEmpty ? type1 : type1 with { Windows = refreshed };
    }
}
