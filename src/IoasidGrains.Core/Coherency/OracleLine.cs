// One cache line as the oracle sees it; an immutable value with its hash at hand. Used by CoherencyOracle.
namespace IoasidGrains.Core;

/// <summary>
/// Bytes of memory and, if a cache has the line, the cache's bytes. Written from what an x86 CPU promises, not from <see cref="CachedMemory"/>, which is
/// compared with it.
/// </summary>
internal sealed class OracleLine : IEquatable<OracleLine>
{
    public static readonly OracleLine Zero = new(new byte[CoherencyOracle.LineSize], null, false);

    private readonly byte[] _memory;
    private readonly byte[]? _cache;
    private readonly bool _dirty;
    private readonly int _hash;

    private OracleLine(byte[] memory, byte[]? cache, bool dirty)
    {
        (_memory, _cache, _dirty) = (memory, cache, dirty);
        var hash = new HashCode();
        hash.AddBytes(memory);
        hash.AddBytes(cache);
        hash.Add(dirty);
        _hash = hash.ToHashCode();
    }

    /// <summary>What memory holds.</summary>
    public ReadOnlySpan<byte> Memory => _memory;

    /// <summary>What a cache holds; empty if none has the line.</summary>
    public ReadOnlySpan<byte> Cache => _cache;

    public bool IsDirty => _dirty;

    /// <summary>What a CPU, or an access that is snooped, finds.</summary>
    public ReadOnlySpan<byte> Coherent => _cache ?? _memory;

    public OracleLine AfterCpuRead() => _cache is not null ? this : new OracleLine(_memory, _memory, false);

    public OracleLine AfterCpuWrite(int at, ReadOnlySpan<byte> bytes) => new(_memory, Patched(Coherent, at, bytes), true);

    /// <summary>In memory afterwards, over what a dirty line held (a clean one is just dropped, whatever it holds), and in no cache.</summary>
    public OracleLine AfterSnoopedWrite(int at, ReadOnlySpan<byte> bytes) => new(Patched(_dirty ? _cache : _memory, at, bytes), null, false);

    public OracleLine AfterUnsnoopedWrite(int at, ReadOnlySpan<byte> bytes) => new(Patched(_memory, at, bytes), _cache, _dirty);

    public OracleLine AfterFlush() => _cache is null ? this : new OracleLine(_dirty ? _cache : _memory, null, false);

    public bool Equals(OracleLine? other) => ReferenceEquals(this, other) || (other is not null && _hash == other._hash && _dirty == other._dirty
        && (_cache is null) == (other._cache is null) && Memory.SequenceEqual(other.Memory) && Cache.SequenceEqual(other.Cache));

    public override bool Equals(object? other) => Equals(other as OracleLine);

    public override int GetHashCode() => _hash;

    private static byte[] Patched(ReadOnlySpan<byte> line, int at, ReadOnlySpan<byte> bytes)
    {
        byte[] patched = line.ToArray();
        bytes.CopyTo(patched.AsSpan(at));
        return patched;
    }
}
