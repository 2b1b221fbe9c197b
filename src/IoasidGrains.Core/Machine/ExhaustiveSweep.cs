// Every interleaving of the messages of a few concurrent clients, instead of random ones.
namespace IoasidGrains.Core;

/// <summary>What was covered.</summary>
/// <param name="Interleavings">Runs to the end; no two of them differ only in the order of messages that touch different objects.</param>
/// <param name="Pruned">Runs that were cut off because they would have been such a repetition.</param>
public sealed record ExhaustiveResult(long Interleavings, long Pruned, SweepFailure? Failure);

/// <summary>
/// Runs a scenario's last ioctls as concurrent clients in every order of their messages, up to the order of messages of different lanes,
/// which commute (sleep sets over runs repeated from the start). After each run the same rules must hold as in <see cref="InterleavingSweep"/>.
/// </summary>
/// <param name="clients">Steps of each client; all steps before the first of them are done first, alone.</param>
public sealed class ExhaustiveSweep(IScript script, int[][] clients)
{
    /// <summary>One scheduling point of the current run.</summary>
    private sealed class Node
    {
        public required string[] Pending;
        public required string[] Lanes;

        /// <summary>What need not be tried here: it was tried before, or commutes with what was.</summary>
        public required HashSet<string> Sleep;
        public int Chosen;
    }

    /// <summary>A run that would only repeat another; not an error.</summary>
    private sealed class PrunedException : Exception;

    private sealed class Explorer : Schedule
    {
        private readonly List<Node> _nodes = [];
        private int _depth;

        public bool Recording { get; set; }

        public void Restart() => _depth = 0;

        public override int Next(IReadOnlyList<MachineEvent> pending)
        {
            if (!Recording)
            {
                return 0;
            }

            if (_depth == _nodes.Count)
            {
                _nodes.Add(NewNode(pending));
            }

            return _nodes[_depth++].Chosen;
        }

        /// <summary>Moves on to the next run; false if every one was made.</summary>
        public bool Backtrack()
        {
            while (_nodes.Count > 0)
            {
                Node last = _nodes[^1];
                if (last.Chosen >= 0)
                {
                    last.Sleep.Add(last.Pending[last.Chosen]);
                }

                last.Chosen = FirstAwake(last);
                if (last.Chosen >= 0)
                {
                    return true;
                }

                _nodes.RemoveAt(_nodes.Count - 1);
            }

            return false;
        }

        private Node NewNode(IReadOnlyList<MachineEvent> pending)
        {
            var node = new Node
            {
                Pending = [.. pending.Select(IdentityOf)],
                Lanes = [.. pending.Select(LaneOf)],
                Sleep = _nodes.Count == 0 ? [] : Inherited(_nodes[^1]),
            };
            node.Chosen = FirstAwake(node);
            if (node.Chosen < 0)
            {
                throw new PrunedException();
            }

            return node;
        }

        /// <summary>What slept above sleeps on if it commutes with what was taken there.</summary>
        private static HashSet<string> Inherited(Node parent) =>
            [.. parent.Pending.Where((identity, index) => parent.Sleep.Contains(identity) && parent.Lanes[index] != parent.Lanes[parent.Chosen])];

        private static int FirstAwake(Node node) => Array.FindIndex(node.Pending, identity => !node.Sleep.Contains(identity));

        /// <summary>A client has one operation under way, and that has one message: its session and how far it is name the message.</summary>
        private static string IdentityOf(MachineEvent pending) =>
            $"{pending.Operation.Command.Request} {pending.Kind} {pending.Lane} {pending.Command?.GetType().Name}";

        /// <summary>What clients learn they share: names bound by one may be used by another.</summary>
        private static string LaneOf(MachineEvent pending) => pending.Kind == EventKind.Finish ? "clients" : pending.Lane;
    }

    /// <summary>Runs them all, or up to the first that breaks a rule.</summary>
    public ExhaustiveResult Run()
    {
        var explorer = new Explorer();
        long interleavings = 0;
        long pruned = 0;
        do
        {
            explorer.Restart();
            var machine = new Machine(explorer) { Trace = [] };
            string? broken = null;
            try
            {
                broken = RunOnce(machine, explorer);
                interleavings++;
            }
            catch (PrunedException)
            {
                pruned++;
            }
            catch (InvariantException exception)
            {
                broken = exception.Message;
            }

            if (broken is not null)
            {
                return new ExhaustiveResult(interleavings, pruned, new SweepFailure(broken, $"interleaving {interleavings}", machine.Trace));
            }
        }
        while (explorer.Backtrack());

        return new ExhaustiveResult(interleavings, pruned, null);
    }

    private string? RunOnce(Machine machine, Explorer explorer)
    {
        var run = new ConcurrentRun(script, machine);
        explorer.Recording = false;
        run.Run(new Queue<int>(Enumerable.Range(0, clients.Min(steps => steps[0]))));
        explorer.Recording = true;
        run.Run([.. clients.Select(steps => new Queue<int>(steps))]);
        explorer.Recording = false;
        return run.FirstBroken() ?? run.FirstDifference();
    }
}
