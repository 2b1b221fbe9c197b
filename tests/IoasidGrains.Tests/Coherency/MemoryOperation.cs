// Random accesses to a memory, and what they come to on the objects and in the oracle; used by the coherency tests.
using IoasidGrains.Core;

namespace IoasidGrains.Tests;

/// <summary>Who does what.</summary>
internal enum Access
{
    CpuWrite,
    CpuRead,
    Wbinvd,
    SnoopedWrite,
    SnoopedRead,
    NoSnoopWrite,
    NoSnoopRead,
}

/// <summary>One access to a few lines, on one of four CPUs or by one of two devices.</summary>
internal sealed record MemoryOperation(Access Access, int Cpu, int Device, int Offset, byte[] Bytes)
{
    private static readonly Access[] Kinds = Enum.GetValues<Access>();

    public static readonly DeviceId[] Devices = [new("h/A"), new("h/B")];

    public bool IsNoSnoop => Access is Access.NoSnoopRead or Access.NoSnoopWrite;

    public bool IsDeviceWrite => Access is Access.SnoopedWrite or Access.NoSnoopWrite;

    public DeviceId By => Devices[Device];

    public ulong Address => 4096 - 128 + (ulong)Offset;

    public static List<MemoryOperation> Random(Random random, int count)
    {
        List<MemoryOperation> operations = [];
        for (int i = 0; i < count; i++)
        {
            var bytes = new byte[random.Next(1, random.Next(2) == 0 ? 8 : 140)];
            random.NextBytes(bytes);
            operations.Add(new MemoryOperation(Kinds[random.Next(Kinds.Length)], random.Next(4), random.Next(2), random.Next(200), bytes));
        }

        return operations;
    }

    /// <summary>What is read by it, or null, and the oracle after it, every wbinvd being executed or not.</summary>
    public (CoherencyOracle Next, byte[]? Read, int Wrong) On(CoherencyOracle oracle, bool executed)
    {
        switch (Access)
        {
            case Access.CpuWrite:
                return (oracle.CpuWrite(Address, Bytes), null, 0);
            case Access.CpuRead:
                OracleRead read = oracle.CpuRead(Address, Bytes.Length);
                return (read.Next, read.Bytes, read.WrongBytes);
            case Access.Wbinvd:
                return (oracle.Wbinvd(executed), null, 0);
            case Access.SnoopedWrite or Access.NoSnoopWrite:
                return (oracle.DmaWrite(By, Address, Bytes, !IsNoSnoop), null, 0);
            default:
                OracleRead dma = oracle.DmaRead(By, Address, Bytes.Length, !IsNoSnoop);
                return (dma.Next, dma.Bytes, dma.WrongBytes);
        }
    }

    public override string ToString() => $"{Access} cpu{Cpu} {By} {Address:x}+{Bytes.Length}";
}
