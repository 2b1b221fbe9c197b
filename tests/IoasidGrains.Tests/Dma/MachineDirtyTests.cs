// What a client may rely on that asks again which pages were written.
using IoasidGrains.Core;

namespace IoasidGrains.Tests;

public sealed class MachineDirtyTests
{
    [Fact]
    public void GetDirtyBitmap_SentAgainAfterAnotherClientsRead_AnswersTheSame()
    {
        var bed = new MachineBed(new Machine());
        bed.Expect("0", MachineBed.Map(0, 4 * Quantity.PageSize));
        bed.Expect("0", MachineBed.Attach(MachineBed.A));
        bed.Expect("0", new SetDirtyTracking(MachineBed.Fd, MachineBed.One, true));
        Assert.True(bed.Call(new DeviceDma(MachineBed.A, Quantity.PageSize, 1, DmaAccess.Write, false, [7])).Succeeded);
        GetDirtyBitmap read = new(MachineBed.Fd, MachineBed.One, 0, 4 * Quantity.PageSize, Quantity.PageSize, false) { Request = new RequestId("one", 1) };

        Assert.Equal("0 dirty=1 at=0x1000", bed.Send(read).ToString());
        Assert.Equal("0 dirty=0", bed.Send(read with { Request = new RequestId("other", 1) }).ToString());
        Assert.Equal("0 dirty=1 at=0x1000", bed.Send(read).ToString());
    }
}
