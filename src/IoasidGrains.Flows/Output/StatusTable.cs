// The status table as text; used by FlowPrinter and the console.
using IoasidGrains.Uapi;

namespace IoasidGrains.Flows;

/// <summary>One line per object in four columns: kind, name, state, detail.</summary>
public static class StatusTable
{
    private const int KindWidth = 10;
    private const int LeastNameWidth = 14;
    private const int LeastStateWidth = 14;

    /// <summary>The lines, a heading first. <paramref name="withHost"/> tells objects of several hosts apart.</summary>
    public static IEnumerable<string> Lines(IReadOnlyList<ObjectStatus> objects, bool withHost = false)
    {
        int nameWidth = objects.Select(row => NameOf(row).Length).Append(LeastNameWidth).Max();
        int stateWidth = objects.Select(row => row.State.Length).Append(LeastStateWidth).Max();
        yield return Line("KIND", "NAME", "STATE", "DETAIL");
        foreach (ObjectStatus row in objects)
        {
            yield return Line(KindWord(row.Id.Kind), NameOf(row), row.State, row.Details);
        }

        string NameOf(ObjectStatus row) => withHost ? row.Id.Key : row.Id.ShortName;

        string Line(string kind, string name, string state, string detail) =>
            $"{kind.PadRight(KindWidth)} {name.PadRight(nameWidth)} {state.PadRight(stateWidth)} {detail}".TrimEnd();
    }

    /// <summary>The field's word for a kind of object.</summary>
    public static string KindWord(ObjectKind kind) => kind switch
    {
        ObjectKind.IoasidFd => "ioasid_fd",
        ObjectKind.Ioasid => "ioasid",
        ObjectKind.Kvm => "kvm",
        ObjectKind.IommuUnit => "iommu",
        ObjectKind.Device => "device",
        ObjectKind.PageTable => "page_table",
        _ => "memory",
    };
}
