// A run of a workload: translates and makes accesses beside the turns of its device. A runner takes one step of it after the other.
using System.Runtime.CompilerServices;
using IoasidGrains.PageTable;
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>What a run has come to.</summary>
public enum DmaPoint
{
    /// <summary>It has translated a burst and has not made the accesses yet: its section is open.</summary>
    Translated,

    /// <summary>The section is over: its accesses are made, unless a lease ended before that; then the same burst is translated again.</summary>
    Made,

    /// <summary>It needs an answer to <see cref="DmaRun.Message"/> from <see cref="DmaRun.To"/> before it can go on.</summary>
    Asks,

    /// <summary>It can do nothing before <see cref="DmaRun.Until"/> is reached, or somebody stops it.</summary>
    Waits,

    /// <summary>It is over.</summary>
    Over,
}

/// <summary>
/// One thread at a time calls <see cref="Next"/> and <see cref="Take"/>; any thread may stop it, ask whether it is still, and take a report.
/// If the page table that the device is routed to is on this silo the run reads that (performance 6.3), else the device's own cache, which it fills by
/// messages. Either is leased: accesses are made only while the lease lasts, so that nobody need wait longer for a silo that is cut off.
/// A section is at most 512 translations and the accesses made with them, and is over before anything that waits for it is answered.
/// Between messages it allocates nothing.
/// </summary>
public sealed partial class DmaRun
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
    private long _asked, _leaseEnd = long.MinValue, _keepAt, _generation, _heard;

    /// <summary>The cache may hold something, which was leased until then.</summary>
    private bool _isLeased;

    /// <summary>What the clock said last.</summary>
    private long _now;
    private long _took = -1;
    private volatile bool _isOpen;
    private int _state = (int)DmaRunState.Running;

    internal DmaRun(DmaContext context, DmaWorkload workload, LocalViews views, AddressTranslationCache cache)
    {
        (_context, Workload, _views, _cache) = (context, workload, views, cache);
        _source = DmaSources.Create(workload);
        _watch = workload.WatchFreed ? new FreedWatch(views) : null;
        _began = _now = views.Now;
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

    /// <summary>
    /// With <see cref="DmaPoint.Waits"/>: the page table is on this silo, and the silo has to renew its lease; or what was asked for was not granted yet, and
    /// asking again before then is of no use.
    /// </summary>
    public Completion? Until { get; private set; }

    /// <summary>The number of the last invalidation of its cache. Its device sets it after that.</summary>
    internal long Heard
    {
        get => Volatile.Read(ref _heard);
        set => Volatile.Write(ref _heard, value);
    }

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
            if (!IsLeaseOver())
            {
                _watch!.Take(reply, _counts, _iovas);
            }

            _point = DmaPoint.Translated;
            return;
        }

        _point = DmaPoint.Made;
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
        if (Until is { IsReached: false } && !IsOver)
        {
            return DmaPoint.Waits;
        }

        Until = null;
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

        if (EnterView())
        {
            return TranslateInView();
        }

        return Until is null ? TranslateInCache() : LeaveUnused();
    }

    private DmaPoint LeaveUnused()
    {
        _isOpen = false;
        return DmaPoint.Waits;
    }

    /// <summary>
    /// Opens a section of the table's own readers. False if the table is not on this silo; or if the silo's lease was over when the clock was read last: then it
    /// says until when. Before the accesses are made the clock is read again.
    /// </summary>
    private bool EnterView()
    {
        while (true)
        {
            if (_reader is not null && _now < _view!.ValidUntil)
            {
                if (_reader.TryEnter())
                {
                    return true;
                }

                _reader.Dispose();
                _reader = null;
            }

            TableView? view = _views.Find(_context.Route.Table);
            if (view is null || view == _view)
            {
                // Not here; or here and not valid now; or revoked, and about to go.
                Until = view is not null && _reader is not null ? new ViewRenewed(_views, view) : null;
                return false;
            }

            _reader?.Dispose();
            (_reader, _view, _audience) = (null, view, null);
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

    /// <summary>Makes the accesses. Their bytes go nowhere; what is looked at is whether they may reach the pages.</summary>
    private DmaPoint Make()
    {
        ReadOnlySpan<ulong> words = _words.AsSpan(0, _burst.Count);
        if (IsOver)
        {
            _watch?.GiveUp();
        }
        else if (IsLeaseOver())
        {
            _watch?.GiveUp();
            return LeaveSection();
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

        _hasBurst = false;
        return LeaveSection();
    }

    /// <summary>A thread may have been put aside, or the whole silo, for any time since it translated.</summary>
    private bool IsLeaseOver()
    {
        _now = _views.Now;
        return _now >= (_inCache ? _leaseEnd : _view!.ValidUntil);
    }

    private DmaPoint LeaveSection()
    {
        if (_inCache)
        {
            _cache.Leave();
        }
        else
        {
            _reader!.Leave();
        }

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
