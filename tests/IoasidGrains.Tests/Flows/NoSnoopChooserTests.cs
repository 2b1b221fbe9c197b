// The decision table of the seed's step 3.
using IoasidGrains.Flows;

namespace IoasidGrains.Tests;

public sealed class NoSnoopChooserTests
{
    private static readonly PciId Graphics = new(0x8086, 0x0300);
    private static readonly PciId Network = new(0x8086, 0x0200);
    private static readonly PciId OtherGraphics = new(0x10de, 0x0300);

    public static TheoryData<NoSnoopWish, PciId, bool, string> Rows => new()
    {
        { NoSnoopWish.On, Network, true, "no_snoop" },
        { NoSnoopWish.On, Network, false, "no_snoop" },
        { NoSnoopWish.Off, Graphics, true, "snoop" },
        { NoSnoopWish.Off, Graphics, false, "no_snoop unit_cannot_enforce" },
        { NoSnoopWish.Auto, Graphics, true, "no_snoop" },
        { NoSnoopWish.Auto, Graphics, false, "no_snoop" },
        { NoSnoopWish.Auto, Network, true, "snoop" },
        { NoSnoopWish.Auto, Network, false, "no_snoop unit_cannot_enforce" },
        { NoSnoopWish.Auto, OtherGraphics, true, "snoop" },
    };

    [Theory]
    [MemberData(nameof(Rows))]
    public void Decide_DefaultList_FollowsTheTable(NoSnoopWish wish, PciId id, bool unitCanEnforce, string text) =>
        Assert.Equal(text, NoSnoopChooser.Decide(wish, NoSnoopChooser.DefaultList, id, unitCanEnforce).Text);

    [Theory]
    [InlineData("10de:0300", true)]
    [InlineData("10de:03*", true)]
    [InlineData("10DE:*", true)]
    [InlineData("8086:*,10de:030*", true)]
    [InlineData("8086:*", false)]
    [InlineData("10de:0200", false)]
    public async Task Choose_List_MatchesVendorAndClassPrefix(string list, bool wantsNoSnoop)
    {
        var uapi = new FakeUapi(command => command is IoasidGetDevInfo ? InfoOf(OtherGraphics) : null);
        Flow flow = FlowParser.Parse($"iommu u\ndevice d behind u\nopen f /dev/ioasid\nx = choose f d list {list}\nioctl f IOASID_ALLOC x", "c.flow").Flow!;

        FlowResult result = await new FlowRunner(uapi, new HostId("h"), "s").Run(flow);

        Assert.Equal(wantsNoSnoop ? "0 no_snoop" : "0 snoop", result.Results[3].Reply.ToString());
        Assert.Equal(wantsNoSnoop ? SnoopFormat.NoSnoop : SnoopFormat.Snoop, Assert.IsType<IoasidAlloc>(uapi.Commands[^1]).Format);
    }

    [Fact]
    public async Task Choose_InfoRefused_IsTheRefusal()
    {
        var uapi = new FakeUapi(command => command is IoasidGetDevInfo ? Reply.Refuse(Errno.ENOENT) : null);
        Flow flow = FlowParser.Parse("iommu u\ndevice d behind u\nopen f /dev/ioasid\nx = choose f d => -ENOENT\nioctl f IOASID_ALLOC x", "c.flow").Flow!;

        FlowResult result = await new FlowRunner(uapi, new HostId("h"), "s").Run(flow);

        Assert.True(result.Results[3].Match);
        Assert.Null(Assert.IsType<IoasidAlloc>(uapi.Commands[^1]).Format);
    }

    private static Reply InfoOf(PciId id)
    {
        var unit = new IommuCapabilities(true, 48, IommuCapabilities.AllPageSizes, false, []);
        var device = new DeviceTraits(new UnitId("h/u"), new GroupId("h/d"), id, false, DeviceDriver.VfioPci, DriverOpens.AtBind, []);
        return Reply.With(new DeviceInfo(unit, device));
    }
}
