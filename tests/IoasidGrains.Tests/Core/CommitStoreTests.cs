// The one transaction: sequence, epoch and claims together, or nothing.
using IoasidGrains.Core;

namespace IoasidGrains.Tests;

public sealed class CommitStoreTests
{
    private static readonly ObjectId Fd1 = new FdId("h/fd1").Object;
    private static readonly ObjectId Fd2 = new FdId("h/fd2").Object;
    private static readonly GroupId Group = new("h/g");
    private static readonly VmId Vm1 = new("h/vm1");
    private static readonly VmId Vm2 = new("h/vm2");

    private readonly CommitStore _store = new();

    [Fact]
    public void Append_InOrder_IsLoadedInOrder()
    {
        long epoch = _store.Load(Fd1).Epoch;
        Assert.Equal(CommitStatus.Committed, _store.Append(Fd1, epoch, Record(1), []).Status);
        Assert.Equal(CommitStatus.Committed, _store.Append(Fd1, epoch, Record(2), []).Status);
        Assert.Equal([1, 2], _store.Load(Fd1).Log.Select(record => record.Sequence));
    }

    [Fact]
    public void Append_AgainWithTheSameRequest_IsDoneOnceAndAnswersTheSame()
    {
        long epoch = _store.Load(Fd1).Epoch;
        CommitResult first = _store.Append(Fd1, epoch, Record(1), [Claim.Take(Group)]);
        Assert.Equal(first, _store.Append(Fd1, epoch, Record(1), [Claim.Take(Group)]));
        Assert.Single(_store.Load(Fd1).Log);
    }

    [Fact]
    public void Append_OfASequenceThatAnotherRequestTook_IsFenced()
    {
        long epoch = _store.Load(Fd1).Epoch;
        _store.Append(Fd1, epoch, Record(1), []);
        Assert.Equal(CommitStatus.Fenced, _store.Append(Fd1, epoch, Record(1, "somebody else"), []).Status);
    }

    [Fact]
    public void Append_OfAnActivationThatWasFollowedByAnother_IsFencedAndWritesNothing()
    {
        long old = _store.Load(Fd1).Epoch;
        long current = _store.Load(Fd1).Epoch;
        Assert.Equal(CommitStatus.Fenced, _store.Append(Fd1, old, Record(1), [Claim.Take(Group)]).Status);
        Assert.Empty(_store.Claims);
        Assert.Equal(CommitStatus.Committed, _store.Append(Fd1, current, Record(1), []).Status);
    }

    [Fact]
    public void Take_OfAClaimThatIsHeld_IsRefusedAndNeitherLogNorOtherClaimsMove()
    {
        Commit(Fd1, Claim.Take(Group));
        CommitResult refused = Commit(Fd2, Claim.Take(new DeviceId("h/d")), Claim.Take(Group));
        Assert.Equal(CommitStatus.ClaimRefused, refused.Status);
        Assert.Equal(Claim.NameOf(Group), refused.Refused!.Name);
        Assert.Null(_store.ClaimsOf(new DeviceId("h/d")).Holder);
        Assert.Empty(_store.Load(Fd2).Log);
    }

    [Fact]
    public void Release_FreesTheClaimForAnother()
    {
        Commit(Fd1, Claim.Take(Group));
        long epoch = _store.Load(Fd1).Epoch;
        _store.Append(Fd1, epoch, Record(2), [Claim.Release(Group)]);
        Assert.Equal(CommitStatus.Committed, Commit(Fd2, Claim.Take(Group)).Status);
    }

    [Theory]
    [InlineData(new[] { "h/vm1" }, new[] { "h/vm1" }, CommitStatus.ClaimRefused)]
    [InlineData(new string[0], new[] { "h/vm1" }, CommitStatus.Committed)]
    [InlineData(new[] { "h/vm1" }, new[] { "h/vm1", "h/vm2" }, CommitStatus.Committed)]
    [InlineData(new[] { "h/vm1", "h/vm2" }, new[] { "h/vm1", "h/vm2" }, CommitStatus.ClaimRefused)]
    public void Alive_AsksForOneVmThatHasNotEnded(string[] ended, string[] asked, CommitStatus expected)
    {
        foreach (string vm in ended)
        {
            Commit(new VmId(vm).Object, Claim.End(new VmId(vm)));
        }

        Claim alive = Claim.Alive(new VmId(asked[0]), asked.Skip(1).Select(vm => new VmId(vm)));
        Assert.Equal(expected, Commit(Fd1, alive).Status);
    }

    [Fact]
    public void Load_OfAVm_TellsItsLinksAndWhichOfThemAreNoncoherent()
    {
        Commit(Fd1, Claim.Link(Vm1, new FdId(Fd1.Key)), Claim.Noncoherent(Vm1, new FdId(Fd1.Key)));
        Commit(Fd2, Claim.Link(Vm1, new FdId(Fd2.Key)), Claim.Link(Vm2, new FdId(Fd2.Key)));
        StoredObject vm = _store.Load(Vm1.Object);
        Assert.Equal([Fd1.Key, Fd2.Key], vm.Holders.Select(fd => fd.Key).Order());
        Assert.Equal([Fd1.Key], vm.Noncoherent.Select(fd => fd.Key));
    }

    /// <summary>Domain 133: the files, and the fds that speak for files, count once; another fd counts by itself.</summary>
    [Fact]
    public void Count_OfNoncoherent_TakesAllFilesForOne()
    {
        var (first, second) = (new DeviceId("h/d1"), new DeviceId("h/d2"));
        int Counted(ObjectId by, params Claim[] claims) => Commit(by, [.. claims, Claim.CountNoncoherent(Vm1)]).Record!.Counted;
        Assert.Equal(0, Counted(Vm1.Object, Claim.AddFile(Vm1, new DeviceId("h/d0"), false)));
        Assert.Equal(1, Counted(Vm1.Object, Claim.AddFile(Vm1, first, true)));
        Assert.Equal(1, Counted(Vm1.Object, Claim.AddFile(Vm1, second, true)));
        Assert.Equal(1, Counted(Fd1, Claim.Noncoherent(Vm1, new FdId(Fd1.Key), byFiles: true)));
        Assert.Equal(2, Counted(Fd2, Claim.Noncoherent(Vm1, new FdId(Fd2.Key))));
        Assert.Equal(2, Counted(Vm1.Object, [.. Claim.RemoveFile(Vm1, first, true), .. Claim.RemoveFile(Vm1, second, true)]));
        Assert.Equal(1, Counted(Fd1, Claim.Coherent(Vm1, new FdId(Fd1.Key), byFiles: true)));
        Assert.Equal([new VmFileAdded(new DeviceId("h/d0"), false)], _store.Load(Vm1.Object).Files);
    }

    [Theory]
    [InlineData(false, false, CommitStatus.ClaimRefused)]
    [InlineData(true, false, CommitStatus.Committed)]
    [InlineData(false, true, CommitStatus.Committed)]
    public void KvmPointer_IsThereWhileAVmKeepsTheFileOrAnAnnouncedOneLives(bool file, bool announced, CommitStatus expected)
    {
        var device = new DeviceId("h/d1");
        Commit(Vm1.Object, file ? Claim.AddFile(Vm1, device, false) : []);
        Assert.Equal(expected, Commit(Fd1, Claim.KvmPointer(device, announced ? [Vm2] : [])).Status);
        Commit(Vm2.Object, Claim.End(Vm2));
        Assert.Equal(file ? CommitStatus.Committed : CommitStatus.ClaimRefused, Commit(Fd1, Claim.KvmPointer(device, announced ? [Vm2] : [])).Status);
    }

    [Fact]
    public void Declare_OfANameThatIsTaken_IsRefused_UnlessItIsTheSameRequest()
    {
        var unit = new DeclareUnit(new UnitId("h/u"), new IommuCapabilities(true, 48, IommuCapabilities.AllPageSizes, false, [])) { Request = new("s", 1) };
        Assert.True(_store.Declare(unit));
        Assert.True(_store.Declare(unit));
        Assert.False(_store.Declare(unit with { Request = new("s", 2) }));
    }

    [Fact]
    public void Forget_DropsOneHostOnly()
    {
        Commit(Fd1, Claim.Take(Group));
        Commit(new FdId("other/fd1").Object, Claim.Take(new GroupId("other/g")));
        _store.Forget(new HostId("h"));
        Assert.Empty(_store.Inventory(new HostId("h")));
        Assert.Equal(["other/g/group"], _store.Claims.Keys);
        Assert.Single(_store.Inventory(new HostId("other")));
    }

    private CommitResult Commit(ObjectId id, params Claim[] claims)
    {
        StoredObject stored = _store.Load(id);
        return _store.Append(id, stored.Epoch, Record(stored.Log.Length + 1), claims);
    }

    private static LogRecord Record(long sequence, string session = "s") =>
        new(sequence, new RequestId(session, sequence), Reply.Ok, [new FdClosed()]);
}
