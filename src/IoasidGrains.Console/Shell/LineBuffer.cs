// The line being typed and the cursor in it; edited by LineEditor.
namespace IoasidGrains.Console;

/// <summary>Text with a cursor. Every edit is a pure change of the two.</summary>
public sealed class LineBuffer
{
    public string Text { get; private set; } = "";

    /// <summary>0..length.</summary>
    public int Cursor { get; private set; }

    public string BeforeCursor => Text[..Cursor];

    /// <summary>Replaces the whole line; the cursor is at its end.</summary>
    public void Set(string text) => (Text, Cursor) = (text, text.Length);

    public void Insert(string text) => (Text, Cursor) = (Text.Insert(Cursor, text), Cursor + text.Length);

    /// <summary>Applies an editing key; false if the key edits nothing.</summary>
    public bool Apply(ConsoleKeyInfo key)
    {
        bool control = key.Modifiers.HasFlag(ConsoleModifiers.Control);
        switch (key.Key)
        {
            case ConsoleKey.LeftArrow or ConsoleKey.B when key.Key == ConsoleKey.LeftArrow || control:
                Cursor = control && key.Key == ConsoleKey.LeftArrow ? WordStart() : Math.Max(0, Cursor - 1);
                return true;
            case ConsoleKey.RightArrow or ConsoleKey.F when key.Key == ConsoleKey.RightArrow || control:
                Cursor = control && key.Key == ConsoleKey.RightArrow ? WordEnd() : Math.Min(Text.Length, Cursor + 1);
                return true;
            case ConsoleKey.Home:
            case ConsoleKey.A when control:
                Cursor = 0;
                return true;
            case ConsoleKey.End:
            case ConsoleKey.E when control:
                Cursor = Text.Length;
                return true;
            case ConsoleKey.Backspace:
            case ConsoleKey.H when control:
                Remove(Math.Max(0, Cursor - 1), Cursor);
                return true;
            case ConsoleKey.Delete:
            case ConsoleKey.D when control:
                Remove(Cursor, Math.Min(Text.Length, Cursor + 1));
                return true;
            case ConsoleKey.U when control:
                Remove(0, Cursor);
                return true;
            case ConsoleKey.K when control:
                Remove(Cursor, Text.Length);
                return true;
            case ConsoleKey.W when control:
                Remove(WordStart(), Cursor);
                return true;
            default:
                return InsertTyped(key.KeyChar);
        }
    }

    private bool InsertTyped(char typed)
    {
        if (char.IsControl(typed))
        {
            return false;
        }

        Insert(typed.ToString());
        return true;
    }

    private void Remove(int start, int end) => (Text, Cursor) = (Text.Remove(start, end - start), start);

    private int WordStart()
    {
        int at = Cursor;
        while (at > 0 && Text[at - 1] == ' ')
        {
            at--;
        }

        while (at > 0 && Text[at - 1] != ' ')
        {
            at--;
        }

        return at;
    }

    private int WordEnd()
    {
        int at = Cursor;
        while (at < Text.Length && Text[at] == ' ')
        {
            at++;
        }

        while (at < Text.Length && Text[at] != ' ')
        {
            at++;
        }

        return at;
    }
}
