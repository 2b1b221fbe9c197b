// What a turn may have to wait for besides answers: readers without messages, and leases.
using IoasidGrains.PageTable;

namespace IoasidGrains.Core;

/// <summary>Something that other threads or the clock bring about. The runner of a turn that awaits it takes the next step when it is reached.</summary>
public abstract class Completion
{
    /// <summary>Any thread may ask; once true it stays true, unless it says otherwise.</summary>
    public abstract bool IsReached { get; }

    /// <summary>When it is reached at the latest, by the clock of the objects' <see cref="LocalViews"/>; null: as soon as a reader leaves its section.</summary>
    public virtual long? At => null;

    /// <summary>Both of two, either of which may be absent.</summary>
    public static Completion? Both(Completion? one, Completion? other) => one is null ? other : other is null ? one : new Pair(one, other);

    private sealed class Pair(Completion one, Completion other) : Completion
    {
        public override bool IsReached => one.IsReached && other.IsReached;

        public override long? At => one.At is { } a && other.At is { } b ? Math.Max(a, b) : one.At ?? other.At;
    }
}

/// <summary>No reader of a page table is in a section that it entered before this epoch.</summary>
public sealed class ReadersGone(DensePageTable table, long epoch) : Completion
{
    public override bool IsReached => table.HasPassed(epoch);
}

/// <summary>No access of a device is under way that used what its cache held before this epoch.</summary>
public sealed class CacheLeft(AddressTranslationCache cache, long epoch) : Completion
{
    public override bool IsReached => cache.HasPassed(epoch);
}

/// <summary>A run of a workload makes no access any more.</summary>
public sealed class RunStopped(DmaRun run) : Completion
{
    public override bool IsReached => run.IsStill;
}

/// <summary>A page table may grant leases again: its silo has shown that it is not cut off. Or it never will. The renewal may be over again when the turn goes on.</summary>
public sealed class ViewRenewed(LocalViews views, TableView view) : Completion
{
    public override bool IsReached => views.Now < view.ValidUntil || view.IsEnded;
}

/// <summary>A lease is over.</summary>
/// <param name="end">By the clock of <paramref name="views"/>.</param>
public sealed class LeaseOver(LocalViews views, long end) : Completion
{
    public override bool IsReached => views.Now >= end;

    public override long? At => end;
}
