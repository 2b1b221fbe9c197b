// Until when devices may use what a page table gave them; each PageTable has one.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>
/// A device asks with the number of its incarnation. If a later incarnation asks too, the earlier one is lost, and may go on somewhere until its
/// lease is over (design, idea 8; reliability 3.4). While an invalidation is not carried out by a device its lease is not prolonged, so that it does end if the
/// device is silent.
/// </summary>
public sealed class TableLeases(LocalViews views)
{
    private const long Never = long.MinValue;

    private readonly Dictionary<DeviceId, Lease> _leases = [];

    /// <summary>When all ends that tables before this one may have given to anybody.</summary>
    private long _before = Never;

    /// <param name="Access">By when the last access that was translated by itself is made.</param>
    /// <param name="Lost">When the last lease of any other incarnation ends.</param>
    /// <param name="Told">The number of an invalidation that it has not carried out as far as is known; 0: none.</param>
    private readonly record struct Lease(long Incarnation, long End, long Access, long Lost, long Told)
    {
        public long LastEnd => Math.Max(Math.Max(End, Access), Lost);
    }

    /// <summary>The table follows one that was lost: who had leases of that, and until when, is not known.</summary>
    public void FollowALoss()
    {
        _before = views.Now + FetchTranslations.LeaseAndDrift;
        _leases.Clear();
    }

    /// <summary>For one access, from now on. It prolongs nothing that the device holds.</summary>
    public void GrantAccess(DeviceId device, long incarnation) => _leases[device] = IsLost(device, incarnation)
        ? _leases[device] with { Lost = NewEnd }
        : Granted(device, incarnation) with { Access = NewEnd };

    /// <summary>From now on, and for all that the device was given before. False, and nothing granted, if it must carry out an invalidation first.</summary>
    /// <param name="device">Who asks.</param>
    /// <param name="incarnation">Not one that <see cref="IsLost"/>.</param>
    /// <param name="heard">The number of the last invalidation that it has carried out.</param>
    public bool TryGrant(DeviceId device, long incarnation, long heard)
    {
        bool isUntold = Of(device) is { } known && known.Told != heard && known.Told != 0
            && (known.Incarnation == incarnation || known.Incarnation == CacheHolder.Unknown);
        if (isUntold && Of(device)!.Value.End > views.Now)
        {
            return false;
        }

        // If it did not invalidate it holds nothing of before all the same; but an access of before may still be under way.
        Lease lease = Granted(device, incarnation);
        _leases[device] = lease with { End = NewEnd, Lost = isUntold ? Math.Max(lease.Lost, lease.Access) : lease.Lost, Told = 0 };
        return true;
    }

    /// <summary>A later incarnation has asked.</summary>
    public bool IsLost(DeviceId device, long incarnation) => _leases.TryGetValue(device, out Lease lease) && incarnation < lease.Incarnation;

    /// <summary>Of these devices those that may hold something. Until they show this number their leases are not prolonged.</summary>
    public CacheHolder[] Tell(IEnumerable<DeviceId> devices, long number)
    {
        List<CacheHolder> holders = [];
        foreach (DeviceId device in devices)
        {
            if (Of(device) is { } lease && lease.LastEnd > views.Now)
            {
                _leases[device] = lease with { Told = number };
                holders.Add(new CacheHolder(device, lease.Lost <= views.Now ? lease.Incarnation : CacheHolder.Unknown, lease.LastEnd - views.Now));
            }
        }

        return [.. holders];
    }

    public void Remove(DeviceId device) => _leases.Remove(device);

    /// <summary>The one incarnation that can hold translations; unknown if there may be more.</summary>
    public long HolderOf(DeviceId device) => Of(device) is { } lease && lease.Lost <= views.Now ? lease.Incarnation : CacheHolder.Unknown;

    /// <summary>All that this device was given may be used no more.</summary>
    public bool IsOver(DeviceId device) => Of(device) is not { } lease || lease.LastEnd <= views.Now;

    /// <summary>Reached when no lease of this device that was granted so far holds any more; null if none does.</summary>
    public Completion? Over(DeviceId device) => OverAt(Of(device)?.LastEnd ?? Never);

    /// <summary>
    /// Reached when these devices can hold nothing any more from before they were told of the last invalidation; null if they do not. Whoever has a new lease
    /// since had carried it out, or held nothing.
    /// </summary>
    public Completion? OverSinceTold(IEnumerable<DeviceId> devices) =>
        OverAt(devices.Max(device => Of(device) is not { } lease ? Never : lease.Told != 0 ? lease.LastEnd : lease.Lost));

    private LeaseOver? OverAt(long end) => end > views.Now ? new LeaseOver(views, end) : null;

    private long NewEnd => views.Now + FetchTranslations.LeaseAndDrift;

    /// <summary>What this incarnation has; one that was not known before has nothing, and what was known before is another's.</summary>
    private Lease Granted(DeviceId device, long incarnation) => Of(device) is not { } lease ? new Lease(incarnation, Never, Never, Never, 0)
        : lease.Incarnation == incarnation ? lease
        : new Lease(incarnation, Never, Never, lease.LastEnd, 0);

    private Lease? Of(DeviceId device) => _leases.TryGetValue(device, out Lease lease) ? lease
        : _before > views.Now ? new Lease(CacheHolder.Unknown, _before, Never, _before, 0)
        : null;
}
