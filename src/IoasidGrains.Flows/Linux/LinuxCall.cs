// One call of a program of a Linux process, by names; written in flows and in recordings.
using System.Text.Json.Nodes;

namespace IoasidGrains.Flows;

/// <summary>A call.</summary>
/// <param name="Name">An ioctl's macro, <c>open</c>, <c>close</c>, …</param>
/// <param name="File">The name of the descriptor it is made on.</param>
public sealed record LinuxCall(string Name, string File, JsonObject Args)
{
    /// <summary>What is expected: the return value, the errno or "0", and what is left in the struct. It names what the call binds.</summary>
    public long Ret { get; init; }

    public string Errno { get; init; } = "0";

    public JsonObject? Out { get; init; }

    /// <summary>Members that the format does not have.</summary>
    public string[] Strange { get; init; } = [];

    /// <summary>Makes the call. Throws <see cref="CallNotUnderstoodException"/> for a name or an argument that no table knows.</summary>
    public async Task<CallAnswer> Make(LinuxProcess process)
    {
        if (Strange.Length > 0)
        {
            throw new CallNotUnderstoodException($"{Name} has a member \"{Strange[0]}\" that is not known");
        }

        Func<CallArguments, Task<CallAnswer>> make = Find(Name) ?? throw new CallNotUnderstoodException($"{Name} is no call that is known");
        var arguments = new CallArguments(this, process);
        CallAnswer answer = await make(arguments);
        arguments.CheckAllUsed();
        return answer;
    }

    public static Func<CallArguments, Task<CallAnswer>>? Find(string name) => IommufdCalls.Table.GetValueOrDefault(name) ?? VfioCalls.Table.GetValueOrDefault(name)
        ?? OtherCalls.Table.GetValueOrDefault(name) ?? OtherCalls.ByNumber(name);
}

/// <summary>A call says something that this program does not know the meaning of.</summary>
public sealed class CallNotUnderstoodException(string message) : Exception(message);
