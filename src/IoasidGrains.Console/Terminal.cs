// The three streams of the command; the process's own, or a test's.
using System.Text;

namespace IoasidGrains.Console;

/// <summary>Results go to <paramref name="Out"/>, everything that may differ from run to run to <paramref name="Error"/>.</summary>
/// <param name="CanEdit">True if a person types at a terminal.</param>
/// <param name="ShowsProgress">True if a person watches standard error.</param>
public sealed record Terminal(TextReader In, TextWriter Out, TextWriter Error, bool CanEdit, bool ShowsProgress)
{
    private const int BufferSize = 16384, UsualColumns = 80;

    /// <summary>Characters in a line of the window, which may change; asked only if a person watches.</summary>
    public Func<int> Columns { get; init; } = static () => UsualColumns;

    /// <summary>Lines end in LF and text is UTF-8 everywhere, so that the bytes are the same on every system.</summary>
    public static Terminal OfThisProcess()
    {
        bool canEdit = !System.Console.IsInputRedirected && !System.Console.IsOutputRedirected;
        return new Terminal(
            System.Console.In,
            WriterOf(System.Console.OpenStandardOutput(), flushes: !System.Console.IsOutputRedirected),
            WriterOf(System.Console.OpenStandardError(), flushes: true),
            canEdit,
            !System.Console.IsErrorRedirected)
        {
            Columns = ColumnsOfWindow,
        };
    }

    private static int ColumnsOfWindow()
    {
        try
        {
            return System.Console.WindowWidth is > 0 and var columns ? columns : UsualColumns;
        }
        catch (IOException)
        {
            // Standard error is a terminal that does not tell.
            return UsualColumns;
        }
    }

    private static StreamWriter WriterOf(Stream stream, bool flushes) =>
        new(stream, new UTF8Encoding(false), BufferSize) { NewLine = "\n", AutoFlush = flushes };
}
