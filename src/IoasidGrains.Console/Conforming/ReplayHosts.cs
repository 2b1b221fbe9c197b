// Makes a fresh host with a process on it for every replay. Used by conform.
using System.Text.Json.Nodes;
using IoasidGrains.Flows;
using IoasidGrains.Uapi;

namespace IoasidGrains.Console;

/// <summary>No two replays share an object.</summary>
internal sealed class ReplayHosts(IUapi uapi, string run, Func<HostId, ValueTask> forget)
{
    private int _hosts;
    private long _requests;

    public async Task<(LinuxProcess Process, HostId Host)> Start(JsonObject given, string profile)
    {
        var host = new HostId($"{run}-r{++_hosts}");
        (List<UapiCommand> declarations, ProcessOptions options) = RecordedHost.Of(host, given, profile, LinuxProcess.Memory);
        var process = new LinuxProcess(new FdId(host.Key("process")), Call, device => RecordedHost.GroupOf(given, device));
        foreach (UapiCommand command in (UapiCommand[])[.. declarations, new StartProcess(process.Id, options)])
        {
            Reply reply = await Call(command);
            if (!reply.Succeeded)
            {
                throw new CallNotUnderstoodException($"the recorded machine cannot be set up: {command.GetType().Name} answers {reply}");
            }
        }

        return (process, host);
    }

    public async Task End(LinuxProcess process, HostId host)
    {
        await Call(new CloseFd(process.Id));
        await forget(host);
    }

    private async Task<Reply> Call(UapiCommand command) => await uapi.Call(command with { Request = new RequestId(run, ++_requests) });
}
