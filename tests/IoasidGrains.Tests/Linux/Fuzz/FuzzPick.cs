// What a random call is made of: files and ids that exist, addresses that mean something, and now and then ones that do not. Used by the inputs.
using System.Runtime.InteropServices;
using IoasidGrains.Core.Linux;
using IoasidGrains.Uapi.Linux;

namespace IoasidGrains.Tests.Linux.Fuzz;

/// <summary>An ioctl's argument before it is spoilt.</summary>
/// <param name="Struct">Null: the argument is a number.</param>
internal sealed record FuzzInput(uint Code, byte[]? Struct, ulong Argument, params UserBytes[] Buffers)
{
    public static FuzzInput Of<T>(uint code, T value, params UserBytes[] buffers)
        where T : struct
    {
        byte[] bytes = new byte[Marshal.SizeOf<T>()];
        MemoryMarshal.Write(bytes, in value);
        return new FuzzInput(code, bytes, FuzzPick.StructAddress, buffers);
    }

    public static FuzzInput Number(uint code, ulong argument) => new(code, null, argument);
}

/// <summary>A choice of values for one call on one file.</summary>
internal sealed class FuzzPick(Random random, ProcessState state, int file)
{
    public const ulong StructAddress = 0x7f00_0000_0000, BufferAddress = 0x7f00_1000_0000;

    private static readonly ulong[] Strange =
        [0, 1, 7, 8, 0x7ff, 0x800, 0xfff, 0x1001, 0xfee0_0000, 0x7fff_ffff, 0xffff_ffff, 1UL << 39, 1UL << 47, 1UL << 48, 1UL << 63, ulong.MaxValue - 0xfff, ulong.MaxValue - 1, ulong.MaxValue];

    public Random Random => random;

    public ProcessState State => state;

    public int File => file;

    public OpenFile? Open => state.Files.GetValueOrDefault(file);

    public IommufdContext? Context => Open is IommufdFile iommufd ? state.Contexts.GetValueOrDefault(iommufd.Context) : null;

    public bool Rarely => random.Next(16) == 0;

    public bool Often => random.Next(4) != 0;

    public T One<T>(params T[] values) => values[random.Next(values.Length)];

    public ulong StrangeNumber => random.Next(4) == 0 ? (ulong)random.NextInt64() : Strange[random.Next(Strange.Length)];

    /// <summary>The id of an object of the kind; rarely any small number.</summary>
    public uint Id<T>(Func<T, bool>? where = null)
        where T : IommufdObject
    {
        uint[] ids = Context is null || Rarely ? [] : [.. Context.Objects.Values.OfType<T>().Where(where ?? (_ => true)).Select(one => one.Id)];
        return ids.Length == 0 ? (uint)random.Next(16) : One(ids);
    }

    /// <summary>A descriptor of a file of the kind; rarely any.</summary>
    public int Descriptor<T>(Func<T, bool>? where = null)
        where T : OpenFile
    {
        int[] files = Rarely ? [] : [.. state.Files.Where(one => one.Value is T it && (where is null || where(it))).Select(one => one.Key)];
        return files.Length == 0 ? random.Next(-1, 24) : One(files);
    }

    /// <summary>Small numbers of small pages, rarely large ones.</summary>
    public ulong Length => random.Next(8) switch
    {
        0 => 0x800UL * (ulong)random.Next(1, 5),
        1 => 0x20_0000,
        2 when Rarely => StrangeNumber,
        _ => 0x1000UL * (ulong)random.Next(1, 9),
    };

    /// <summary>In the few pages where most mappings are, so that they meet.</summary>
    public ulong Iova => random.Next(16) switch
    {
        0 => 0x100_0000 + (0x800UL * (ulong)random.Next(64)),
        1 => 0x20_0000UL * (ulong)random.Next(1, 5),
        2 when Rarely => StrangeNumber,
        _ => 0x100_0000 + (0x1000UL * (ulong)random.Next(64)),
    };

    public ulong UserAddress => random.Next(16) switch
    {
        0 => FuzzHost.ReadOnly,
        1 => FuzzHost.Buffer + (ulong)random.Next(0x4000),
        2 => FuzzHost.Buffer + 0x1ff_f000,
        3 => state.Regions.IsEmpty ? FuzzHost.Buffer : state.Regions.Keys.First(),
        4 when Rarely => StrangeNumber,
        _ => FuzzHost.Buffer + (0x1000UL * (ulong)random.Next(256)),
    };

    /// <summary>A buffer beside the struct.</summary>
    public UserBytes Buffer(int length, bool filled = false)
    {
        byte[] bytes = new byte[length];
        if (filled)
        {
            random.NextBytes(bytes);
        }

        return new UserBytes(BufferAddress, bytes);
    }

    public UserBytes Buffer<T>(params T[] values)
        where T : struct => new(BufferAddress, MemoryMarshal.AsBytes(values.AsSpan()).ToArray());

    /// <summary>Each of the flags, or not; rarely one that is unknown.</summary>
    public uint Flags(params uint[] flags) => flags.Aggregate(Rarely ? 1U << random.Next(32) : 0U, (all, flag) => random.Next(2) == 0 ? all | flag : all);

    /// <summary>Flags that a call can hardly do without.</summary>
    public uint MostFlags(params uint[] flags) => flags.Aggregate(Rarely ? 1U << random.Next(32) : 0U, (all, flag) => random.Next(8) != 0 ? all | flag : all);

    public static uint Size<T>()
        where T : struct => (uint)Marshal.SizeOf<T>();

    /// <summary>A mapping of an address space of the context, by chance; or a range.</summary>
    public (uint Ioas, ulong Iova, ulong Length) Mapping()
    {
        IoArea[] areas = [];
        uint ioas = Id<Ioas>();
        if (Context?.Find<Ioas>(ioas) is { } space && Often)
        {
            areas = [.. space.Pages.Areas.Take(64)];
        }

        return areas.Length == 0 ? (ioas, Iova, Length) : One(areas).Range is var range ? (ioas, range.Start, range.Length) : default;
    }
}
