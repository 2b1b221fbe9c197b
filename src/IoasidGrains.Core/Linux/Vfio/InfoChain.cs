// Builds the capability chain that VFIO's info ioctls put behind their struct (vfio_info_cap_add).
using System.Runtime.InteropServices;
using IoasidGrains.Uapi.Linux;

namespace IoasidGrains.Core.Linux;

/// <summary>Every capability begins with a header that names the place of the next one, counted from the start of the struct.</summary>
/// <param name="offset">Where the first one will be.</param>
internal sealed class InfoChain(int offset)
{
    private const ushort Version = 1;
    private const int Alignment = 8;

    private readonly List<byte[]> _capabilities = [];

    /// <param name="capability">A struct that begins with a <see cref="VfioInfoCapHeader"/>, which is filled in here.</param>
    /// <param name="more">What follows it.</param>
    public void Add<T>(ushort id, T capability, ReadOnlySpan<byte> more)
        where T : struct
    {
        int size = Marshal.SizeOf<T>();
        var bytes = new byte[(size + more.Length + (Alignment - 1)) & ~(Alignment - 1)];
        MemoryMarshal.Write(bytes, in capability);
        more.CopyTo(bytes.AsSpan(size));
        var header = new VfioInfoCapHeader { Id = id, Version = Version };
        MemoryMarshal.Write(bytes, in header);
        _capabilities.Add(bytes);
    }

    public byte[] ToArray()
    {
        int next = offset;
        for (int i = 0; i + 1 < _capabilities.Count; i++)
        {
            next += _capabilities[i].Length;
            ref VfioInfoCapHeader header = ref MemoryMarshal.AsRef<VfioInfoCapHeader>(_capabilities[i].AsSpan(0, Marshal.SizeOf<VfioInfoCapHeader>()));
            header.Next = (uint)next;
        }

        return [.. _capabilities.SelectMany(bytes => bytes)];
    }
}
