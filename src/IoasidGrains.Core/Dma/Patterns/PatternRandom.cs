// The random numbers of the patterns: SplitMix64 (Steele, Lea, Flood 2014), one addition and two multiplications each.
namespace IoasidGrains.Core;

/// <summary>Equal seeds make equal numbers on every machine. A field of this type must not be readonly: it would never move on.</summary>
internal struct PatternRandom(ulong seed)
{
    private const ulong GoldenGamma = 0x9E37_79B9_7F4A_7C15;

    private ulong _state = seed;

    public ulong Next()
    {
        ulong mixed = _state += GoldenGamma;
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58_476D_1CE4_E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D0_49BB_1331_11EB;
        return mixed ^ (mixed >> 31);
    }

    /// <summary>0 to <paramref name="bound"/> - 1. The high half of a product: no division, and uneven by less than bound / 2^64.</summary>
    public ulong Below(ulong bound) => Math.BigMul(Next(), bound, out _);
}
