// Reads a line from a terminal key by key: history, completion, editing keys. Used by the shell when a person types.
namespace IoasidGrains.Console;

/// <summary>One row of the terminal; a line longer than the row scrolls in it.</summary>
/// <param name="readKey">The next key.</param>
/// <param name="output">A terminal that understands <c>ESC [ K</c> and <c>ESC [ n C</c>.</param>
/// <param name="width">Columns of the terminal now.</param>
/// <param name="complete">Words that can stand where the text ends.</param>
public sealed class LineEditor(
    Func<ConsoleKeyInfo> readKey, TextWriter output, Func<int> width, LineHistory history, Func<string, IReadOnlyList<string>> complete)
{
    private const string Prompt = "ioasid> ";

    /// <summary>The line; empty after Ctrl-C; null at Ctrl-D on an empty line.</summary>
    public string? ReadLine()
    {
        var buffer = new LineBuffer();
        int at = history.Lines.Count;
        string draft = "";
        while (true)
        {
            Show(buffer);
            ConsoleKeyInfo key = readKey();
            bool control = key.Modifiers.HasFlag(ConsoleModifiers.Control);
            switch (key.Key)
            {
                case ConsoleKey.Enter:
                    return End(buffer.Text, buffer.Text);
                case ConsoleKey.C when control:
                    return End(buffer.Text + "^C", "");
                case ConsoleKey.D when control && buffer.Text.Length == 0:
                    return End("", null);
                case ConsoleKey.Tab:
                    Complete(buffer);
                    break;
                case ConsoleKey.L when control:
                    output.Write("\u001b[2J\u001b[H");
                    break;
                case ConsoleKey.UpArrow:
                case ConsoleKey.P when control:
                    draft = at == history.Lines.Count ? buffer.Text : draft;
                    at = Recall(buffer, at - 1, draft, at);
                    break;
                case ConsoleKey.DownArrow:
                case ConsoleKey.N when control:
                    at = Recall(buffer, at + 1, draft, at);
                    break;
                default:
                    buffer.Apply(key);
                    break;
            }
        }
    }

    private string? End(string shown, string? line)
    {
        output.Write($"\r{Prompt}{shown}\u001b[K\n");
        output.Flush();
        return line;
    }

    private int Recall(LineBuffer buffer, int wanted, string draft, int at)
    {
        if (wanted < 0 || wanted > history.Lines.Count)
        {
            return at;
        }

        buffer.Set(wanted == history.Lines.Count ? draft : history.Lines[wanted]);
        return wanted;
    }

    /// <summary>Completes as far as all candidates agree; if that is nowhere, lists them below.</summary>
    private void Complete(LineBuffer buffer)
    {
        string before = buffer.BeforeCursor;
        IReadOnlyList<string> words = complete(before);
        string typed = before[(before.LastIndexOfAny([' ', '\t']) + 1)..];
        string common = CommonPrefix(words);
        if (words.Count == 1)
        {
            buffer.Insert(common[typed.Length..] + (common.EndsWith("+0x", StringComparison.Ordinal) ? "" : " "));
        }
        else if (common.Length > typed.Length)
        {
            buffer.Insert(common[typed.Length..]);
        }
        else if (words.Count > 0)
        {
            output.Write($"\n{string.Join("  ", words)}\u001b[K\n");
        }
    }

    private static string CommonPrefix(IReadOnlyList<string> words)
    {
        string common = words.Count == 0 ? "" : words[0];
        foreach (string word in words)
        {
            common = common[..common.AsSpan().CommonPrefixLength(word)];
        }

        return common;
    }

    private void Show(LineBuffer buffer)
    {
        int room = Math.Max(8, width() - Prompt.Length - 1);
        int first = Math.Max(0, buffer.Cursor - room);
        string shown = buffer.Text[first..Math.Min(buffer.Text.Length, first + room)];
        output.Write($"\r{Prompt}{shown}\u001b[K\r\u001b[{Prompt.Length + buffer.Cursor - first}C");
        output.Flush();
    }
}
