// Memory types of x86, as a guest asks for them and as they come out.
namespace IoasidGrains.Uapi;

/// <summary>How a CPU caches a page.</summary>
public enum MemoryType
{
    /// <summary>Uncacheable.</summary>
    Uc,

    /// <summary>Write combining: past the caches, gathered on the way.</summary>
    Wc,

    /// <summary>Write back: cached.</summary>
    Wb,
}

/// <summary>What a guest's mapping of a page amounts to.</summary>
/// <param name="Type">The effective type.</param>
/// <param name="GuestHonoured">False if the guest's wish was overruled (EPT's ignore-PAT bit).</param>
[GenerateSerializer, Immutable]
public sealed record EffectiveMemoryType(MemoryType Type, bool GuestHonoured) : Outputs
{
    public override string Text => $"memtype={Type.ToString().ToLowerInvariant()}{(GuestHonoured ? "" : " ignore_pat")}";
}
