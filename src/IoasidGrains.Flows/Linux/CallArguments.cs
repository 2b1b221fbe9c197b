// The arguments of one call, each of which must be used; read by the tables of calls.
using System.Text.Json.Nodes;
using IoasidGrains.Uapi;

namespace IoasidGrains.Flows;

/// <summary>Hands out arguments, and tells which nobody asked for: those were not understood.</summary>
public sealed class CallArguments(LinuxCall call, LinuxProcess process)
{
    private readonly HashSet<string> _used = [];

    public LinuxProcess Process => process;

    public LinuxCall Call => call;

    public int File => process.FileOf(call.File);

    public bool Has(string name)
    {
        _used.Add(name);
        return call.Args.ContainsKey(name);
    }

    public ulong Number(string name, ulong ifAbsent = 0) => Has(name) ? FlowNumber.Of(call.Args[name]) : ifAbsent;

    public uint Word(string name, uint ifAbsent = 0) => (uint)Number(name, ifAbsent);

    public uint Id(string name, uint ifAbsent = 0) => Has(name) ? process.IdOf(call.Args[name]) : ifAbsent;

    public ulong Address(string name, ulong ifAbsent = 0) => Has(name) ? LinuxProcess.AddressOf(call.Args[name]) : ifAbsent;

    public uint Flags(string name, IReadOnlyDictionary<string, ulong> names, uint ifAbsent = 0) => Has(name) ? (uint)FlowNumber.Flags(call.Args[name], names) : ifAbsent;

    public string? Text(string name) => Has(name) ? call.Args[name]?.ToString() : null;

    /// <summary>A descriptor as a number; a word that names none is one that is not open.</summary>
    public int Descriptor(string name) => FlowNumber.TryRead(Has(name) ? call.Args[name] : null, out ulong number) ? (int)number : process.FileOf(call.Args[name]?.ToString() ?? "");

    public (ulong Start, ulong Last)[] Ranges(string name) =>
        Has(name) && call.Args[name] is JsonArray list ? [.. list.Select(range => (FlowNumber.Of(range![0]), FlowNumber.Of(range[1])))] : [];

    /// <summary>An address that stands where a list or a struct is usual; a word, as NULL, is one of nothing.</summary>
    public ulong Pointer(string name) => Has(name) && FlowNumber.TryRead(call.Args[name], out ulong number) ? number : 0;

    /// <summary>Throws for an argument that nobody has asked for.</summary>
    public void CheckAllUsed()
    {
        if (call.Args.Select(argument => argument.Key).FirstOrDefault(name => !_used.Contains(name)) is { } unknown)
        {
            throw new CallNotUnderstoodException($"{call.Name} has an argument \"{unknown}\" that is not known");
        }
    }
}

/// <summary>What a replayed call answered, in the words of the recording.</summary>
public sealed record CallAnswer(long Ret, Errno Errno, JsonObject Out)
{
    public static CallAnswer Of(Reply reply, JsonObject? outputs = null) => new(reply.Succeeded ? reply.Value : -1, reply.Errno, outputs ?? []);
}
