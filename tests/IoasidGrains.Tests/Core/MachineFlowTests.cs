// Every flow on the Machine: its results, what a refusal leaves behind, and what happens when an object starts again without its records.
using IoasidGrains.Console;
using IoasidGrains.Core;
using IoasidGrains.Flows;

namespace IoasidGrains.Tests;

public sealed class MachineFlowTests
{
    public static TheoryData<string> Flows => TestFlows.Names();

    [Theory]
    [MemberData(nameof(Flows))]
    public async Task Flow_OnTheMachine_AnswersWhatItsRightMarginSays(string name)
    {
        Flow flow = TestFlows.Load(name);
        var machine = new Machine();
        FlowResult result = await new FlowRunner(machine, new HostId("host1"), "test").Run(flow);
        Assert.All(result.Results, step => Assert.True(step.Match, $"{name}:{step.Line.Number}: {step.Line.Text} => {step.Reply}"));
        Assert.Null(Invariants.FirstBroken(MachineStatus.Held(machine)));
    }

    [Theory]
    [MemberData(nameof(Flows))]
    public void RefusedStep_ChangesNothing(string name)
    {
        ForEachStep(name, (machine, script, step, before, reply) =>
        {
            if (reply.Errno != Errno.OK)
            {
                Assert.True(before.SequenceEqual(MachineStatus.Lines(machine)), $"{name}: '{script.Text(step)}' answered {reply} and changed something");
            }
        });
    }

    /// <summary>
    /// Between any two steps every leaf is lost once, as when its silo dies: the answers stay the same, because the fd drives it again. Only which pages
    /// were written is nowhere else: then more pages are reported, never fewer.
    /// </summary>
    [Theory]
    [MemberData(nameof(Flows))]
    public void LostLeaf_IsDrivenAgain_AndNoAnswerChanges(string name)
    {
        var script = new FlowScript(TestFlows.Load(name));
        ObjectKind[] leaves = [ObjectKind.IoasidFd, ObjectKind.Ioasid, ObjectKind.Kvm, ObjectKind.PageTable, ObjectKind.Device];
        List<Reply> expected = AnswersOf(script, (_, _) => { });
        foreach (ObjectKind kind in leaves)
        {
            for (int lost = 0; lost < script.Count; lost++)
            {
                List<Reply> answers = AnswersOf(script, (machine, step) => LoseAll(machine, kind, step == lost));
                bool same = expected.Zip(answers).All(pair => SameAnswer(pair.First, pair.Second));
                Assert.True(same, same ? "" : Difference(name, script, kind, lost, expected, answers));
            }
        }
    }

    private static void LoseAll(Machine machine, ObjectKind kind, bool now)
    {
        // What a device's own file says (open, closed) is nobody's to drive again; a silo that dies closes it.
        foreach (KernelObject item in machine.Objects.Where(item => now && item.Id.Kind == kind).ToArray())
        {
            if (item is not Device { Records.FileOpen: false })
            {
                machine.Lose(item.Id);
            }
        }
    }

    private static bool SameAnswer(Reply expected, Reply answer) =>
        expected.Outputs is DirtyBitmap fewer && answer.Outputs is DirtyBitmap more
            ? !fewer.Pages().Except(more.Pages()).Any()
            : WordOf(expected) is { } some && WordOf(answer) is { } others ? (some & ~others) == 0
            : expected.ToString() == answer.ToString();

    /// <summary>The first word of a dirty bitmap as a process gets it.</summary>
    private static ulong? WordOf(Reply reply) =>
        reply.Outputs is CallOutputs { Shown: var text } && text.StartsWith("word0=0x", StringComparison.Ordinal) ? Convert.ToUInt64(text[8..], 16) : null;

    private static string Difference(string name, FlowScript script, ObjectKind kind, int lost, List<Reply> expected, List<Reply> answers)
    {
        int step = expected.Zip(answers).TakeWhile(pair => SameAnswer(pair.First, pair.Second)).Count();
        return $"{name}: with every {kind} lost before '{script.Text(lost)}', '{script.Text(step)}' answered '{answers[step]}' instead of '{expected[step]}'";
    }

    private static List<Reply> AnswersOf(FlowScript script, Action<Machine, int> beforeStep)
    {
        List<Reply> answers = [];
        var machine = new Machine();
        IScriptRun run = script.Start(guesses: false);
        for (int step = 0; step < script.Count; step++)
        {
            beforeStep(machine, step);
            answers.Add(Take(machine, run, step));
        }

        return answers;
    }

    private static void ForEachStep(string name, Action<Machine, FlowScript, int, string[], Reply> check)
    {
        var script = new FlowScript(TestFlows.Load(name));
        var machine = new Machine();
        IScriptRun run = script.Start(guesses: false);
        for (int step = 0; step < script.Count; step++)
        {
            string[] before = MachineStatus.Lines(machine);
            check(machine, script, step, before, Take(machine, run, step));
        }
    }

    private static Reply Take(Machine machine, IScriptRun run, int step)
    {
        (UapiCommand? command, Reply? immediate) = run.Plan(step, new RequestId("test", step + 1));
        if (command is null)
        {
            return run.Finish(step, immediate!);
        }

        Operation operation = machine.Start(command);
        machine.RunAll();
        return run.Finish(step, operation.Reply!);
    }
}
