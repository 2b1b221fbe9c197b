// Until when devices may use what a page table gave them; each PageTable has one.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>
/// A device asks with the number of its incarnation. If a later incarnation asks too, the earlier one is lost, and may go on somewhere until its
/// lease is over (design, idea 8; reliability 3.4). One that did not answer an invalidation may keep nothing that it has.
/// </summary>
public sealed class TableLeases(LocalViews views)
{
    private readonly Dictionary<DeviceId, Lease> _leases = [];

    /// <param name="Lost">When the last lease of any other incarnation ends.</param>
    /// <param name="Barred">This incarnation holds what may be invalid: it is given no more time, until it says that it has dropped all.</param>
    private readonly record struct Lease(long Incarnation, long End, long Lost, bool Barred);

    /// <summary>From now on, and for all that the device was given before.</summary>
    public void Grant(DeviceId device, long incarnation)
    {
        long end = views.Now + FetchTranslations.LeaseAndDrift;
        Lease before = _leases.GetValueOrDefault(device, new Lease(incarnation, end, long.MinValue, Barred: false));
        _leases[device] = before.Incarnation == incarnation
            ? before with { End = end }
            : new Lease(incarnation, end, Math.Max(before.Lost, before.End), Barred: false);
    }

    /// <summary>False, and nothing granted, if this incarnation must drop what it has first.</summary>
    /// <param name="anew">It has.</param>
    public bool TryGrant(DeviceId device, long incarnation, bool anew)
    {
        if (_leases.TryGetValue(device, out Lease lease) && lease.Incarnation == incarnation && lease.Barred)
        {
            if (!anew)
            {
                return false;
            }

            _leases[device] = lease with { Barred = false };
        }

        Grant(device, incarnation);
        return true;
    }

    /// <summary>Nothing that this device was given so far is given more time.</summary>
    public void Bar(DeviceId device)
    {
        if (_leases.TryGetValue(device, out Lease lease))
        {
            _leases[device] = lease with { Barred = true };
        }
    }

    public void Remove(DeviceId device) => _leases.Remove(device);

    /// <summary>The device, the one incarnation that can hold translations (unknown if there may be more), and how long it can.</summary>
    public CacheHolder HolderOf(DeviceId device) => _leases.TryGetValue(device, out Lease lease)
        ? new CacheHolder(device, lease.Lost <= views.Now ? lease.Incarnation : CacheHolder.Unknown, Math.Max(0, Math.Max(lease.End, lease.Lost) - views.Now))
        : new CacheHolder(device, CacheHolder.Unknown, FetchTranslations.LeaseAndDrift);

    /// <summary>All that this device was given may be used no more.</summary>
    public bool IsOver(DeviceId device) => !_leases.TryGetValue(device, out Lease lease) || Math.Max(lease.End, lease.Lost) <= views.Now;

    /// <summary>Reached when no lease of these devices that was granted so far holds any more; null if none does.</summary>
    public Completion? Over(IEnumerable<DeviceId> devices)
    {
        long end = devices.Max(device => _leases.TryGetValue(device, out Lease lease) ? Math.Max(lease.End, lease.Lost) : long.MinValue);
        return end > views.Now ? new LeaseOver(views, end) : null;
    }
}
