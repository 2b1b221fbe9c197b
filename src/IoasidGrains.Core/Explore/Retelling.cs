// A history told again: what was asked and answered, step by step, and what the damage looks like at its end. Used for counterexamples.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>Some commands under one heading.</summary>
/// <param name="Text">The move in words; for those at the end, what they show.</param>
public sealed record ToldStep(string Text, IReadOnlyList<DoneCommand> Commands);

/// <param name="Setup">What every history starts with.</param>
/// <param name="Steps">One per move.</param>
/// <param name="Proof">What can be seen then.</param>
public sealed record ToldHistory(IReadOnlyList<DoneCommand> Setup, IReadOnlyList<ToldStep> Steps, ToldStep Proof);

/// <summary>Does a history once more, on a host of its own.</summary>
public static class Retelling
{
    public static ToldHistory Of(Topology topology, Profile profile, IReadOnlyList<Move> history, CheckKind broken)
    {
        List<DoneCommand> trace = [];
        var host = new ExploredHost(topology, profile, new WorldPlaces(), trace);
        IReadOnlyList<DoneCommand> setup = Cut(trace);
        List<ToldStep> steps = [];
        foreach (Move move in history)
        {
            host.Do(move);
            steps.Add(new ToldStep(topology.TextOf(move), Cut(trace)));
        }

        string proof = Prove(new Checks(topology, profile), host, history, broken);
        return new ToldHistory(setup, steps, new ToldStep(proof, Cut(trace)));
    }

    /// <summary>Goes on with what shows the damage, and says what it is.</summary>
    private static string Prove(Checks checks, ExploredHost host, IReadOnlyList<Move> history, CheckKind broken)
    {
        switch (broken)
        {
            case CheckKind.IgnoredWbinvd:
                int suspect = checks.Suspect(host.Facts);
                host.Do(new Move(MoveKind.CpuWrite, 0, host.Facts.Devices[suspect].Ioasid));
                host.Do(new Move(MoveKind.Wbinvd));
                Read(host, suspect);
                return "KVM ignores wbinvd, and the device's no-snoop accesses go past the caches.";
            case CheckKind.UnjustifiedEmulation:
                host.Do(new Move(MoveKind.Wbinvd));
                return "KVM executes wbinvd, and nothing needs it.";
            case CheckKind.HistoryDependent:
                host.Do(new Move(MoveKind.Wbinvd));
                for (int device = 0; device < host.Facts.Devices.Length; device++)
                {
                    Read(host, device);
                }

                return "What became of it: is wbinvd honoured, whose accesses are snooped?";
            case CheckKind.Taint:
                Read(host, history[^1].Device);
                return "The unit could enforce snooping, and nobody here needs a plain table.";
            case CheckKind.WrongBytes:
                return "The byte that was read last is neither what was written last nor what a wbinvd that was executed would have left there.";
            default:
                for (int device = 0; device < host.Facts.Devices.Length; device++)
                {
                    Read(host, device);
                }

                return "The tables as the devices meet them.";
        }
    }

    private static void Read(ExploredHost host, int device)
    {
        if (Alphabet.MakesSense(new Move(MoveKind.DmaRead, device), host.Facts))
        {
            host.Do(new Move(MoveKind.DmaRead, device));
        }
    }

    private static IReadOnlyList<DoneCommand> Cut(List<DoneCommand> trace)
    {
        DoneCommand[] cut = [.. trace];
        trace.Clear();
        return cut;
    }
}
