// A run of a workload: translates and makes accesses beside the turns of its device. A runner takes one step of it after the other.
using System.Runtime.CompilerServices;
using IoasidGrains.PageTable;
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>
/// One thread at a time calls <see cref="Next"/> and <see cref="Take"/>; any thread may stop it, ask whether it is still, and take a report.
/// If the page table that the device is routed to is on this silo the run reads that (performance 6.3), else the device's own cache, which it fills by
/// messages. A section is at most 512 translations and the accesses made with them, and is over before anything that waits for it is answered.
/// Between messages it allocates nothing.
/// </summary>
public sealed class DmaRun
{
    private readonly DmaContext _context;
    private readonly LocalViews _views;
    private readonly AddressTranslationCache _cache;
    private readonly DmaSource _source;
    private readonly DmaCounts _counts = new();
    private readonly ulong[] _iovas = new ulong[DmaSource.MaxBurst], _words = new ulong[DmaSource.MaxBurst], _missing = new ulong[DmaSource.MaxBurst];
    private readonly int[] _lengths = new int[DmaSource.MaxBurst];
    private readonly FreedWatch? _watch;
    private readonly long _began;

    private DmaBurst _burst;
    private bool _hasBurst;
    private bool _wasLookedUp;
    private bool _inCache;
    private int _faults;
    private DmaPoint _point = DmaPoint.Made;
    private TableView? _view;
    private TableAudience? _audience;
    private TableReader? _reader;
    private GuestMemoryId[] _memories = [];
    private int _addressWidth;
    private long _asked, _leaseEnd = long.MinValue, _generation;

    /// <summary>The cache may hold something, which was leased until then.</summary>
    private bool _isLeased;
    private long _took = -1;

    /// <summary>When the lease of a run ends whose device was cut off from everybody.</summary>
    private long _cutOff = long.MaxValue;
    private volatile bool _isOpen;
    private int _state = (int)DmaRunState.Running;

    internal DmaRun(DmaContext context, DmaWorkload workload, LocalViews views, AddressTranslationCache cache)
    {
        (_context, Workload, _views, _cache) = (context, workload, views, cache);
        _source = DmaSources.Create(workload);
        _watch = workload.WatchFreed ? new FreedWatch(views) : null;
        _began = views.Now;
    }

    public DmaWorkload Workload { get; }

    public DeviceId Device => _context.Device;

    public long Number => _context.Number;

    /// <summary>Who asked for it.</summary>
    public RequestId Request => _context.Request;

    /// <summary>With <see cref="DmaPoint.Asks"/>: the object to ask.</summary>
    public ObjectId To { get; private set; }

    /// <summary>With <see cref="DmaPoint.Asks"/>: the question.</summary>
    public Command? Message { get; private set; }

    public bool IsOver => State != DmaRunState.Running;

    /// <summary>It is over and none of its accesses is under way.</summary>
    public bool IsStill => IsOver && !_isOpen;

    /// <summary>Whatever waits for its section to end waits for this run to be taken on.</summary>
    public bool IsInSection => _isOpen;

    private DmaRunState State => (DmaRunState)Volatile.Read(ref _state);

    /// <summary>Ends it, unless it is over already. Its last section may still be open: wait until <see cref="IsStill"/>.</summary>
    public void Stop(DmaRunState why)
    {
        if (Interlocked.CompareExchange(ref _state, (int)why, (int)DmaRunState.Running) == (int)DmaRunState.Running)
        {
            Volatile.Write(ref _took, _views.Now - _began);
        }
    }

    public DmaReport Report()
    {
        DmaRunState state = State;
        long took = Volatile.Read(ref _took);
        return _counts.Report(Number, state, _context.Unit.ScalableMode, took >= 0 ? took : _views.Now - _began);
    }

    /// <summary>Goes on to the next point. Not to be called when it is over, or while it asks.</summary>
    public DmaPoint Next()
    {
        _point = _point == DmaPoint.Translated ? Make() : Begin();
        return _point;
    }

    /// <summary>The answer to what it asked; null if that was lost.</summary>
    public void Take(Reply? reply)
    {
        if (_isOpen)
        {
            _watch!.Take(reply, _counts, _iovas);
            _point = DmaPoint.Translated;
            return;
        }

        _point = DmaPoint.Made;
        if (reply?.Errno == Errno.EAGAIN)
        {
            // It has missed an invalidation: all that it holds may be gone.
            _cache.InvalidateAll();
            _isLeased = false;
            return;
        }

        if (reply?.Status == ReplyStatus.NotDriven || reply is { Succeeded: false })
        {
            Stop(DmaRunState.Lost);
        }
        else if (reply is not null)
        {
            FillUnlessOver(reply);
        }
    }

    private DmaPoint Begin()
    {
        if (_counts.Accesses >= Workload.Accesses && !_hasBurst)
        {
            Stop(DmaRunState.Completed);
        }

        // Open first, then look: whoever stops the run either finds it open or is seen here.
        _isOpen = true;
        Interlocked.MemoryBarrier();
        if (IsOver)
        {
            return End();
        }

        if (!_hasBurst)
        {
            _burst = _source.Next(_iovas, _lengths);
            (_hasBurst, _wasLookedUp) = (true, false);
        }

        if (!EnterView())
        {
            return TranslateInCache();
        }

        if (_views.Now < Math.Min(_views.ValidUntil, _cutOff))
        {
            return TranslateInView();
        }

        _reader!.Leave();
        _isOpen = false;
        return DmaPoint.Paused;
    }

    /// <summary>For the Machine: nobody reaches the device any more, and it nobody. What it reads without messages was leased at this moment for the last time.</summary>
    internal void CutOff() => _cutOff = _views.Now + FetchTranslations.Lease;

    /// <summary>Opens a section of the table's own readers; false if the table is not on this silo.</summary>
    private bool EnterView()
    {
        while (true)
        {
            if (_reader is not null && _reader.TryEnter())
            {
                return true;
            }

            _reader?.Dispose();
            _reader = null;
            TableView? view = _views.Find(_context.Route.Table);
            if (view is null || view == _view)
            {
                // Not here; or here and revoked, and about to go.
                return false;
            }

            (_view, _audience) = (view, null);
            if (!view.TryRead(out _reader))
            {
                return false;
            }
        }
    }

    private DmaPoint TranslateInView()
    {
        TableAudience audience = _view!.Audience;
        if (audience != _audience)
        {
            if (!audience.Users.Contains(Device))
            {
                Stop(DmaRunState.Detached);
                _reader!.Leave();
                return End();
            }

            _audience = audience;
        }

        _inCache = false;
        _faults = _reader!.Translate(_iovas.AsSpan(0, _burst.Count), _words, _burst.Access, _context.Unit.EnforceSnoop);

        // Only now: an entry written a moment ago may lead to a memory that was not there before.
        _memories = _view.Audience.Memories;
        return DmaPoint.Translated;
    }

    private DmaPoint TranslateInCache()
    {
        long now = _views.Now;
        if (now >= _leaseEnd)
        {
            _cache.InvalidateAll();
            _isLeased = false;
        }
        else if (now >= _leaseEnd - (FetchTranslations.Lease * 3 / 4))
        {
            return Ask(_context.Route.Table.Object, new KeepTranslations(_context.Route.Table, Device, _context.Incarnation), now);
        }

        _inCache = true;
        _generation = _cache.Generation;
        _cache.Enter();
        _faults = _cache.Translate(
            _iovas.AsSpan(0, _burst.Count), _words, _burst.Access, _context.Unit.EnforceSnoop, _missing, out int missing);
        CountLookups(missing);
        if (missing == 0)
        {
            return DmaPoint.Translated;
        }

        _cache.Leave();
        ulong[] slots = _missing[..Math.Min(missing, FetchTranslations.MaxSlots)];
        return Ask(_context.Route.Table.Object, new FetchTranslations(_context.Route.Table, Device, _context.Incarnation, slots, Anew: !_isLeased), now);
    }

    /// <summary>A burst that comes back after a fill was looked up already.</summary>
    private void CountLookups(int missing)
    {
        if (!_wasLookedUp)
        {
            int missed = missing == 0 ? 0 : _words.AsSpan(0, _burst.Count).Count(TranslatedWord.Fault) - _faults;
            _counts.CountLookups(_burst.Count, missed);
            _wasLookedUp = true;
        }
    }

    private DmaPoint Ask(ObjectId to, Command message, long now)
    {
        (To, Message, _asked) = (to, message, now);
        _isOpen = false;
        return DmaPoint.Asks;
    }

    /// <summary>Once it is over and still the cache is the next run's, also if an answer comes late.</summary>
    private void FillUnlessOver(Reply reply)
    {
        _isOpen = true;
        Interlocked.MemoryBarrier();
        if (!IsOver)
        {
            Fill(reply);
        }

        _isOpen = false;
    }

    private void Fill(Reply reply)
    {
        if (_isLeased && _views.Now >= _leaseEnd)
        {
            // The lease ended while this was asked for: what was taken away since, nobody told this device. All that it holds goes, this too.
            return;
        }

        (_isLeased, _leaseEnd) = (true, _asked + FetchTranslations.Lease);
        if (reply.Outputs is not FetchedTranslations fetched)
        {
            return;
        }

        _counts.CountFill();
        (_memories, _addressWidth) = (fetched.Memories, fetched.AddressWidth);
        var slots = ((FetchTranslations)Message!).Slots;
        int leaf = 0;
        for (int i = 0; i < slots.Length; i++)
        {
            ulong entry = fetched.Entries[i];
            bool isTable = entry != 0 && !new IoPte(entry).IsLeaf(level: 2);
            ReadOnlySpan<ulong> entries = isTable ? fetched.Leaves.AsSpan(leaf++ * 512, 512) : default;
            if (!_cache.TryFill(_generation, slots[i], entry, entries))
            {
                // An invalidation came since it was asked for: what came back may be what it invalidated.
                return;
            }
        }
    }

    /// <summary>Makes the accesses. Their bytes go nowhere; what is looked at is whether they may reach the pages.</summary>
    private DmaPoint Make()
    {
        ReadOnlySpan<ulong> words = _words.AsSpan(0, _burst.Count);
        if (IsOver)
        {
            _watch?.GiveUp();
        }
        else if (_watch?.Look(words, _memories, _counts, _iovas) is { } question)
        {
            (To, Message) = (question.Memory.Object, question);
            return DmaPoint.Asks;
        }

        _counts.Count(_burst, _lengths);
        if (_faults > 0)
        {
            CountFaults(words);
        }

        if (_inCache)
        {
            _cache.Leave();
        }
        else
        {
            _reader!.Leave();
        }

        _hasBurst = false;
        _isOpen = false;
        return DmaPoint.Made;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void CountFaults(ReadOnlySpan<ulong> words)
    {
        for (int i = 0; i < words.Length; i++)
        {
            if (words[i] == TranslatedWord.Fault)
            {
                DmaFault fault = !_inCache ? _reader!.Table.Translate(_iovas[i], _burst.Access, _context.Unit.EnforceSnoop).Fault
                    : _iovas[i] >> _addressWidth != 0 ? DmaFault.BeyondWidth
                    : _cache.FaultOf(_iovas[i], _burst.Access, _context.Unit.EnforceSnoop);
                if (fault == DmaFault.None)
                {
                    // Mapped since: the entry was not there when it was translated.
                    fault = (_burst.Access & DmaAccess.Write) != 0 ? DmaFault.NoWrite : DmaFault.NoRead;
                }

                _counts.CountFault(fault, _iovas[i], _lengths[i]);
            }
        }
    }

    /// <summary>For a runner whose step threw: ends it where it is, so that nothing waits for it. It must not be taken on.</summary>
    public void Abandon()
    {
        Stop(DmaRunState.Lost);
        if (_isOpen && _inCache)
        {
            _cache.Leave();
        }

        End();
    }

    private DmaPoint End()
    {
        _reader?.Dispose();
        _reader = null;
        _isOpen = false;
        return DmaPoint.Over;
    }
}

/// <summary>What a run knows of its device.</summary>
/// <param name="Number">Of the run; no other run of this device had it.</param>
/// <param name="Incarnation">Of the device object: leases are granted to it.</param>
internal sealed record DmaContext(long Number, RequestId Request, DeviceId Device, long Incarnation, DmaRoute Route, IommuCapabilities Unit);
