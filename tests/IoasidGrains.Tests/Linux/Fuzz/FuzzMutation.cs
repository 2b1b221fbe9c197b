// From an input that is nearly valid to the call: half of them stay as they are, the others are spoilt in one place. Used by FuzzFamily.
using System.Buffers.Binary;

namespace IoasidGrains.Tests.Linux.Fuzz;

/// <summary>The usual mistakes of programs, and those of attackers.</summary>
internal static class FuzzMutation
{
    public static SysIoctl Call(FuzzPick pick, FuzzInput input)
    {
        Random random = pick.Random;
        uint code = random.Next(48) == 0 ? 0x3b00 | (uint)random.Next(256) : input.Code;
        if (input.Struct is null)
        {
            return new SysIoctl(FuzzProcess.Id, pick.File, code, random.Next(4) == 0 ? pick.StrangeNumber : input.Argument, []);
        }

        ulong address = FuzzPick.StructAddress;
        byte[] bytes = input.Struct;
        UserBytes[] buffers = input.Buffers;
        if (random.Next(2) == 0)
        {
            (bytes, address, buffers) = random.Next(12) switch
            {
                0 or 1 or 2 => (Word(pick, bytes), address, buffers),
                3 or 4 => (LongWord(pick, bytes), address, buffers),
                5 => (Bit(random, bytes), address, buffers),
                6 => (bytes[..random.Next(bytes.Length)], address, buffers),
                7 => (Longer(random, bytes, zeros: random.Next(2) == 0), address, buffers),
                8 => (WithSize(bytes, (uint)random.Next(bytes.Length + 8)), address, buffers),
                9 => (Noise(random, bytes.Length), address, buffers),
                10 => (bytes, random.Next(2) == 0 ? 0UL : address + (ulong)random.Next(16), buffers),
                _ => (bytes, address, Spoilt(pick, buffers)),
            };
        }

        return new SysIoctl(FuzzProcess.Id, pick.File, code, address, [new UserBytes(FuzzPick.StructAddress, bytes), .. buffers]);
    }

    private static byte[] Word(FuzzPick pick, byte[] bytes)
    {
        byte[] copy = [.. bytes];
        if (copy.Length >= 4)
        {
            uint value = pick.Random.Next(2) == 0 ? (uint)pick.Random.Next(32) : (uint)pick.StrangeNumber;
            BinaryPrimitives.WriteUInt32LittleEndian(copy.AsSpan(4 * pick.Random.Next(copy.Length / 4)), value);
        }

        return copy;
    }

    private static byte[] LongWord(FuzzPick pick, byte[] bytes)
    {
        byte[] copy = [.. bytes];
        if (copy.Length >= 8)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(copy.AsSpan(8 * pick.Random.Next(copy.Length / 8)), pick.StrangeNumber);
        }

        return copy;
    }

    private static byte[] Bit(Random random, byte[] bytes)
    {
        byte[] copy = [.. bytes];
        if (copy.Length > 0)
        {
            copy[random.Next(copy.Length)] ^= (byte)(1 << random.Next(8));
        }

        return copy;
    }

    private static byte[] Longer(Random random, byte[] bytes, bool zeros)
    {
        byte[] tail = new byte[4 * random.Next(1, 16)];
        if (!zeros)
        {
            random.NextBytes(tail);
        }

        return WithSize([.. bytes, .. tail], (uint)(bytes.Length + tail.Length));
    }

    /// <summary>Every struct of ours that tells its size tells it first.</summary>
    private static byte[] WithSize(byte[] bytes, uint size)
    {
        byte[] copy = [.. bytes];
        if (copy.Length >= 4)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(copy, size);
        }

        return copy;
    }

    private static byte[] Noise(Random random, int length)
    {
        byte[] bytes = new byte[length];
        random.NextBytes(bytes);
        return bytes;
    }

    private static UserBytes[] Spoilt(FuzzPick pick, UserBytes[] buffers) =>
        [.. buffers.Select(buffer => pick.Random.Next(2) == 0 ? buffer with { Data = buffer.Data[..pick.Random.Next(buffer.Data.Length + 1)] } : buffer with { Data = Word(pick, buffer.Data) })];
}
