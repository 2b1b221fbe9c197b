// A physical CPU of a host, as far as its cache matters.
namespace IoasidGrains.Uapi;

/// <summary>The number of a physical CPU, 0..<see cref="Largest"/>.</summary>
[GenerateSerializer, Immutable]
public readonly record struct CpuId(int Number) : IComparable<CpuId>
{
    public const int Largest = 4095;

    public bool IsWellFormed => Number is >= 0 and <= Largest;

    public int CompareTo(CpuId other) => Number.CompareTo(other.Number);

    public override string ToString() => Number.ToString();
}
