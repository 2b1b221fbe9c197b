// One word of a line and where it stands; cut by FlowLexer, read by WordCursor.
namespace IoasidGrains.Flows;

/// <summary>A word of a flow.</summary>
/// <param name="Text">As it stands in the file, with its quotes if it has any.</param>
/// <param name="Column">Of its first character, from 1.</param>
/// <param name="Quoted">Written as <c>"text"</c>; may hold blanks.</param>
internal readonly record struct FlowWord(string Text, int Column, bool Quoted)
{
    public int EndColumn => Column + Text.Length;

    /// <summary>Without the quotes.</summary>
    public string Content => Quoted ? Text[1..^1] : Text;
}
