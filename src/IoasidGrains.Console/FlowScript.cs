// A flow as the Machine's sweeps take it; here because Core does not know flows and flows do not know Core.
using IoasidGrains.Core;
using IoasidGrains.Flows;
using IoasidGrains.Uapi;

namespace IoasidGrains.Console;

/// <summary>Adapts a parsed flow to <see cref="IScript"/>. Status steps and <c>@client</c> marks mean nothing to a sweep: it deals the steps itself.</summary>
public sealed class FlowScript(Flow flow) : IScript
{
    private readonly FlowLine[] _steps = [.. flow.Steps.Where(line => line.Step is not StatusStep)];

    public int Count => _steps.Length;

    public bool IsDealt(int step) => _steps[step].Step is { IsIoctl: true } or CloseStep or OpenDeviceStep;

    public string Text(int step) => _steps[step].Text;

    public IScriptRun Start(bool guesses)
    {
        var names = new FlowNames(new HostId("host1"));
        return new Run(_steps, guesses ? names.WithGuesses(flow) : names);
    }

    private sealed class Run(FlowLine[] steps, FlowNames names) : IScriptRun
    {
        public (UapiCommand? Command, Reply? Immediate) Plan(int step, RequestId request)
        {
            StepPlan plan = steps[step].Step!.Plan(names, request);
            return (plan.Command, plan.Immediate);
        }

        public Reply Finish(int step, Reply reply) => steps[step].Step!.Finish(names, reply);
    }
}
