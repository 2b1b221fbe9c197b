// What the clients of one safety history do: made from a seed, and shrunk when the history fails.
using IoasidGrains.Core;

namespace IoasidGrains.Tests;

/// <summary>One thing that a client does, whole: a history without it is a history too.</summary>
internal enum SafetyKind
{
    /// <summary>UNMAP; answered, free its pages; take them again; MAP.</summary>
    Recycle,

    /// <summary>A workload of a device, to its end.</summary>
    Run,

    /// <summary>A workload of a device, stopped.</summary>
    RunAndStop,

    /// <summary>DETACH and ATTACH.</summary>
    Reattach,

    /// <summary>GET_DIRTY_BITMAP.</summary>
    ReadDirty,

    /// <summary>GET_DIRTY_BITMAP with NO_CLEAR.</summary>
    LookAtDirty,

    /// <summary>SET_DIRTY_TRACKING off and on, or only on.</summary>
    Track,

    /// <summary>An object is lost between two of its turns.</summary>
    Lose,

    /// <summary>The silo of a device or of the table is cut off: it goes on, a new one is started.</summary>
    CutOff,

    /// <summary>A device hears and answers nothing for a while; then its silo is cut off.</summary>
    Silence,
}

/// <param name="Client">Who does it; a client does one thing after the other.</param>
/// <param name="What">A chunk, or an object, or the size of a workload.</param>
/// <param name="Pause">Events that pass in the middle of it.</param>
internal sealed record SafetyAction(int Client, SafetyKind Kind, int What, int Pause);

/// <summary>A window of chunks, the even ones of which are unmapped and mapped again all the time.</summary>
/// <param name="Start">IOVA of the first.</param>
/// <param name="ChunkSize">In bytes.</param>
internal sealed record SafetyLayout(ulong Start, ulong ChunkSize, int Chunks)
{
    public ulong Length => ChunkSize * (ulong)Chunks;

    public int Pages => (int)(Length / Quantity.PageSize);

    public ulong StartOf(int chunk) => Start + ((ulong)chunk * ChunkSize);

    public int PageOf(ulong iova) => (int)((iova - Start) / Quantity.PageSize);
}

/// <summary>All of one history but the order of its messages, which <paramref name="Schedule"/> decides.</summary>
/// <param name="Fault">Null: no call goes wrong.</param>
internal sealed record SafetyPlan(
    ulong Seed, ulong Schedule, bool Apart, SafetyLayout Layout, (int Call, FaultKind Kind)? Fault, List<SafetyAction> Actions)
{
    public const int Clients = 6;

    /// <summary>Calls that the setting up of a history makes, at most; faults come later.</summary>
    private const int SetUpCalls = 64;

    private static readonly SafetyLayout Small = new(1UL << 20, 256UL << 10, 8);
    private static readonly SafetyLayout Large = new(2UL << 20, 2UL << 20, 4);

    public static SafetyPlan Make(ulong seed, bool apart)
    {
        var random = new SplitMix(seed);
        SafetyLayout layout = random.Below(4) == 0 ? Large : Small;
        (int, FaultKind)? fault = random.Below(2) == 0 ? null : (SetUpCalls + random.Below(120), (FaultKind)random.Below(3));
        List<SafetyAction> actions = [];
        for (int client = 0; client < 2; client++)
        {
            Add(actions, 3, () => new SafetyAction(client, SafetyKind.Recycle, random.Below(layout.Chunks / 4), 20 + random.Below(60)));
            Add(actions, 2, () => new SafetyAction(
                2 + client, random.Below(3) == 0 ? SafetyKind.RunAndStop : SafetyKind.Run, 4 + random.Below(8), random.Below(30)));
        }

        Add(actions, 1 + random.Below(2), () => new SafetyAction(4, SafetyKind.Reattach, 0, random.Below(20)));
        Add(actions, 1 + random.Below(3), () => new SafetyAction(5, (SafetyKind)((int)SafetyKind.ReadDirty + random.Below(3)), random.Below(layout.Chunks / 2), random.Below(30)));
        Add(actions, random.Below(4), () => new SafetyAction(
            6, random.Below(6) switch { < 3 => SafetyKind.Lose, < 5 => SafetyKind.CutOff, _ => SafetyKind.Silence }, random.Below(5), random.Below(80)));
        return new SafetyPlan(seed, random.Next(), apart, layout, fault, actions);
    }

    private static void Add(List<SafetyAction> actions, int count, Func<SafetyAction> make)
    {
        for (int i = 0; i < count; i++)
        {
            actions.Add(make());
        }
    }
}
