// The name of a state: equal for states that nobody can tell apart, up to the names of equal devices and of IOASIDs.
using System.Numerics;
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>A configuration that a user has chosen, and what became of it.</summary>
/// <param name="Chosen">128 bits of what the user has chosen.</param>
/// <param name="Given">Bit 0: KVM honours wbinvd; then per device two bits: attached, and on a plain table.</param>
public readonly record struct Outcome(UInt128 Chosen, uint Given);

/// <summary>The smallest hash over all ways to rename devices that differ in nothing but their names, and IOASIDs.</summary>
public sealed class StateKey
{
    private const int MaxViews = Topology.MaxDevices + 1;

    /// <summary>Bytes that can differ in one page: two per view, and what was written last.</summary>
    private const int MaxValues = (2 * MaxViews) + 1;

    private readonly DeviceId[] _ids;
    private readonly int[][] _devices;
    private readonly int[][] _ioasids;

    public StateKey(Topology topology)
    {
        _ids = [.. topology.Devices.Select(device => device.Device)];
        _devices = [.. Permutations([.. Enumerable.Range(0, topology.Devices.Count)]).Where(order => IsSymmetry(topology, order))];
        _ioasids = [.. Permutations([.. Enumerable.Range(0, topology.Ioasids)])];
    }

    /// <summary>The key of the state.</summary>
    /// <param name="beside">The same host under another profile, where two are searched side by side.</param>
    public UInt128 Of(HostFacts facts, CoherencyOracle oracle, HostFacts? beside = null)
    {
        Span<OracleByte?> bytes = stackalloc OracleByte?[MaxViews * Topology.MaxIoasids];
        Read(oracle, facts.Ioasids.Length, bytes);
        Span<ulong> words = stackalloc ulong[2 + (2 * Topology.MaxDevices) + (5 * Topology.MaxIoasids)];
        Span<int> names = stackalloc int[Topology.MaxIoasids];
        UInt128 smallest = UInt128.MaxValue;
        foreach (int[] ioasids in _ioasids)
        {
            Invert(ioasids, names);
            foreach (int[] devices in _devices)
            {
                int length = 0;
                words[length++] = facts.Word;
                foreach (int device in devices)
                {
                    int at = facts.Devices[device].Ioasid;
                    words[length++] = facts.Devices[device].Word(at < 0 ? -1 : names[at]);
                }

                foreach (int ioasid in ioasids)
                {
                    words[length++] = facts.Ioasids[ioasid].Word;
                    length += Write(bytes[(ioasid * MaxViews)..], oracle.LatestAt(ExploredHost.PageOf(ioasid)), devices, words[length..]);
                }

                length += beside is null ? 0 : Write(beside, devices, ioasids, names, words[length..]);

                smallest = UInt128.Min(smallest, Hash(words[..length]));
            }
        }

        return smallest;
    }

    private static int Write(HostFacts beside, int[] devices, int[] ioasids, ReadOnlySpan<int> names, Span<ulong> words)
    {
        int length = 0;
        words[length++] = beside.Word;
        foreach (int device in devices)
        {
            int at = beside.Devices[device].Ioasid;
            words[length++] = beside.Devices[device].Word(at < 0 ? -1 : names[at]);
        }

        foreach (int ioasid in ioasids)
        {
            words[length++] = beside.Ioasids[ioasid].Word;
        }

        return length;
    }

    /// <summary>Per page the real byte, then each device's ghost of it; null: it has none.</summary>
    private void Read(CoherencyOracle oracle, int pages, Span<OracleByte?> bytes)
    {
        for (int page = 0; page < pages; page++)
        {
            ulong offset = ExploredHost.PageOf(page);
            bytes[page * MaxViews] = oracle.RealAt(offset);
            for (int device = 0; device < _ids.Length; device++)
            {
                bytes[(page * MaxViews) + 1 + device] = oracle.TryGhostAt(_ids[device], offset, out OracleByte found) ? found : null;
            }
        }
    }

    /// <summary>One page: 16 bits per view. Values are called by the order in which they come: no object looks at them.</summary>
    private static int Write(ReadOnlySpan<OracleByte?> bytes, OracleByte latest, int[] devices, Span<ulong> words)
    {
        Span<byte> known = stackalloc byte[MaxValues];
        (int names, int views) = (0, 0);
        words[..((devices.Length / 4) + 2)].Clear();
        words[0] = (uint)NameOf(latest.Memory, known, ref names) | (latest.IsOwn ? 1UL << 8 : 0);
        for (int i = -1; i < devices.Length; i++)
        {
            ulong view = 0;
            if (bytes[i < 0 ? 0 : 1 + devices[i]] is { } found)
            {
                view = 1u | (found.IsCached ? 2u : 0) | (found.IsDirty ? 4u : 0) | (found.IsOwn ? 8u : 0)
                    | ((ulong)NameOf(found.Memory, known, ref names) << 4) | ((ulong)NameOf(found.Cached, known, ref names) << 8);
            }

            views++;
            words[views / 4] |= view << (16 * (views % 4));
        }

        return (views / 4) + 1;
    }

    private static int NameOf(byte value, Span<byte> known, ref int names)
    {
        int name = known[..names].IndexOf(value);
        if (name < 0)
        {
            known[names] = value;
            name = names++;
        }

        return name;
    }

    /// <summary>What the user has chosen, and what it is given; of equal choices that are only named otherwise, the smallest.</summary>
    public Outcome OutcomeOf(HostFacts facts)
    {
        Span<ulong> words = stackalloc ulong[1 + Topology.MaxDevices + Topology.MaxIoasids];
        Span<int> names = stackalloc int[Topology.MaxIoasids];
        var smallest = new Outcome(UInt128.MaxValue, uint.MaxValue);
        foreach (int[] ioasids in _ioasids)
        {
            Invert(ioasids, names);
            foreach (int[] devices in _devices)
            {
                (int length, uint given) = (0, facts.Emulates ? 1u : 0);
                words[length++] = facts.Linked ? 1u : 0;
                foreach (int device in devices)
                {
                    ref readonly HostDevice one = ref facts.Devices[device];
                    words[length++] = one.Chosen(one.Ioasid < 0 ? -1 : names[one.Ioasid]);
                    given |= (one.IsAttached ? one.Plain ? 3u : 2u : 0) << ((2 * length) - 3);
                }

                foreach (int ioasid in ioasids)
                {
                    words[length++] = facts.Ioasids[ioasid].Chosen;
                }

                var outcome = new Outcome(Hash(words[..length]), given);
                bool smaller = outcome.Chosen < smallest.Chosen || (outcome.Chosen == smallest.Chosen && outcome.Given < smallest.Given);
                smallest = smaller ? outcome : smallest;
            }
        }

        return smallest;
    }

    /// <summary>Two independent mixes of 64 bits (the rounds and the end of xxHash64).</summary>
    private static UInt128 Hash(ReadOnlySpan<ulong> words)
    {
        const ulong P1 = 0x9E3779B185EBCA87, P2 = 0xC2B2AE3D27D4EB4F, P3 = 0x165667B19E3779F9, P4 = 0x85EBCA77C2B2AE63;
        (ulong high, ulong low) = (P3 + (ulong)words.Length, P4 ^ (ulong)words.Length);
        foreach (ulong word in words)
        {
            high = (BitOperations.RotateLeft(high ^ (BitOperations.RotateLeft(word * P2, 31) * P1), 27) * P1) + P4;
            low = (BitOperations.RotateLeft(low + (word * P3), 29) * P2) ^ (word >> 3);
        }

        return new UInt128(Finish(high, P2, P3), Finish(low, P1, P4));
    }

    private static ulong Finish(ulong hash, ulong one, ulong other)
    {
        hash = (hash ^ (hash >> 33)) * one;
        hash = (hash ^ (hash >> 29)) * other;
        return hash ^ (hash >> 32);
    }

    private static void Invert(int[] order, Span<int> names)
    {
        for (int i = 0; i < order.Length; i++)
        {
            names[order[i]] = i;
        }
    }

    /// <summary>Every device takes the place of one that differs in its name only, and groups stay together.</summary>
    private static bool IsSymmetry(Topology topology, int[] order)
    {
        for (int i = 0; i < order.Length; i++)
        {
            var (here, there) = (topology.Devices[i].Traits, topology.Devices[order[i]].Traits);
            bool alike = here with { Group = there.Group, Reserved = there.Reserved } == there && here.Reserved.SequenceEqual(there.Reserved);
            for (int other = 0; alike && other < i; other++)
            {
                alike = (here.Group == topology.Devices[other].Traits.Group) == (there.Group == topology.Devices[order[other]].Traits.Group);
            }

            if (!alike)
            {
                return false;
            }
        }

        return true;
    }

    private static IEnumerable<int[]> Permutations(int[] items) => items.Length <= 1 ? [items]
        : items.SelectMany(first => Permutations([.. items.Where(item => item != first)]).Select(rest => (int[])[first, .. rest]));
}
