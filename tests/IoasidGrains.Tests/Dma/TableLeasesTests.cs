// Who holds translations of a page table, and for how long it must be waited for.
using IoasidGrains.Core;

namespace IoasidGrains.Tests;

public sealed class TableLeasesTests
{
    private const long Lease = FetchTranslations.LeaseAndDrift;
    private static readonly DeviceId A = MachineBed.A;
    private static readonly DeviceId B = MachineBed.B;

    private readonly TableLeases _leases;
    private long _now;

    public TableLeasesTests()
    {
        _leases = new TableLeases(new LocalViews(() => _now, long.MaxValue, _ => { }));
    }

    [Fact]
    public void Tell_NamesThoseWhoseLeaseLasts()
    {
        Assert.True(_leases.TryGrant(A, 1, heard: 0));
        _now = 100;
        Assert.True(_leases.TryGrant(B, 1, heard: 0));
        Assert.Equal([new CacheHolder(A, 1, Lease - 100), new CacheHolder(B, 1, Lease)], _leases.Tell([A, B, new DeviceId("h/C")], 7));
        _now = Lease;
        Assert.Equal([new CacheHolder(B, 1, 100)], _leases.Tell([A, B], 8));
    }

    [Fact]
    public void TryGrant_ToADeviceThatHasNotInvalidated_IsFalse_UntilItHas()
    {
        Assert.True(_leases.TryGrant(A, 1, heard: 0));
        _leases.Tell([A], 7);
        _now = 100;
        Assert.False(_leases.TryGrant(A, 1, heard: 0));
        Assert.Equal(Lease - 100, Assert.Single(_leases.Tell([A], 8)).LeaseLeft);
        Assert.False(_leases.TryGrant(A, 1, heard: 7));
        Assert.True(_leases.TryGrant(A, 1, heard: 8));
        Assert.Equal(Lease, Assert.Single(_leases.Tell([A], 9)).LeaseLeft);
    }

    [Fact]
    public void TryGrant_ToADeviceThatHasNotInvalidated_IsTrue_WhenItsLeaseIsOver()
    {
        Assert.True(_leases.TryGrant(A, 1, heard: 0));
        _leases.Tell([A], 7);
        _now = Lease;
        Assert.True(_leases.TryGrant(A, 1, heard: 0));
        _now++;
        Assert.True(_leases.TryGrant(A, 1, heard: 0));
    }

    [Fact]
    public void OverSinceTold_WaitsForNoLeaseThatCameLater()
    {
        Assert.True(_leases.TryGrant(A, 1, heard: 0));
        Assert.True(_leases.TryGrant(B, 1, heard: 0));
        _leases.Tell([A, B], 7);
        Assert.Equal(Lease, _leases.OverSinceTold([A, B])?.At);
        Assert.True(_leases.TryGrant(A, 1, heard: 7));
        Assert.Null(_leases.OverSinceTold([A]));
        Assert.Equal(Lease, _leases.Over(A)?.At);
        _now = Lease;
        Assert.True(_leases.TryGrant(B, 1, heard: 0));
        Assert.Null(_leases.OverSinceTold([A, B]));
    }

    [Fact]
    public void OverSinceTold_WaitsForAnAccessOfBefore_ThoughTheDeviceHasANewLease()
    {
        Assert.True(_leases.TryGrant(A, 1, heard: 0));
        _now = 100;
        _leases.GrantAccess(A, 1);
        _leases.Tell([A], 7);
        _now = Lease;
        Assert.True(_leases.TryGrant(A, 1, heard: 0));
        Assert.Equal(Lease + 100, _leases.OverSinceTold([A])?.At);
    }

    [Fact]
    public void GrantAccess_IsWaitedFor_AndProlongsNothingElse()
    {
        Assert.True(_leases.TryGrant(A, 1, heard: 0));
        _leases.Tell([A], 7);
        _now = 100;
        _leases.GrantAccess(A, 1);
        Assert.Equal(new CacheHolder(A, 1, Lease), Assert.Single(_leases.Tell([A], 8)));
        _now = Lease;
        Assert.True(_leases.TryGrant(A, 1, heard: 0));
    }

    [Fact]
    public void AnIncarnationThatIsFollowedByAnother_IsLost_AndWaitedForUntilItsLeaseIsOver()
    {
        Assert.True(_leases.TryGrant(A, 1, heard: 0));
        _now = 100;
        Assert.True(_leases.TryGrant(A, 2, heard: 0));
        Assert.True(_leases.IsLost(A, 1));
        Assert.False(_leases.IsLost(A, 2));
        Assert.Equal(new CacheHolder(A, CacheHolder.Unknown, Lease), Assert.Single(_leases.Tell([A], 7)));
        Assert.Equal(CacheHolder.Unknown, _leases.HolderOf(A));
        _now = Lease;
        Assert.Equal(2, _leases.HolderOf(A));
    }

    [Fact]
    public void AfterALoss_EverybodyIsWaitedForOnce()
    {
        _leases.FollowALoss();
        Assert.Equal(new CacheHolder(A, CacheHolder.Unknown, Lease), Assert.Single(_leases.Tell([A], 7)));
        Assert.NotNull(_leases.Over(B));
        Assert.NotNull(_leases.OverSinceTold([B]));
        Assert.False(_leases.TryGrant(A, 1, heard: 0));
        Assert.True(_leases.TryGrant(B, 1, heard: 0));
        Assert.Equal(CacheHolder.Unknown, _leases.HolderOf(B));
        _now = Lease;
        Assert.Null(_leases.Over(A));
        Assert.Null(_leases.OverSinceTold([A, B]));
        Assert.Empty(_leases.Tell([A, B], 8));
    }
}
