// Addresses and intervals. Intervals are inclusive: Start..Last.
using System.Globalization;

namespace IoasidGrains.Uapi;

/// <summary>An inclusive interval of I/O virtual addresses, in bytes.</summary>
[GenerateSerializer, Immutable]
public readonly record struct IovaRange(ulong Start, ulong Last) : IComparable<IovaRange>
{
    /// <summary>Bytes; 0 for the whole 2^64.</summary>
    public ulong Length => Last - Start + 1;

    public bool Overlaps(IovaRange other) => Start <= other.Last && other.Start <= Last;

    public bool Contains(IovaRange other) => Start <= other.Start && other.Last <= Last;

    /// <summary>The range of <paramref name="length"/> bytes at <paramref name="start"/>; false if it is empty or passes 2^64.</summary>
    public static bool TryCreate(ulong start, ulong length, out IovaRange range)
    {
        range = new IovaRange(start, start + (length - 1));
        return length != 0 && range.Last >= start;
    }

    public int CompareTo(IovaRange other) => Start.CompareTo(other.Start);

    public override string ToString() => $"0x{Start:x}..0x{Last:x}";
}

/// <summary>A byte of user memory: whose, and where in it.</summary>
[GenerateSerializer, Immutable]
public readonly record struct UserAddress(GuestMemoryId Memory, ulong Offset)
{
    public UserAddress Plus(ulong bytes) => this with { Offset = Offset + bytes };

    public override string ToString() => $"{Memory}+0x{Offset:x}";
}

/// <summary>What a mapping allows a device, and what a device asks for.</summary>
[Flags]
public enum DmaAccess
{
    None = 0,
    Read = 1,
    Write = 2,
    ReadWrite = 3,
}

/// <summary>Sizes and numbers as the field writes them.</summary>
public static class Quantity
{
    /// <summary>The smallest page of the units modelled here, in bytes; alignment of every mapping.</summary>
    public const ulong PageSize = 4096;

    /// <summary>The first byte past user space on x86-64 (47 bits).</summary>
    public const ulong UserAddressEnd = 1UL << 47;

    /// <summary>The window that VT-d sends to interrupt remapping; reserved on every unit.</summary>
    public static readonly IovaRange InterruptWindow = new(0xFEE0_0000, 0xFEEF_FFFF);

    public static bool IsPageAligned(ulong value) => (value & (PageSize - 1)) == 0;

    /// <summary>Reads <c>4096</c>, <c>0x1000</c>, <c>4K</c>, <c>2M</c>, <c>1GiB</c>; false if it is none of these or passes 2^64-1.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out ulong value)
    {
        value = 0;
        if (text.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
        {
            return text.Length > 2 && ulong.TryParse(text[2..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
        }

        if (text.EndsWith("iB", StringComparison.Ordinal))
        {
            text = text[..^2];
        }

        int shift = text.Length == 0 ? 0 : text[^1] switch { 'K' => 10, 'M' => 20, 'G' => 30, 'T' => 40, _ => 0 };
        if (shift != 0)
        {
            text = text[..^1];
        }

        if (!ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong units) || units > ulong.MaxValue >> shift)
        {
            return false;
        }

        value = units << shift;
        return true;
    }

    /// <summary>A page size in short form: <c>4K</c>, <c>2M</c>, <c>1G</c>.</summary>
    public static string PageSizeName(ulong bytes) => bytes switch
    {
        >= 1UL << 30 => $"{bytes >> 30}G",
        >= 1UL << 20 => $"{bytes >> 20}M",
        _ => $"{bytes >> 10}K",
    };

    /// <summary>A bitmap of page sizes: <c>4K,2M,1G</c>.</summary>
    public static string PageSizeNames(ulong sizes) => sizes == IommuCapabilities.AllPageSizes ? "4K,2M,1G" : string.Join(',',
        Enumerable.Range(12, 20).Select(bit => 1UL << bit).Where(size => (sizes & size) != 0).Select(PageSizeName));
}
