// A world of objects that goes back and forth between states, against a Machine that only goes forward.
using IoasidGrains.Core;

namespace IoasidGrains.Tests;

public sealed class WorldTests
{
    private const int Walks = 40;
    private const int Steps = 25;

    public static TheoryData<string> AllProfiles => [.. Profiles.All.Select(profile => profile.Name)];

    /// <summary>Every answer of a random walk with detours is what a Machine answers that never took the detours.</summary>
    [Theory]
    [MemberData(nameof(AllProfiles))]
    public async Task Walk_WithDetours_AnswersAsAMachineWithoutThem(string name)
    {
        for (int seed = 0; seed < Walks; seed++)
        {
            var random = new Random(seed);
            List<DoneCommand> trace = [];
            var host = new ExploredHost(Topology.Known[seed % Topology.Known.Count], Profiles.Find(name)!, new WorldPlaces(), trace);
            List<DoneCommand> kept = [.. trace];
            for (int step = 0; step < Steps; step++)
            {
                HostState before = host.Save();
                for (int detour = random.Next(4); detour > 0; detour--)
                {
                    host.Do(Pick(host, random));
                }

                host.Restore(before);
                Assert.True(host.IsIn(before));
                trace.Clear();
                Errno errno = host.Do(Pick(host, random));
                if (errno == Errno.OK)
                {
                    kept.AddRange(trace);
                }
                else
                {
                    host.Restore(before);
                }
            }

            await CompareWithMachine(kept, $"seed {seed}");
        }
    }

    /// <summary>A state that one world reached can be gone on from in another one, which has never had its objects.</summary>
    [Fact]
    public void State_OfAnotherWorld_IsGoneOnFrom()
    {
        var places = new WorldPlaces();
        (Topology topology, Profile profile) = (Topology.Known[0], Profiles.Find("type1")!);
        var one = new ExploredHost(topology, profile, places);
        var other = new ExploredHost(topology, profile, places);
        foreach (Move move in (Move[])[new(MoveKind.Plug, 0), new(MoveKind.Plug, 2), new(MoveKind.Attach, 0, 1), new(MoveKind.Attach, 2, 1), new(MoveKind.Free, 0, 0)])
        {
            Assert.Equal(Errno.OK, one.Do(move));
        }

        other.Restore(one.Save());
        Move[] rest = [new(MoveKind.Alloc, 0, 0, SnoopFormat.Auto), new(MoveKind.DmaWrite, 2), new(MoveKind.Detach, 0), new(MoveKind.Attach, 0, 0), new(MoveKind.Unplug, 2)];
        Assert.All(rest, move => Assert.Equal((Errno.OK, Errno.OK), (one.Do(move), other.Do(move))));

        var names = new StateKey(topology);
        Assert.Equal(names.Of(one.Facts, one.Oracle), names.Of(other.Facts, other.Oracle));
    }

    [Fact]
    public void Key_OfEqualDevicesAndIoasidsInOtherRoles_IsTheSame()
    {
        (Topology topology, Profile profile) = (Topology.Known[0], Profiles.Find("type1")!);
        var names = new StateKey(topology);
        UInt128 KeyAfter(params Move[] moves)
        {
            var host = new ExploredHost(topology, profile, new WorldPlaces());
            Assert.All(moves, move => Assert.Equal(Errno.OK, host.Do(move)));
            return names.Of(host.Facts, host.Oracle);
        }

        UInt128 first = KeyAfter(new(MoveKind.Plug, 0), new(MoveKind.Attach, 0, 0), new(MoveKind.CpuWrite, 0, 0), new(MoveKind.DmaRead, 0));
        UInt128 renamed = KeyAfter(new(MoveKind.CpuWrite, 0, 1), new(MoveKind.Plug, 1), new(MoveKind.Attach, 1, 1), new(MoveKind.DmaRead, 1));
        UInt128 otherPage = KeyAfter(new(MoveKind.Plug, 0), new(MoveKind.Attach, 0, 0), new(MoveKind.CpuWrite, 0, 1));
        UInt128 otherDevice = KeyAfter(new(MoveKind.Plug, 2), new(MoveKind.Attach, 2, 0), new(MoveKind.CpuWrite, 0, 0));

        Assert.Equal(first, renamed);
        Assert.Equal(3, new[] { first, otherPage, otherDevice }.Distinct().Count());
    }

    private static Move Pick(ExploredHost host, Random random)
    {
        Move[] possible = [.. host.Alphabet.Moves.Where(move => Alphabet.MakesSense(move, host.Facts))];
        return possible[random.Next(possible.Length)];
    }

    private static async Task CompareWithMachine(List<DoneCommand> commands, string seed)
    {
        var machine = new Machine();
        for (int i = 0; i < commands.Count; i++)
        {
            Reply reply = await machine.Call(commands[i].Command with { Request = new RequestId("walk", i + 1) });
            Assert.True(reply.ToString() == commands[i].Reply.ToString(), $"{seed}: {commands[i].Command} answered {commands[i].Reply}, on the Machine {reply}.");
        }
    }
}
