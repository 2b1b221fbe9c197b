// The ioctl table is the contents page: complete, unique, and what it says is what happens.
namespace IoasidGrains.Tests;

public sealed class IoctlTableTests
{
    public static TheoryData<Ioctl> All => [.. Enum.GetValues<Ioctl>()];

    [Theory]
    [MemberData(nameof(All))]
    public void Ioctl_HasOneRow_InItsPlace(Ioctl ioctl)
    {
        IoctlRow row = IoctlTable.Rows[(int)ioctl];
        Assert.Equal(ioctl, row.Name);
        Assert.Same(row, IoctlTable.Find(ioctl.ToString()));
        Assert.Same(row, IoctlTable.Find(row.On, row.Code));
        Assert.NotEmpty(row.Source);
        Assert.Equal(row.Status is IoctlStatus.Absent, row.Build is null);
        Assert.Equal(Enum.GetValues<Ioctl>().Length, IoctlTable.Rows.Count);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Ioctl_OnAnotherKindOfFile_OrAbsent_AnswersEnotty(Ioctl ioctl)
    {
        IoctlRow row = IoctlTable.Rows[(int)ioctl];
        foreach (ObjectKind kind in Enum.GetValues<ObjectKind>().Where(kind => kind != row.On || row.Status is IoctlStatus.Absent))
        {
            Assert.Equal((null, Errno.ENOTTY), IoctlDoor.Enter(row, new ObjectId(kind, "h/x"), [], default));
        }
    }

    /// <summary>Whatever the arguments are, the door makes a command or refuses with an errno; it never throws.</summary>
    [Theory]
    [MemberData(nameof(All))]
    public void Ioctl_WithArgumentsOfAnyKind_IsBuiltOrRefused(Ioctl ioctl)
    {
        IoctlRow row = IoctlTable.Rows[(int)ioctl];
        IoctlValue[] kinds =
        [
            new IoctlValue.Object(new FdId("h/fd1").Object), new IoctlValue.Object(new DeviceId("h/d").Object), new IoctlValue.Number(ulong.MaxValue),
            new IoctlValue.Range(1, 2), new IoctlValue.User(null, 3, 4), new IoctlValue.Flag(SnoopFormat.Snoop), new IoctlValue.Access(DmaAccess.Read), new IoctlValue.All(),
        ];
        var random = new Random(1);
        for (int i = 0; i < 500; i++)
        {
            IoctlValue[] values = [.. Enumerable.Range(0, random.Next(5)).Select(_ => kinds[random.Next(kinds.Length)])];
            (UapiCommand? command, Errno error) = IoctlDoor.Enter(row, new ObjectId(row.On, "h/x"), values, new RequestId("s", 1));
            Assert.Equal(command is null, error is Errno.ENOTTY or Errno.EINVAL);
        }
    }

    [Theory]
    [InlineData(Ioctl.VFIO_BIND_IOASID_FD, 0x3b7a)]
    [InlineData(Ioctl.VFIO_UNBIND_IOASID_FD, 0x3b7b)]
    [InlineData(Ioctl.VFIO_ATTACH_IOASID, 0x3b7c)]
    [InlineData(Ioctl.VFIO_DETACH_IOASID, 0x3b7d)]
    [InlineData(Ioctl.KVM_MAP_PASID, 0xaef0)]
    [InlineData(Ioctl.KVM_UNMAP_PASID, 0xaef1)]
    public void NumberThatTheMailGives_IsTheRows(Ioctl ioctl, int number) => Assert.Equal((uint)number, IoctlTable.Rows[(int)ioctl].Code);
}
