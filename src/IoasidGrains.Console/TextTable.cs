// Columns of text; used by every verb that prints a table.
namespace IoasidGrains.Console;

/// <summary>Rows of cells as lines, two blanks between the columns.</summary>
internal static class TextTable
{
    /// <param name="rows">The heading first; all of one length.</param>
    /// <param name="isNumber">Columns that stand at their right edge; null: none.</param>
    public static IEnumerable<string> Lines(IReadOnlyList<string[]> rows, Func<int, bool>? isNumber = null)
    {
        int[] widths = [.. Enumerable.Range(0, rows[0].Length).Select(column => rows.Max(row => row[column].Length))];
        return rows.Select(row => string.Join("  ", row.Select((cell, column) =>
            isNumber?.Invoke(column) == true ? cell.PadLeft(widths[column]) : cell.PadRight(widths[column]))).TrimEnd());
    }
}
