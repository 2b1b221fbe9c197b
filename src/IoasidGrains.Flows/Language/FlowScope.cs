// The names that a line may use: filled while a file is read, kept by the shell from line to line.
namespace IoasidGrains.Flows;

/// <summary>Names with their kinds. <c>vm</c> and digits is a VM without declaration.</summary>
public sealed class FlowScope
{
    private sealed record Entry(NameKind Kind, int Line, string Client, int Section, bool Closed);

    private readonly Dictionary<string, Entry> _entries;
    private readonly Dictionary<string, string> _owners = [];

    public FlowScope() => _entries = [];

    private FlowScope(FlowScope other)
    {
        _entries = new(other._entries);
        _owners = new(other._owners);
        Line = other.Line;
        Section = other.Section;
    }

    /// <summary>The line being read.</summary>
    internal int Line { get; set; }

    /// <summary>Counts the parts of the file between which all clients wait for each other.</summary>
    internal int Section { get; set; }

    public FlowScope Copy() => new(this);

    /// <summary>What a name stands for; null if nothing declares it.</summary>
    public NameKind? Find(string name) =>
        _entries.TryGetValue(name, out Entry? entry) ? entry.Kind : IsImpliedVm(name) ? NameKind.Vm : null;

    /// <summary>The process that was declared last.</summary>
    internal string? LastProcess => _entries.Where(entry => entry.Value.Kind == NameKind.Process).OrderBy(entry => entry.Value.Line).Select(entry => entry.Key).LastOrDefault();

    internal void OwnFile(string file, string process) => _owners[file] = process;

    internal string OwnerOf(string file) => _owners.GetValueOrDefault(file) ?? "";

    /// <summary>The names of some kinds, sorted; with <c>vm1</c> for VMs if there is none yet.</summary>
    public IEnumerable<string> Names(params NameKind[] kinds)
    {
        var names = _entries.Where(entry => kinds.Contains(entry.Value.Kind)).Select(entry => entry.Key).ToList();
        if (kinds.Contains(NameKind.Vm) && !_entries.Values.Any(entry => entry.Kind == NameKind.Vm))
        {
            names.Add("vm1");
        }

        return names.Order(StringComparer.Ordinal);
    }

    internal int LineOf(string name) => _entries[name].Line;

    /// <summary>True if the name may be declared as this kind: it is new, or a closed fd that is opened again.</summary>
    internal bool MayDeclare(string name, NameKind kind) =>
        !_entries.TryGetValue(name, out Entry? entry)
        || (entry.Kind == kind && (entry.Closed || (kind == NameKind.Vm && entry.Line == 0)));

    internal void Declare(string name, NameKind kind, string client) => _entries[name] = new Entry(kind, Line, client, Section, false);

    /// <summary>Remembers a VM that needs no declaration, for completion.</summary>
    internal void Mention(string name) => _entries.TryAdd(name, new Entry(NameKind.Vm, 0, "", 0, false));

    internal void Close(string name)
    {
        if (_entries.TryGetValue(name, out Entry? entry) && entry.Kind is NameKind.Fd or NameKind.File)
        {
            _entries[name] = entry with { Closed = true };
        }
    }

    /// <summary>The other client that binds this value in the section being read, so that nobody can say who comes first; null if none.</summary>
    internal string? RacesWith(string name, string client) =>
        _entries.TryGetValue(name, out Entry? entry) && entry.Kind is (NameKind.Number or NameKind.Flag) && entry.Section == Section
            && entry.Client != client ? entry.Client : null;

    internal static bool IsImpliedVm(string name) =>
        name.Length > 2 && name.StartsWith("vm", StringComparison.Ordinal) && name.AsSpan(2).IndexOfAnyExceptInRange('0', '9') < 0;
}
