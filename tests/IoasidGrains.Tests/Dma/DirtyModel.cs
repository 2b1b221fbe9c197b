// What a dirty bitmap owes: the pages that completed writes have touched, from the workloads' own sources. The safety search compares with it.
using System.Collections;
using IoasidGrains.Core;

namespace IoasidGrains.Tests;

/// <summary>
/// Knows every write of a run, as a workload makes the same accesses everywhere. A write that was over before a bitmap was asked for must be in that answer
/// or an earlier one; one made between the question and the answer may be in either.
/// </summary>
internal sealed class DirtyModel(IReadOnlyList<DmaRun> runs, SafetyLayout layout)
{
    private readonly ulong[] _iovas = new ulong[DmaSource.MaxBurst];
    private readonly int[] _lengths = new int[DmaSource.MaxBurst];
    private readonly Dictionary<DmaRun, Writer> _writers = [];
    private readonly BitArray _owed = new(layout.Pages), _during = new(layout.Pages);

    private sealed class Writer(DmaSource source)
    {
        public DmaSource Source { get; } = source;

        public long Accesses { get; set; }
    }

    /// <summary>Tracking was turned on: nothing of before is owed.</summary>
    public void Forget()
    {
        Follow(_owed);
        _owed.SetAll(false);
    }

    /// <summary>A bitmap is asked for.</summary>
    public void Ask() => Follow(_owed);

    /// <summary>It was answered. Null, or the page that is missing in it.</summary>
    public ulong? Answered(DirtyBitmap bitmap, ulong length, bool cleared)
    {
        _during.SetAll(false);
        Follow(_during);
        HashSet<ulong> told = [.. bitmap.Pages()];
        for (ulong iova = bitmap.Iova; iova < bitmap.Iova + length; iova += Quantity.PageSize)
        {
            int page = layout.PageOf(iova);
            if (_owed[page] && !told.Contains(iova))
            {
                return iova;
            }

            _owed[page] &= !cleared;
            _during[page] &= !told.Contains(iova);
        }

        _owed.Or(_during);
        return null;
    }

    /// <summary>The pages of all bursts that were made since the last look.</summary>
    private void Follow(BitArray pages)
    {
        foreach (DmaRun run in runs)
        {
            if (!_writers.TryGetValue(run, out Writer? writer))
            {
                _writers.Add(run, writer = new Writer(DmaSources.Create(run.Workload)));
            }

            for (long made = run.Report().Accesses; writer.Accesses < made;)
            {
                DmaBurst burst = writer.Source.Next(_iovas, _lengths);
                writer.Accesses += burst.Accesses;
                for (int i = 0; i < burst.Count && burst.Access == DmaAccess.Write; i++)
                {
                    pages[layout.PageOf(_iovas[i])] = true;
                }
            }
        }
    }
}
