// The memory object against the oracle's real lines, which share no code: the same random accesses read the same bytes.
using IoasidGrains.Core;

namespace IoasidGrains.Tests;

public sealed class GuestMemoryModelTests
{
    private const int Histories = 400;
    private const int Length = 300;

    private static readonly GuestMemoryId Memory = new VmId("h/vm1").Memory;

    /// <summary>400 histories of 300 accesses on four CPUs. KVM notes the CPUs from the beginning, so a wbinvd that is executed reaches every line.</summary>
    [Theory]
    [InlineData(WbinvdMode.Emulated, true)]
    [InlineData(WbinvdMode.Emulated, false)]
    [InlineData(WbinvdMode.Nop, true)]
    public void RandomAccesses_ReadTheSameAsTheOracle(WbinvdMode mode, bool wbinvdExit)
    {
        for (int seed = 1; seed <= Histories; seed++)
        {
            List<MemoryOperation> operations = MemoryOperation.Random(new Random(seed), Length);
            if (FirstDifference(operations, mode, wbinvdExit) is not null)
            {
                List<MemoryOperation> shortest = ShortestHistory.Of(operations, history => FirstDifference(history, mode, wbinvdExit) is not null);
                Assert.Fail($"seed {seed}: {FirstDifference(shortest, mode, wbinvdExit)}\n{string.Join('\n', shortest)}");
            }
        }
    }

    private static string? FirstDifference(List<MemoryOperation> operations, WbinvdMode mode, bool wbinvdExit)
    {
        var memory = new GuestMemory(Memory.Object, new LocalViews(() => 0, long.MaxValue, _ => { }));
        memory.Handle(new SetWbinvd(Memory, 0, mode) { WbinvdExit = wbinvdExit });
        CoherencyOracle oracle = CoherencyOracle.Empty;
        int? runsOn = null;
        for (int i = 0; i < operations.Count; i++)
        {
            MemoryOperation operation = operations[i];
            bool isCpu = operation.Access is Access.CpuRead or Access.CpuWrite or Access.Wbinvd;
            bool leaves = isCpu && runsOn is { } last && last != operation.Cpu && mode == WbinvdMode.Emulated && !wbinvdExit;
            oracle = leaves ? oracle.Flush() : oracle;
            runsOn = isCpu ? operation.Cpu : runsOn;
            (oracle, byte[]? expected, _) = operation.On(oracle, mode == WbinvdMode.Emulated);
            byte[]? read = Do(memory, operation, i, mode == WbinvdMode.Emulated);
            if (expected is not null && !expected.AsSpan().SequenceEqual(read))
            {
                return $"{operation} reads {Convert.ToHexString(read!)}, the oracle {Convert.ToHexString(expected)}";
            }
        }

        return null;
    }

    private static byte[]? Do(GuestMemory memory, MemoryOperation operation, int number, bool executed)
    {
        Command command = operation.Access switch
        {
            Access.CpuWrite => new CpuWrite(Memory, operation.Address, operation.Bytes) { Cpu = new CpuId(operation.Cpu) },
            Access.CpuRead => new CpuRead(Memory, operation.Address, operation.Bytes.Length) { Cpu = new CpuId(operation.Cpu) },
            Access.Wbinvd => new FlushCaches(Memory, new RequestId("s", number), new CpuId(operation.Cpu), executed),
            _ => new AccessMemory(Memory, operation.Address, operation.Bytes.Length, operation.IsDeviceWrite ? operation.Bytes : null, !operation.IsNoSnoop),
        };
        return ((Answer)memory.Handle(command)).Reply.Outputs switch
        {
            MemoryBytes read => read.Bytes,
            MemoryAccessed accessed => accessed.Data,
            _ => null,
        };
    }
}
