// Random operations on the dense page table, on its model, and on the radix table: same answers, same leaves, same tables.
using IoasidGrains.PageTable;

namespace IoasidGrains.Tests;

public sealed class PageTableModelTests
{
    private const int HistoriesPerRow = 168;
    private const int OperationsPerHistory = 500;
    private const ulong M = 1UL << 20, G = 1UL << 30;

    private sealed record Operation(bool Map, IovaRange Range, ulong Physical, DmaAccess Access, ulong Probe)
    {
        public override string ToString() =>
            $"{(Map ? $"map {Range} to 0x{Physical:x} {Access}" : $"unmap {Range}")}, then look at 0x{Probe:x}";
    }

    /// <summary>Every width, with every set of page sizes: 12 rows of 84,000 operations. The seed of a row is its number.</summary>
    public static TheoryData<int, int, ulong> Rows()
    {
        var rows = new TheoryData<int, int, ulong>();
        int[] widths = [39, 48, 57];
        ulong[] sizes = [4096, 4096 | (2 * M), 4096 | G, IommuCapabilities.AllPageSizes];
        foreach (var (width, pageSizes) in from width in widths from set in sizes select (width, set))
        {
            rows.Add(rows.Count() + 1, width, pageSizes);
        }

        return rows;
    }

    [Theory]
    [MemberData(nameof(Rows))]
    public void RandomOperations_AnswerAsTheModelDoes(int row, int width, ulong pageSizes)
    {
        for (int history = 0; history < HistoriesPerRow; history++)
        {
            int seed = row * 1000 + history;
            List<Operation> operations = Draw(new Random(seed), width, pageSizes);
            bool snoop = history % 2 == 0;
            if (Difference(operations, width, pageSizes, snoop) is not null)
            {
                operations = ShortestHistory.Of(operations, shorter => Difference(shorter, width, pageSizes, snoop) is not null);
                Assert.Fail($"seed {seed}, width {width}, sizes 0x{pageSizes:x}, enforce snoop {snoop}: "
                    + $"{Difference(operations, width, pageSizes, snoop)}\n{string.Join('\n', operations)}");
            }
        }
    }

    [Fact]
    public void ShortestHistory_KeepsOnlyWhatTheFailureNeeds()
    {
        List<int> failing = [.. Enumerable.Range(0, 500)];

        Assert.Equal([17, 18, 444], ShortestHistory.Of(failing, list => list.Contains(17) && list.Contains(18) && list.Contains(444)));
    }

    /// <summary>What the table did that the model does not say; null if nothing. Everything is compared every 100 operations and at the end.</summary>
    private static string? Difference(List<Operation> operations, int width, ulong pageSizes, bool snoop)
    {
        using var table = new DensePageTable(width, snoop, pageSizes);
        using var radix = new RadixPageTable(width, snoop, pageSizes);
        var model = new PageTableModel(width, pageSizes);
        try
        {
            for (int i = 0; i < operations.Count; i++)
            {
                string? difference = Step(table, model, operations[i], snoop)
                    ?? Agree(table, radix, operations[i])
                    ?? (i % 100 == 99 || i == operations.Count - 1 ? Compare(table, model, snoop) ?? Agree(table, radix, operations[..(i + 1)]) : null);
                if (difference is not null)
                {
                    return $"operation {i + 1}: {difference}";
                }
            }
        }
        catch (Exception exception) when (exception is InvalidOperationException or NullReferenceException or IndexOutOfRangeException or ArgumentException)
        {
            return exception.ToString();
        }

        return null;
    }

    private static string? Step(DensePageTable table, PageTableModel model, Operation operation, bool snoop)
    {
        var (expected, answered) = operation.Map
            ? (model.Map(operation.Range, operation.Physical, operation.Access), table.Map(operation.Range, operation.Physical, operation.Access))
            : (model.Unmap(operation.Range), table.Unmap(operation.Range));
        if (expected != answered)
        {
            return $"{operation} answered {answered}, not {expected}";
        }

        foreach (ulong iova in (ReadOnlySpan<ulong>)[operation.Range.Start, operation.Range.Last, operation.Probe])
        {
            ModelPage? page = model.PageAt(iova);
            for (DmaAccess need = DmaAccess.Read; need <= DmaAccess.ReadWrite; need++)
            {
                Translation wanted = model.Translate(iova, page, need, snoop);
                Translation found = table.Translate(iova, need, unitEnforcesSnoop: true);
                if (wanted != found)
                {
                    return $"{need} at 0x{iova:x} found {found}, not {wanted}";
                }
            }
        }

        return model.Pages.Count == table.LeafCount ? null : $"{table.LeafCount} leaves counted, not {model.Pages.Count}";
    }

    /// <summary>Does the same to the radix table, and compares the range.</summary>
    private static string? Agree(DensePageTable table, RadixPageTable radix, Operation operation)
    {
        _ = operation.Map ? radix.Map(operation.Range, operation.Physical, operation.Access) : radix.Unmap(operation.Range);
        if (operation.Range.Start > operation.Range.Last)
        {
            return null;
        }

        var around = new IovaRange(operation.Range.Start, Math.Max(operation.Range.Start, Math.Min(operation.Range.Last, operation.Range.Start + (M / 4))));
        Span<PhysicalSegment> wanted = stackalloc PhysicalSegment[4];
        Span<PhysicalSegment> found = stackalloc PhysicalSegment[4];
        RangeTranslation expected = radix.TranslateRange(around, DmaAccess.Read, true, wanted);
        RangeTranslation answered = table.TranslateRange(around, DmaAccess.Read, true, found);
        return expected == answered && wanted[..expected.Segments].SequenceEqual(found[..answered.Segments]) ? null
            : $"{around} translated to {answered}, not {expected}";
    }

    /// <summary>All places that were touched, as one batch: gathered, on spans and by the radix table, for units with and without Snoop Control.</summary>
    private static string? Agree(DensePageTable table, RadixPageTable radix, List<Operation> operations)
    {
        ulong[] iovas = [.. operations.SelectMany(operation => (ulong[])[operation.Range.Start, operation.Range.Last, operation.Probe])];
        foreach (var (need, snoopControl) in from need in (DmaAccess[])[DmaAccess.Read, DmaAccess.Write, DmaAccess.ReadWrite]
                                             from control in (bool[])[false, true] select (need, control))
        {
            ulong[][] words = [new ulong[iovas.Length], new ulong[iovas.Length], new ulong[iovas.Length]];
            int expected = radix.Translate(iovas, words[0], need, snoopControl);
            int gathered = table.Translate(iovas, words[1], need, snoopControl);
            int onSpans = table.TranslateOnSpans(iovas, words[2], need, snoopControl);
            if ((expected, expected) != (gathered, onSpans) || !words[0].SequenceEqual(words[1]) || !words[0].SequenceEqual(words[2]))
            {
                return $"a batch for {need} had {gathered} faults gathered, {onSpans} on spans, not {expected}, or other words";
            }
        }

        return null;
    }

    private static string? Compare(DensePageTable table, PageTableModel model, bool snoop)
    {
        table.CheckAll();
        var wanted = model.Pages.Select(page => (page.Start, page.Size, Leaf(page, snoop)));
        return !table.Leaves().SequenceEqual(wanted) ? "the leaves differ"
            : table.Tables != model.Tables() ? $"{table.Tables} tables, not {model.Tables()}"
            : null;
    }

    /// <summary>The entry as domain 6.1 draws it, written out by number.</summary>
    private static IoPte Leaf(ModelPage page, bool snoop) =>
        new(page.Physical + (ulong)page.Access + (page.Size > 4096 ? 0x80UL : 0) + (snoop ? 0x800UL : 0));

    private static List<Operation> Draw(Random random, int width, ulong pageSizes) =>
        [.. Enumerable.Range(0, OperationsPerHistory).Select(_ => Draw(random, width, pageSizes, random.Next(5) < 3))];

    private static Operation Draw(Random random, int width, ulong pageSizes, bool map)
    {
        ulong unit = Unit(random, pageSizes);
        ulong start = Anchor(random, width) + (ulong)random.NextInt64(-4, 5) * unit;
        ulong length = (ulong)random.Next(1, 4) * unit + (random.Next(3) == 0 ? (ulong)random.Next(1, 20) * 4096 : 0);
        if (random.Next(40) == 0)
        {
            length += (ulong)random.Next(1, 4096);
        }

        // A page that does not fit may fall apart into pages of the next size, but not into 262,144.
        bool aligned = unit == G && (pageSizes & (2 * M)) == 0;
        start -= aligned ? start % G : 0;
        ulong offset = !aligned && random.Next(4) == 0 ? (ulong)random.Next(0, 512) * Math.Max(4096, unit / 512) : 0;
        ulong physical = 64 * G + (start % G) + offset;
        IovaRange.TryCreate(start, length, out IovaRange range);
        return new Operation(map, range, physical, (DmaAccess)random.Next(random.Next(10) == 0 ? 0 : 1, 4), start + (ulong)random.NextInt64((long)(8 * unit)));
    }

    /// <summary>Mostly small steps; large ones only where the unit has such pages, as else they would be very many leaves.</summary>
    private static ulong Unit(Random random, ulong pageSizes) => random.Next(10) switch
    {
        0 or 1 when (pageSizes & G) != 0 => G,
        2 or 3 or 4 when (pageSizes & (2 * M)) != 0 => 2 * M,
        5 => 64 * 4096,
        _ => 4096,
    };

    /// <summary>Places where something begins or ends: a table of some level, the address space.</summary>
    private static ulong Anchor(Random random, int width) => random.Next(6) switch
    {
        0 => 4 * G,
        1 => 4 * G + 2 * M,
        2 => 5 * G,
        3 => 8 * G + 6 * M,
        4 => 1UL << (width - 1),
        _ => (1UL << width) - (1UL << random.Next(12, 32)),
    };
}
