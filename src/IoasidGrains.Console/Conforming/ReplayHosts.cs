// Makes a fresh host with a process on it for every replay. Used by conform.
using System.Text.Json.Nodes;
using IoasidGrains.Uapi;

namespace IoasidGrains.Console;

/// <summary>No two replays share an object.</summary>
internal sealed class ReplayHosts(IUapi uapi, string run, Func<HostId, ValueTask> forget)
{
    private int _number;

    public async Task<(ReplayedProcess Process, HostId Host)> Start(JsonObject given, string profile)
    {
        var host = new HostId($"{run}-r{Interlocked.Increment(ref _number)}");
        (List<UapiCommand> declarations, ProcessOptions options) = RecordedHost.Of(host, given, profile, ReplayedProcess.Memory);
        var process = new ReplayedProcess(uapi, host, $"{host.Name}", given);
        await process.Start(declarations, options);
        return (process, host);
    }

    public async Task End(ReplayedProcess process, HostId host)
    {
        await process.Exit();
        await forget(host);
    }
}
