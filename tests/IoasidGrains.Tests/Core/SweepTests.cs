// The three sweeps over every flow, and every interleaving of small scopes.
using System.Collections.Concurrent;
using IoasidGrains.Console;
using IoasidGrains.Core;
using Xunit.Abstractions;

namespace IoasidGrains.Tests;

public sealed class SweepTests(ITestOutputHelper output)
{
    private const int Seeds = 400;

    public static TheoryData<string> Flows => TestFlows.Names();

    [Theory]
    [MemberData(nameof(Flows))]
    public void Ioctls_DealtToClientsInAnyOrder_AnswerAsOneAtATimeInCommitOrder(string flow)
    {
        var sweep = new InterleavingSweep(new FlowScript(TestFlows.Load(flow)));
        for (ulong seed = 1; seed <= Seeds; seed++)
        {
            AssertSound(sweep.Run(seed).Failure);
        }
    }

    [Fact]
    public void SeedFlow_FiveThousandSchedules_AreDistinctAndSound()
    {
        var sweep = new InterleavingSweep(new FlowScript(TestFlows.Load("seed-mail.flow")));
        var hashes = new ConcurrentDictionary<ulong, bool>();
        Parallel.For(1, 5051, seed =>
        {
            ScheduleResult result = sweep.Run((ulong)seed);
            AssertSound(result.Failure);
            hashes.TryAdd(result.TraceHash, true);
        });
        output.WriteLine($"{hashes.Count} distinct schedules");
        Assert.True(hashes.Count >= 5000, $"only {hashes.Count} of 5050 schedules were distinct");
    }

    [Theory]
    [MemberData(nameof(Flows))]
    public void EveryCall_FailingOrLosingItsReplyOnce_ChangesNoAnswerAfterTheCommitAndNothingBefore(string flow)
    {
        var sweep = new FaultSweep(new FlowScript(TestFlows.Load(flow)));
        AssertSound(sweep.RunWithoutFault());
        foreach (FaultKind kind in Enum.GetValues<FaultKind>())
        {
            for (int call = 1; call <= sweep.Calls; call++)
            {
                AssertSound(sweep.Run(call, kind));
            }
        }
    }

    /// <summary>Two clients of three ioctls each, over objects that they share: one fd, two fds and one device, one group, one VM, one IOASID.</summary>
    [Theory]
    [InlineData(
        "A VFIO_BIND_IOASID_FD fd1; A VFIO_ATTACH_IOASID 1 snoop; A VFIO_UNBIND_IOASID_FD",
        "A VFIO_BIND_IOASID_FD fd2; A VFIO_ATTACH_IOASID 1 snoop; A VFIO_UNBIND_IOASID_FD")]
    [InlineData(
        "A VFIO_BIND_IOASID_FD fd1; A VFIO_ATTACH_IOASID 1 snoop; fd1 IOASID_FREE 1",
        "A VFIO_UNBIND_IOASID_FD; A VFIO_DETACH_IOASID 1; fd1 IOASID_FREE 1")]
    [InlineData(
        "G1 VFIO_BIND_IOASID_FD fd1; G1 VFIO_ATTACH_IOASID 1 snoop; G1 VFIO_UNBIND_IOASID_FD",
        "G2 VFIO_BIND_IOASID_FD fd2; G2 VFIO_ATTACH_IOASID 1 snoop; G2 VFIO_UNBIND_IOASID_FD")]
    [InlineData(
        "vm1 KVM_ADD_IOASID_FD fd1; vm1 KVM_UPDATE_IOASID_FD fd1; vm1 KVM_DEL_IOASID_FD fd1",
        "vm1 KVM_ADD_IOASID_FD fd2; vm1 KVM_UPDATE_IOASID_FD fd2; vm1 KVM_DEL_IOASID_FD fd2")]
    [InlineData(
        "fd1 IOASID_ALLOC no_snoop; vm1 KVM_ADD_IOASID_FD fd1; vm1 KVM_UPDATE_IOASID_FD fd1",
        "fd2 IOASID_ALLOC no_snoop; vm1 KVM_ADD_IOASID_FD fd2; vm1 KVM_UPDATE_IOASID_FD fd2")]
    [InlineData(
        "fd1 IOASID_MAP_DMA 1 0+8K vm1+0; fd1 IOASID_UNMAP_DMA 1 0+8K; fd1 IOASID_GET_INFO 1",
        "fd1 IOASID_MAP_DMA 1 0x1000+4K vm1+0; B VFIO_ATTACH_IOASID 2 no_snoop; fd1 IOASID_UNMAP_DMA 1 all")]
    [InlineData(
        "B VFIO_ATTACH_IOASID 2 no_snoop; vm1 KVM_ADD_IOASID_FD fd1; vm1 KVM_UPDATE_IOASID_FD fd1",
        "B VFIO_DETACH_IOASID 2; fd1 IOASID_FREE 2; vm1 KVM_UPDATE_IOASID_FD fd1")]
    [InlineData(
        "A VFIO_BIND_IOASID_FD fd1; fd1 IOASID_GET_DEV_INFO A; A VFIO_ATTACH_IOASID 1 snoop",
        "C VFIO_BIND_IOASID_FD fd2; C VFIO_ATTACH_IOASID 1 snoop; A VFIO_BIND_IOASID_FD fd2")]
    [InlineData(
        "vm1 KVM_DEV_VFIO_FILE_ADD B; vm1 KVM_DEV_VFIO_FILE_ADD A; vm1 KVM_DEV_VFIO_FILE_DEL B",
        "vm1 KVM_DEV_VFIO_FILE_ADD B; vm1 KVM_DEV_VFIO_FILE_DEL A; vm1 KVM_DEV_VFIO_FILE_DEL B")]
    [InlineData(
        "vm1 KVM_DEV_VFIO_FILE_ADD B; vm1 KVM_ADD_IOASID_FD fd1; vm1 KVM_DEV_VFIO_FILE_DEL B",
        "fd1 IOASID_ALLOC no_snoop; vm1 KVM_UPDATE_IOASID_FD fd1; vm1 KVM_DEL_IOASID_FD fd1")]
    public void TwoClientsOfThreeIoctls_EveryInterleaving_IsSound(string first, string second)
    {
        string[] steps = [.. first.Split("; "), .. second.Split("; ")];
        FlowScript script = TestFlows.Script(Playground + string.Join('\n', steps.Select(step => $"ioctl {step}")));
        int start = script.Count - steps.Length;
        ExhaustiveResult result = new ExhaustiveSweep(script, [[start, start + 1, start + 2], [start + 3, start + 4, start + 5]]).Run();
        output.WriteLine($"{result.Interleavings} interleavings, {result.Pruned} cut off as repetitions");
        AssertSound(result.Failure);
        Assert.True(result.Interleavings >= 20, "two clients of three operations on one object have 20 orders at least");
    }

    private const string Playground = """
        iommu u1 enforce_snoop
        iommu u2
        device A behind u1
        device B behind u2
        device C behind u1
        device G1 behind u1 group g
        device G2 behind u1 group g
        open fd1 /dev/ioasid
        open fd2 /dev/ioasid
        ioctl fd1 IOASID_ALLOC snoop
        ioctl fd1 IOASID_ALLOC no_snoop
        ioctl fd2 IOASID_ALLOC snoop
        ioctl B VFIO_BIND_IOASID_FD fd1

        """;

    private static void AssertSound(SweepFailure? failure) =>
        Assert.True(failure is null, failure is null ? "" : $"{failure.How}: {failure.What}\n{string.Join('\n', failure.Trace)}");
}
