// What a silo's limit for page tables refuses, and what it leaves behind: nothing.
using IoasidGrains.Core;

namespace IoasidGrains.Tests;

public sealed class MachineMemoryTests
{
    private const ulong Page = Quantity.PageSize;

    /// <summary>One page needs a leaf table and a part of a block: two tables, whatever else is mapped beside it.</summary>
    private const long TwoAreas = 4;

    private static readonly IoasidNumber Two = new(2);

    [Fact]
    public void Map_BeyondTheLimit_AnswersEnomem_AndChangesNothing_AndUnmapGivesRoom()
    {
        var bed = new MachineBed(new Machine(tableLimit: TwoAreas));
        bed.Expect("0", MachineBed.Attach(MachineBed.A));
        bed.Expect("0", MachineBed.Map(0, Page));
        bed.Expect("0", MachineBed.Map(Page, Page));
        for (int i = 0; i < 3; i++)
        {
            AssertRefused(bed, MachineBed.Map(2 * Page, Page));
        }

        bed.Expect("0 size=0x1000", MachineBed.Unmap(0, Page));
        bed.Expect("0", MachineBed.Map(2 * Page, Page));
        AssertRefused(bed, MachineBed.Map(0, Page));
    }

    /// <summary>What is mapped before the first attach takes no memory until there is a table; then it takes all of it.</summary>
    [Fact]
    public void FirstAttach_BeyondTheLimit_AnswersEnomem_AndChangesNothing_AndUnmapGivesRoom()
    {
        var bed = new MachineBed(new Machine(tableLimit: TwoAreas));
        for (ulong area = 0; area < 3; area++)
        {
            bed.Expect("0", MachineBed.Map(area * Page, Page));
        }

        AssertRefused(bed, MachineBed.Attach(MachineBed.A));
        bed.Expect("0 fault=blocked reason=0x59 iova=0x0", new DeviceDma(MachineBed.A, 0, 1, DmaAccess.Read, false, null));
        bed.Expect("0 size=0x1000", MachineBed.Unmap(Page, Page));
        bed.Expect("0", MachineBed.Attach(MachineBed.A));
        bed.Expect("0", MachineBed.Attach(MachineBed.B));
        AssertRefused(bed, MachineBed.Map(Page, Page));
    }

    [Fact]
    public void TwoTables_ShareTheLimit()
    {
        var bed = new MachineBed(new Machine(tableLimit: TwoAreas));
        bed.Expect("2", new IoasidAlloc(MachineBed.Fd, SnoopFormat.Snoop, 48));
        bed.Expect("0", MachineBed.Attach(MachineBed.A));
        bed.Expect("0", MachineBed.Attach(MachineBed.B) with { Number = Two });
        bed.Expect("0", MachineBed.Map(0, Page));
        bed.Expect("0", MachineBed.Map(0, Page) with { Number = Two });
        AssertRefused(bed, MachineBed.Map(Page, Page));
        AssertRefused(bed, MachineBed.Map(Page, Page) with { Number = Two });

        // A table that is freed gives all of its memory back.
        bed.Expect("0", MachineBed.Detach(MachineBed.B) with { Number = Two });
        bed.Expect("0", new IoasidFree(MachineBed.Fd, Two));
        bed.Expect("0", MachineBed.Map(Page, Page));
    }

    [Theory]
    [InlineData(ObjectKind.PageTable)]
    [InlineData(ObjectKind.Ioasid)]
    [InlineData(ObjectKind.IoasidFd)]
    public void Limit_HoldsAfterALoss(ObjectKind lost)
    {
        var bed = new MachineBed(new Machine(tableLimit: TwoAreas));
        bed.Expect("0", MachineBed.Attach(MachineBed.A));
        bed.Expect("0", MachineBed.Map(0, Page));
        bed.Expect("0", MachineBed.Map(Page, Page));
        bed.Machine.Lose(bed.Machine.Objects.Single(item => item.Id.Kind == lost).Id);
        bed.Expect("-ENOMEM", MachineBed.Map(2 * Page, Page));
        bed.Expect("0 size=0x1000", MachineBed.Unmap(0, Page));
        bed.Expect("0", MachineBed.Map(2 * Page, Page));
        AssertRefused(bed, MachineBed.Map(0, Page));
    }

    /// <summary>A call that fails before the commit leaves nothing reserved that another table could not have.</summary>
    [Theory]
    [InlineData(FaultKind.FailBefore)]
    [InlineData(FaultKind.FailAfter)]
    [InlineData(FaultKind.LoseReply)]
    public void Map_ThatFailsAtAnyCall_LeavesRoomForItself(FaultKind kind)
    {
        int calls = CallsOf(new Machine(tableLimit: 2), out int setup);
        Assert.True(calls > setup);
        for (int call = setup + 1; call <= calls; call++)
        {
            CallsOf(new Machine(fault: new Fault(call, kind), tableLimit: 2), out _);
        }
    }

    private static int CallsOf(Machine machine, out int setup)
    {
        var bed = new MachineBed(machine);
        bed.Expect("0", MachineBed.Attach(MachineBed.A));
        setup = machine.Calls;
        Reply reply = bed.Call(MachineBed.Map(0, Page));
        int calls = machine.Calls;
        if (reply.Errno == Errno.EIO)
        {
            reply = bed.Call(MachineBed.Map(0, Page));
        }

        Assert.Equal("0", reply.ToString());
        bed.Expect("-ENOMEM", MachineBed.Map(Page, Page));
        bed.Expect("0 size=0x1000", MachineBed.Unmap(0, Page));
        bed.Expect("0", MachineBed.Map(Page, Page));
        return calls;
    }

    private static void AssertRefused(MachineBed bed, UapiCommand command)
    {
        string[] before = MachineStatus.Lines(bed.Machine);
        bed.Expect("-ENOMEM", command);
        Assert.Equal(before, MachineStatus.Lines(bed.Machine));
    }
}
