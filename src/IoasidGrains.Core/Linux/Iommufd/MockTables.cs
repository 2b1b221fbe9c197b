// Which pages of a self test's mock tables a device has written. Used by dirty tracking, unmap and the self test.
using System.Collections.Immutable;
using IoasidGrains.Uapi;

namespace IoasidGrains.Core.Linux;

/// <summary>Pages are numbered in units of the mock's own page.</summary>
public static class MockTables
{
    public const ulong Page = 2048;

    public static ImmutableSortedSet<ulong> DirtyOf(IommufdContext context, uint table) => context.MockDirty.GetValueOrDefault(table, []);

    public static IommufdContext With(IommufdContext context, uint table, ImmutableSortedSet<ulong> dirty) =>
        context with { MockDirty = dirty.IsEmpty ? context.MockDirty.Remove(table) : context.MockDirty.SetItem(table, dirty) };

    /// <summary>What was noted of pages that are unmapped goes with them.</summary>
    public static IommufdContext Forget(IommufdContext context, Ioas ioas, List<IovaRange> ranges)
    {
        foreach (uint table in ioas.Tables.Where(context.MockDirty.ContainsKey))
        {
            ImmutableSortedSet<ulong> dirty = DirtyOf(context, table);
            context = With(context, table, dirty.Except(dirty.Where(page => ranges.Exists(range => range.Start <= page * Page && page * Page <= range.Last))));
        }

        return context;
    }
}
