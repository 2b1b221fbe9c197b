// What must hold among all objects whenever nothing is pending; checked by the sweeps, the stress tests and the explorer over status lines, so on every runner alike.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>
/// Invariants 1 to 4 of <c>domain.md</c> 4.6 and the agreement of the objects' own records. In the seed's profile KVM learns late by design;
/// there 3 and 4 hold except where the fd says so itself (<c>coherency_gap</c>, <c>stale_kvm</c>).
/// </summary>
public static class Invariants
{
    /// <summary>The first rule that is broken, as a sentence; null if all hold.</summary>
    public static string? FirstBroken(IReadOnlyCollection<ObjectStatus> all)
    {
        var view = new StatusView(all);
        return EnforcingTableOnlyOnCapableUnit(view)
            ?? LeavesUniform(view)
            ?? NoSilentNoncoherence(view)
            ?? NoUnjustifiedEmulation(view)
            ?? DevicesAgree(view)
            ?? TablesAgree(view)
            ?? KvmsAgree(view)
            ?? FilesAgree(view)
            ?? GroupsAreWhole(view)
            ?? ContextsAreHeld(view)
            ?? MemoriesKnow(view);
    }

    /// <summary>1: no enforcing table is installed for a unit that cannot enforce.</summary>
    private static string? EnforcingTableOnlyOnCapableUnit(StatusView view) => (
        from unit in view.Of(ObjectKind.IommuUnit)
        where unit.State == "no_enforce_snoop"
        from context in view.Pairs(unit, "contexts")
        where view.Find(ObjectKind.PageTable, context.Value)?.State == "enforcing"
        select $"{unit.Id} cannot enforce snoop but has the enforcing table {context.Value} for {context.Key}.").FirstOrDefault();

    /// <summary>2: all leaves of one table have the same SNP, the IOASID's if the user has chosen it, unless every mapping has its own.</summary>
    private static string? LeavesUniform(StatusView view) => (
        from table in view.Of(ObjectKind.PageTable)
        where table.State != "dropped"
        let ioasid = view.OwnerOf(table)
        where !(ioasid?.State switch
        {
            "snoop" => table.State == "enforcing",
            "no_snoop" => table.State == "plain",
            "auto" => table.State is "enforcing" or "plain",
            "per_mapping" => table.State == "per_mapping",
            _ => false,
        })
        select $"{table.Id} is {table.State} while its IOASID is {ioasid?.State ?? "not there"}.").FirstOrDefault();

    /// <summary>3: while KVM ignores wbinvd no possibly non-coherent device of a linked fd is on a plain table, or the fd says so.</summary>
    private static string? NoSilentNoncoherence(StatusView view) => (
        from vm in view.Of(ObjectKind.Kvm)
        where vm.State == "running" && view.Text(vm, "wbinvd") == "nop"
        from link in view.Pairs(vm, "fds")
        from device in view.Of(ObjectKind.Device)
        where view.Text(device, "fd") == link.Key && device.State == "attached" && !view.Has(device, "coherent_only") && !view.Has(device, "snoop_forced")
        where view.Find(ObjectKind.PageTable, view.Text(device, "table"))?.State == "plain"
        let fd = view.Find(ObjectKind.IoasidFd, link.Key)
        where !view.List(fd, "coherency_gap").Contains(vm.Id.ShortName) && !view.List(fd, "promised").Contains(device.Id.ShortName)
        select $"{device.Id} is on a plain table, {vm.Id} ignores wbinvd, and {link.Key} does not say so.").FirstOrDefault();

    /// <summary>4, in the seed's profile: wbinvd is emulated only while a linked fd has a no-snoop IOASID, or the fd says that KVM was not told of the end.</summary>
    private static string? NoUnjustifiedEmulation(StatusView view) => (
        from vm in view.Of(ObjectKind.Kvm)
        where vm.State == "running"
        from link in view.Pairs(vm, "fds")
        where link.Value == "noncoherent"
        let fd = view.Find(ObjectKind.IoasidFd, link.Key)
        where fd is not null && view.Text(fd, "profile") == OpenOptions.SeedStrict && view.Text(fd, "kvm").Length == 0 && !view.List(fd, "stale_kvm").Contains(vm.Id.ShortName)
        where !view.List(fd, "ioasids").Any(number => view.Find(ObjectKind.Ioasid, $"{link.Key}/{number}")?.State == "no_snoop")
        select $"{vm.Id} emulates wbinvd for {link.Key}, which has no no-snoop IOASID and does not say that KVM is stale.").FirstOrDefault();

    /// <summary>Fd, IOASID, table, unit and device tell the same of every bound device.</summary>
    private static string? DevicesAgree(StatusView view)
    {
        foreach (ObjectStatus fd in view.Of(ObjectKind.IoasidFd))
        {
            foreach ((string name, string where) in view.Pairs(fd, "devices"))
            {
                string? broken = DeviceAgrees(view, fd, view.Find(ObjectKind.Device, name), name, where);
                if (broken is not null)
                {
                    return broken;
                }
            }
        }

        return (from device in view.Of(ObjectKind.Device)
                let holder = view.Text(device, "fd")
                where holder.Length > 0 && view.Find(ObjectKind.IoasidFd, holder) is not { } fd || (holder.Length > 0
                    && !view.Pairs(view.Find(ObjectKind.IoasidFd, holder)!, "devices").Any(pair => pair.Key == device.Id.ShortName))
                select $"{device.Id} says that {holder} holds it, which does not.").FirstOrDefault();
    }

    private static string? DeviceAgrees(StatusView view, ObjectStatus fd, ObjectStatus? device, string name, string where)
    {
        string table = TableOf(fd, where);
        if (device is null || view.Text(device, "fd") != fd.Id.ShortName || view.Text(device, "table") != table)
        {
            return $"{fd.Id} has {name} at {where}, but the device says '{device?.Text}'.";
        }

        ObjectStatus? unit = view.Find(ObjectKind.IommuUnit, view.Text(device, "behind"));
        string context = view.Pairs(unit, "contexts").FirstOrDefault(pair => pair.Key == name).Value ?? "";
        if (context != (where == "blocked" ? "blocked" : table))
        {
            return $"{fd.Id} has {name} at {where}, but {unit?.Id} has '{context}' for it.";
        }

        bool inIoasid = where == "blocked" || view.List(view.Find(ObjectKind.Ioasid, $"{fd.Id.ShortName}/{where.Split('/')[0]}"), "devices").Contains(name);
        bool inTable = where == "blocked" || view.List(view.Find(ObjectKind.PageTable, table), "users").Contains(name);
        return inIoasid && inTable ? null : $"{fd.Id} has {name} at {where}, but its IOASID or table does not.";
    }

    /// <summary>The table that an fd's word for a device's place means: <c>1</c>, <c>1/p1</c> or <c>blocked</c>.</summary>
    private static string TableOf(ObjectStatus fd, string where) =>
        where == "blocked" ? "" : where.Contains('/') ? $"{fd.Id.ShortName}/{where}" : $"{fd.Id.ShortName}/{where}/p0";

    /// <summary>The tables of an IOASID hold its areas, together its users, and nobody else uses them.</summary>
    private static string? TablesAgree(StatusView view) => (
        from ioasid in view.Of(ObjectKind.Ioasid)
        where ioasid.State != "free"
        let fd = view.Find(ObjectKind.IoasidFd, ioasid.Id.ShortName[..ioasid.Id.ShortName.LastIndexOf('/')])
        let number = ioasid.Id.ShortName[(ioasid.Id.ShortName.LastIndexOf('/') + 1)..]
        let inFd = view.Pairs(fd, "devices").Where(pair => pair.Value.Split('/')[0] == number).ToArray()
        let tables = view.Of(ObjectKind.PageTable).Where(table => table.State != "dropped" && view.OwnerOf(table) == ioasid)
        where !view.List(fd, "ioasids").Contains(number)
            || !inFd.Select(pair => pair.Key).SequenceEqual(view.List(ioasid, "devices"))
            || tables.Any(table => view.Text(table, "mappings") != view.Text(ioasid, "mappings") || view.Text(table, "bytes") != view.Text(ioasid, "bytes")
                || !view.List(table, "users").SequenceEqual(inFd.Where(pair => TableOf(fd!, pair.Value) == table.Id.ShortName).Select(pair => pair.Key)))
        select $"{ioasid.Id} ('{ioasid.Text}'), its fd ('{fd?.Text}') and its tables ('{string.Join("', '", tables.Select(table => table.Text))}') do not agree.").FirstOrDefault();

    /// <summary>Fd and KVM tell the same of their link and of what KVM was told last.</summary>
    private static string? KvmsAgree(StatusView view) => (
        from fd in view.Of(ObjectKind.IoasidFd)
        from told in view.Pairs(fd, "kvms")
        let vm = view.Find(ObjectKind.Kvm, told.Key)
        where vm is { State: not "ended" }
        let link = view.Pairs(vm, "fds").FirstOrDefault(pair => pair.Key == fd.Id.ShortName).Value
        where link != (told.Value == "untold" ? "coherent" : told.Value)
        select $"{fd.Id} has told {told.Key} '{told.Value}', but that has '{link}'.").FirstOrDefault();

    /// <summary>A file is what its device's unit is; KVM counts at least one if a file or a linked fd is non-coherent, and no more than one for all files.</summary>
    private static string? FilesAgree(StatusView view) => (
        from vm in view.Of(ObjectKind.Kvm)
        where vm.State == "running"
        let files = view.Pairs(vm, "files").ToArray()
        let wrong = files.Where(file => view.Find(ObjectKind.IommuUnit, view.Text(view.Find(ObjectKind.Device, file.Key), "behind")) is { } unit
            && (unit.State == "enforce_snoop") != (file.Value == "coherent")).Select(file => file.Key).FirstOrDefault()
        let fds = view.Pairs(vm, "fds").Count(link => link.Value == "noncoherent")
        let any = fds > 0 || files.Any(file => file.Value == "noncoherent")
        let count = int.Parse(view.Text(vm, "noncoherent_dma"))
        where wrong is not null || any != (count > 0) || count > fds + 1
        select $"{vm.Id} counts {count} with '{vm.Text}'" + (wrong is null ? "." : $", but {wrong} is not so.")).FirstOrDefault();

    /// <summary>The bound members of a group are held by one fd and attached to one IOASID at most.</summary>
    private static string? GroupsAreWhole(StatusView view) => (
        from device in view.Of(ObjectKind.Device)
        where view.Text(device, "fd").Length > 0
        group device by view.Text(device, "group") into members
        where members.Select(member => view.Text(member, "fd")).Distinct().Count() > 1
            || members.Select(member => view.Text(member, "table")).Where(table => table.Length > 0).Distinct().Count() > 1
        select $"Group {members.Key} is split: {string.Join("; ", members.Select(member => $"{member.Id} {member.Text}"))}.").FirstOrDefault();

    /// <summary>A device has a context of its own only while it, or another member of its group, is held; else the default domain is back.</summary>
    private static string? ContextsAreHeld(StatusView view) => (
        from unit in view.Of(ObjectKind.IommuUnit)
        from context in view.Pairs(unit, "contexts")
        let device = view.Find(ObjectKind.Device, context.Key)
        let known = device is not null && view.Text(device, "group").Length > 0
        where known && !view.Of(ObjectKind.Device).Any(member =>
            view.Text(member, "group") == view.Text(device, "group") && view.Text(member, "fd").Length > 0)
        select $"{unit.Id} has '{context.Value}' for {context.Key}, whose group nobody holds.").FirstOrDefault();

    /// <summary>The memory of a VM judges by what its KVM does.</summary>
    private static string? MemoriesKnow(StatusView view) => (
        from vm in view.Of(ObjectKind.Kvm)
        let memory = view.Find(ObjectKind.GuestMemory, vm.Id.ShortName + "/mem")
        where memory is not null && view.Text(memory, "wbinvd") != view.Text(vm, "wbinvd")
        select $"{vm.Id} has wbinvd={view.Text(vm, "wbinvd")}, but its memory was told {view.Text(memory, "wbinvd")}.").FirstOrDefault();
}
