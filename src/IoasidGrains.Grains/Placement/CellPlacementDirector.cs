// Chooses the silo of a cell. Orleans asks it once per activation.
using System.Buffers.Binary;
using Orleans.Runtime;
using Orleans.Runtime.Placement;

namespace IoasidGrains.Grains;

/// <summary>
/// Rendezvous hashing: the silo that scores highest with the cell's name. Every silo computes the same one from the same members, and a silo that
/// joins or leaves moves only its own share.
/// </summary>
internal sealed class CellPlacementDirector : IPlacementDirector
{
    public Task<SiloAddress> OnAddActivation(PlacementStrategy strategy, PlacementTarget target, IPlacementContext context)
    {
        SiloAddress[] silos = context.GetCompatibleSilos(target);
        SiloAddress? asked = IPlacementDirector.GetPlacementHint(target.RequestContextData, silos);
        return Task.FromResult(asked ?? Choose(Cell(target.GrainIdentity.Key.AsSpan()), silos));
    }

    /// <summary>The key up to its second slash.</summary>
    internal static ReadOnlySpan<byte> Cell(ReadOnlySpan<byte> key)
    {
        int host = key.IndexOf((byte)'/') + 1;
        int name = key[host..].IndexOf((byte)'/');
        return name < 0 ? key : key[..(host + name)];
    }

    private static SiloAddress Choose(ReadOnlySpan<byte> cell, SiloAddress[] silos)
    {
        uint hash = StableHash.ComputeHash(cell);
        SiloAddress best = silos[0];
        uint bestScore = Score(hash, best);
        foreach (SiloAddress silo in silos.AsSpan(1))
        {
            uint score = Score(hash, silo);
            if (score > bestScore || (score == bestScore && silo.CompareTo(best) > 0))
            {
                (best, bestScore) = (silo, score);
            }
        }

        return best;
    }

    private static uint Score(uint cell, SiloAddress silo)
    {
        Span<byte> pair = stackalloc byte[8];
        BinaryPrimitives.WriteUInt32LittleEndian(pair, cell);
        BinaryPrimitives.WriteInt32LittleEndian(pair[4..], silo.GetConsistentHashCode());
        return StableHash.ComputeHash(pair);
    }
}
