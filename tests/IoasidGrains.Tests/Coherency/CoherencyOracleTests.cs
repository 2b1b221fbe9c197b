// The oracle: only a wbinvd that was ignored makes bytes wrong, and it says which.
using System.Buffers;
using IoasidGrains.Core;

namespace IoasidGrains.Tests;

public sealed class CoherencyOracleTests
{
    private static readonly DeviceId A = MemoryOperation.Devices[0];
    private static readonly DeviceId B = MemoryOperation.Devices[1];

    /// <summary>On the objects: two devices on a plain table, KVM told of it, and the guest may forget any flush it likes.</summary>
    [Fact]
    public void EveryWbinvdExecuted_RandomHistoriesOnTheObjects_NeverReadAWrongByte()
    {
        for (int seed = 1; seed <= 30; seed++)
        {
            var machine = new Machine();
            Prepare(machine, told: true);
            CoherencyOracle oracle = CoherencyOracle.Empty.Attach(A).Attach(B);
            foreach ((MemoryOperation operation, int i) in MemoryOperation.Random(new Random(seed), 200).Select((operation, i) => (operation, i)))
            {
                (oracle, byte[]? expected, int wrong) = operation.On(oracle, executed: true);
                Reply reply = Send(machine, CommandOf(operation) with { Request = new RequestId("run", i + 1) });
                byte[]? read = (reply.Outputs as MemoryBytes)?.Bytes ?? (reply.Outputs as DmaOutcome)?.Data;
                Assert.True(reply.Succeeded && wrong == 0 && (expected is null || expected.AsSpan().SequenceEqual(read)), $"seed {seed}, {i}: {operation} {reply}");
            }
        }
    }

    /// <summary>All histories in order of their length; on the objects the same four steps read the old byte.</summary>
    [Fact]
    public void WbinvdIgnored_ShortestCorruption_IsAttachWriteFlushRead()
    {
        (string Name, Func<CoherencyOracle, (CoherencyOracle Next, int Wrong)> Do)[] moves =
        [
            ("attach", oracle => (oracle.Attach(B), 0)),
            ("cpu write", oracle => (oracle.CpuWrite(0, [oracle.UnusedValue(0)]), 0)),
            ("cpu read", oracle => Read(oracle.CpuRead(0, 1))),
            ("wbinvd", oracle => (oracle.Wbinvd(executed: false), 0)),
            ("dma write", oracle => (oracle.DmaWrite(B, 0, [oracle.UnusedValue(0)], snooped: false), 0)),
            ("dma read", oracle => Read(oracle.DmaRead(B, 0, 1, snooped: false))),
        ];
        Assert.Equal(["attach", "cpu write", "wbinvd", "dma read"], ShortestWrong(moves));
        Assert.Equal(
            ["attach", "cpu read", "wbinvd", "dma write", "cpu read"], ShortestWrong([.. moves.Where(move => move.Name is not ("cpu write" or "dma read"))]));

        var machine = new Machine();
        Prepare(machine, told: false);
        VmId vm = new("h/vm1");
        Assert.Equal("0", Call(machine, new CpuWrite(vm.Memory, 0, [7])));
        Assert.Equal("0 ignored", Call(machine, new CpuWbinvd(vm)));
        Assert.Equal("0 at=vm1+0x0 not_snooped data=00 coherency_gap", Call(machine, new DeviceDma(B, 0, 1, DmaAccess.Read, true, null)));
    }

    [Fact]
    public void ReadThatIsStaleWithoutAnyWbinvd_IsTheGuestsOwnOmission()
    {
        CoherencyOracle oracle = CoherencyOracle.Empty.Attach(B).CpuWrite(0, [1]);
        Assert.Equal((0, 0), (oracle.DmaRead(B, 0, 1, snooped: false).Bytes[0], oracle.DmaRead(B, 0, 1, snooped: false).WrongBytes));
        CoherencyOracle hidden = oracle.CpuRead(64, 1).Next.DmaWrite(B, 64, [2], snooped: false);
        Assert.Equal((0, 0), (hidden.CpuRead(64, 1).Bytes[0], hidden.CpuRead(64, 1).WrongBytes));
    }

    [Fact]
    public void WbinvdBeforeTheDeviceCame_IsOwedToNobody()
    {
        CoherencyOracle oracle = CoherencyOracle.Empty.CpuWrite(0, [1]).Wbinvd(executed: false).Attach(B);
        Assert.Equal(0, oracle.DmaRead(B, 0, 1, snooped: false).WrongBytes);
        Assert.Equal(1, oracle.Wbinvd(executed: false).DmaRead(B, 0, 1, snooped: false).WrongBytes);
        Assert.Equal(0, oracle.Wbinvd(executed: false).DmaRead(A, 0, 1, snooped: false).WrongBytes);
        Assert.Equal(0, oracle.Wbinvd(executed: false).Flush().DmaRead(B, 0, 1, snooped: false).WrongBytes);
        Assert.Equal(0, oracle.Wbinvd(executed: false).Detach(B).Attach(B).DmaRead(B, 0, 1, snooped: false).WrongBytes);
    }

    [Fact]
    public void SnoopedRead_IsNeverWrong() =>
        Assert.Equal(0, CoherencyOracle.Empty.Attach(B).CpuWrite(0, [1]).Wbinvd(executed: false).DmaRead(B, 0, 1, snooped: true).WrongBytes);

    [Fact]
    public void EqualStatesOfDifferentHistories_AreEqual_InHashAndKey()
    {
        CoherencyOracle one = CoherencyOracle.Empty.Attach(A).Attach(B).CpuWrite(0, [1]).CpuWrite(64, [2]);
        CoherencyOracle other = CoherencyOracle.Empty.CpuRead(0, 1).Next.Flush().Attach(B).Attach(A).CpuWrite(64, [2]).CpuWrite(0, [9]).CpuWrite(0, [1]);
        Assert.True(one.Equals(other));
        Assert.Equal(one.GetHashCode(), other.GetHashCode());
        Assert.Equal(KeyOf(one), KeyOf(other));
        Assert.NotEqual(KeyOf(one), KeyOf(one.CpuWrite(0, [3])));
        Assert.False(one.Equals(one.Wbinvd(executed: false)));
        CoherencyOracle renamed = one.Wbinvd(executed: false).DmaWrite(A, 0, [4], snooped: false);
        Assert.Equal(renamed, renamed.Renamed(device => device == A ? B : A).Renamed(device => device == A ? B : A));
        Assert.NotEqual(renamed, renamed.Renamed(device => device == A ? B : A));
    }

    private static string[] ShortestWrong((string Name, Func<CoherencyOracle, (CoherencyOracle Next, int Wrong)> Do)[] moves)
    {
        HashSet<CoherencyOracle> seen = [CoherencyOracle.Empty];
        Queue<(CoherencyOracle State, string[] Path)> waiting = new([(CoherencyOracle.Empty, [])]);
        while (waiting.TryDequeue(out var entry) && entry.Path.Length < 6)
        {
            foreach ((string name, var move) in moves)
            {
                (CoherencyOracle next, int wrong) = move(entry.State);
                string[] path = [.. entry.Path, name];
                if (wrong > 0)
                {
                    return path;
                }

                if (seen.Add(next))
                {
                    waiting.Enqueue((next, path));
                }
            }
        }

        return [];
    }

    private static (CoherencyOracle, int) Read(OracleRead read) => (read.Next, read.WrongBytes);

    private static byte[] KeyOf(CoherencyOracle oracle)
    {
        var key = new ArrayBufferWriter<byte>();
        oracle.WriteTo(key);
        return key.WrittenSpan.ToArray();
    }

    private static void Prepare(Machine machine, bool told)
    {
        var (fd, vm, unit, number) = (new FdId("h/fd1"), new VmId("h/vm1"), new UnitId("h/u"), new IoasidNumber(1));
        Call(machine, new DeclareUnit(unit, new IommuCapabilities(false, 48, IommuCapabilities.AllPageSizes, false, [])));
        Call(machine, new OpenFd(fd, OpenOptions.Default));
        Call(machine, new KvmAddIoasidFd(vm, fd));
        Call(machine, new IoasidAlloc(fd, SnoopFormat.NoSnoop, 48));
        Call(machine, new IoasidMapDma(fd, number, 0, 8192, new UserAddress(vm.Memory, 0), DmaAccess.ReadWrite));
        foreach (DeviceId device in MemoryOperation.Devices)
        {
            var traits = new DeviceTraits(unit, new GroupId(device.Key), new PciId(0x8086, 0x0300), false, DeviceDriver.VfioPci, DriverOpens.AtBind, []);
            Call(machine, new DeclareDevice(device, traits));
            Call(machine, new VfioBindIoasidFd(device, fd));
            Call(machine, new VfioAttachIoasid(device, number, SnoopFormat.NoSnoop));
        }

        Assert.True(!told || Call(machine, new KvmUpdateIoasidFd(vm, fd)) == "0 noncoherent_dma=1 wbinvd=emulated");
    }

    private static UapiCommand CommandOf(MemoryOperation operation)
    {
        VmId vm = new("h/vm1");
        var cpu = new CpuId(operation.Cpu);
        return operation.Access switch
        {
            Access.CpuWrite => new CpuWrite(vm.Memory, operation.Address, operation.Bytes) { Cpu = cpu },
            Access.CpuRead => new CpuRead(vm.Memory, operation.Address, operation.Bytes.Length) { Cpu = cpu },
            Access.Wbinvd => new CpuWbinvd(vm) { Cpu = cpu },
            _ => new DeviceDma(
                operation.By, operation.Address, operation.Bytes.Length, operation.IsDeviceWrite ? DmaAccess.Write : DmaAccess.Read, operation.IsNoSnoop,
                operation.IsDeviceWrite ? operation.Bytes : null),
        };
    }

    private static string Call(Machine machine, UapiCommand command) =>
        Send(machine, command with { Request = new RequestId("setup", machine.Events + 1) }).ToString();

    private static Reply Send(Machine machine, UapiCommand command) => machine.Call(command).Result;
}
