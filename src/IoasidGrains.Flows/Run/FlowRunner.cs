// Runs flows at the port, on whichever runner is behind it; used by the console, the shell and the tests.
using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using IoasidGrains.Uapi;

namespace IoasidGrains.Flows;

/// <summary>
/// One run on one host. Names, request ids and open files live as long as the runner, so the shell gives it one line after the other.
/// </summary>
/// <param name="uapi">The port.</param>
/// <param name="host">Where the run's objects live; two runs on one cluster need two hosts.</param>
/// <param name="session">Prefix of the run's request ids; unique per run on a host. Equal sessions make equal ids.</param>
public sealed class FlowRunner(IUapi uapi, HostId host, string session)
{
    private readonly ConcurrentDictionary<string, long> _sequences = new();
    private readonly OpenFiles _open = new();
    private readonly StatusReader _status = new(uapi, session);

    public FlowNames Names { get; } = new(host);

    /// <summary>
    /// Runs all steps. Steps of clients that follow each other run concurrently, started in the order of the file, each client's one after the
    /// other; results are reported in the order of the file. Cancellation is heard between two steps.
    /// </summary>
    public async Task<FlowResult> Run(Flow flow, Action<StepResult>? report = null, CancellationToken cancellation = default)
    {
        var results = new List<StepResult>();
        foreach (IReadOnlyList<FlowLine> section in Sections(flow))
        {
            cancellation.ThrowIfCancellationRequested();
            foreach (StepResult result in await RunSection(section))
            {
                results.Add(result);
                report?.Invoke(result);
            }
        }

        return new FlowResult(flow, results);
    }

    /// <summary>Runs one step and waits for its answer.</summary>
    public async Task<StepResult> RunStep(FlowLine line)
    {
        FlowStep step = line.Step ?? throw new ArgumentException("The line holds no step.", nameof(line));
        if (step is StatusStep)
        {
            return new StepResult(line, Reply.Ok, await _status.Read(host));
        }

        StepPlan plan = step.Plan(Names, NextRequest(line.Client));
        Reply reply = plan.Command is null ? plan.Immediate! : await uapi.Call(plan.Command);
        if (plan.Command is not null)
        {
            _open.Note(plan.Command, reply);
        }

        return new StepResult(line, step.Finish(Names, reply));
    }

    /// <summary>
    /// Closes what the run opened and has not closed: processes, devices, fds, VMs. One that the port throws at keeps no other one open; the first such
    /// exception is thrown when all was tried.
    /// </summary>
    public async Task CloseAll()
    {
        ExceptionDispatchInfo? broken = null;
        foreach (UapiCommand close in _open.Closings())
        {
            UapiCommand command = close with { Request = NextRequest("") };
            try
            {
                _open.Note(command, await uapi.Call(command));
            }
            catch (Exception exception)
            {
                broken ??= ExceptionDispatchInfo.Capture(exception);
            }
        }

        broken?.Throw();
    }

    private static IEnumerable<IReadOnlyList<FlowLine>> Sections(Flow flow)
    {
        var section = new List<FlowLine>();
        foreach (FlowLine line in flow.Lines.Where(line => line.Text.Length > 0))
        {
            if (line.Client.Length > 0)
            {
                section.Add(line);
                continue;
            }

            if (section.Count > 0)
            {
                yield return section;
                section = [];
            }

            if (line.Step is not null)
            {
                yield return [line];
            }
        }

        if (section.Count > 0)
        {
            yield return section;
        }
    }

    private async Task<StepResult[]> RunSection(IReadOnlyList<FlowLine> section)
    {
        var tails = new Dictionary<string, Task<StepResult>>();
        var running = new List<Task<StepResult>>();
        foreach (FlowLine line in section)
        {
            Task<StepResult>? previous = tails.GetValueOrDefault(line.Client);
            Task<StepResult> step = RunAfter(previous, line);
            tails[line.Client] = step;
            running.Add(step);
        }

        return await Task.WhenAll(running);
    }

    private async Task<StepResult> RunAfter(Task<StepResult>? previous, FlowLine line)
    {
        if (previous is not null)
        {
            await previous;
        }

        return await RunStep(line);
    }

    private RequestId NextRequest(string client)
    {
        string name = client.Length == 0 ? session : $"{session}/{client}";
        return new RequestId(name, _sequences.AddOrUpdate(name, 1, (_, last) => last + 1));
    }
}
