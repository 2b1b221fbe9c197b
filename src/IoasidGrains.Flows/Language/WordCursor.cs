// Walks over the words of one line for the grammars; remembers the first problem and what could have stood there.
using IoasidGrains.Uapi;

namespace IoasidGrains.Flows;

/// <summary>What is wrong at one column of a line.</summary>
internal sealed record FlowProblem(int Column, string Found, string Expected, string? Nearest);

/// <summary>
/// Every Take says what it wants. After the first problem all of them return empty values, so that a grammar is straight-line code.
/// What was wanted where the words end is what completion offers.
/// </summary>
internal sealed class WordCursor(IReadOnlyList<FlowWord> words, int endColumn, FlowScope scope, string client)
{
    private readonly List<string> _considered = [];
    private int _next;

    public FlowProblem? Problem { get; private set; }

    public FlowScope Scope => scope;

    public string Client => client;

    /// <summary>Words that could stand behind the last one; empty if the problem is further left.</summary>
    public IReadOnlyList<string> Offered => _next == words.Count ? _considered : [];

    /// <summary>True if nothing is left to read.</summary>
    public bool AtEnd => Problem is not null || _next == words.Count;

    /// <summary>The word to be read; empty at the end.</summary>
    public FlowWord Next => AtEnd ? new FlowWord("", endColumn, false) : words[_next];

    /// <summary>The text of a later word; empty past the end.</summary>
    public string Ahead(int distance) => _next + distance < words.Count ? words[_next + distance].Text : "";

    public void Consider(params IEnumerable<string> candidates)
    {
        if (Problem is null)
        {
            _considered.AddRange(candidates);
        }
    }

    public FlowWord Take()
    {
        FlowWord word = Next;
        if (!AtEnd)
        {
            _next++;
            _considered.Clear();
        }

        return word;
    }

    /// <summary>Takes the word if it is this one.</summary>
    public bool TakeIf(string word)
    {
        Consider(word);
        bool taken = !AtEnd && Next.Text == word;
        if (taken)
        {
            Take();
        }

        return taken;
    }

    /// <summary>Takes one of these words; null if another one, or none, is next.</summary>
    public string? TakeIfAny(IEnumerable<string> options)
    {
        string[] known = [.. options];
        Consider(known);
        return !AtEnd && known.Contains(Next.Text) ? Take().Text : null;
    }

    /// <summary>Takes one of these words; anything else is a problem.</summary>
    public string TakeOneOf(string expected, IEnumerable<string> options)
    {
        string? word = TakeIfAny(options);
        if (word is null)
        {
            Fail(expected);
        }

        return word ?? "";
    }

    public ulong TakeNumber(string expected = "a number such as 4096, 0x1000, 4K or 2M", ulong largest = ulong.MaxValue)
    {
        if (Next.Quoted || !Quantity.TryParse(Next.Text, out ulong value) || value > largest)
        {
            Fail(expected);
            return 0;
        }

        Take();
        return value;
    }

    /// <summary>Takes a name that this line declares from here on.</summary>
    public string TakeDeclared(NameKind kind)
    {
        string name = TakeNewName(kind);
        if (Problem is null)
        {
            Declare(name, kind);
        }

        return name;
    }

    public void Declare(string name, NameKind kind) => scope.Declare(name, kind, client);

    /// <summary>Takes a name that nothing else is called.</summary>
    public string TakeNewName(NameKind kind)
    {
        string name = Next.Text;
        if (!FlowWords.IsName(name) || FlowWords.IsReserved(name))
        {
            Fail($"a new name for {NamedObject.Words(kind)}");
        }
        else if (FlowScope.IsImpliedVm(name) && kind != NameKind.Vm)
        {
            Fail("another name: vm and digits is a VM without declaration");
        }
        else if (!scope.MayDeclare(name, kind))
        {
            Fail("a name that is new here", found: $"{FlowError.Show(name)}, which line {scope.LineOf(name)} declares as {NamedObject.Words(scope.Find(name)!.Value)}");
        }

        return Take().Text;
    }

    /// <summary>Takes the name of an object of one of these kinds.</summary>
    public NamedObject TakeObject(string expected, params NameKind[] kinds)
    {
        Consider(scope.Names(kinds));
        NamedObject? named = ReadName(Next.Text, expected, 0);
        if (named is { } other && !kinds.Contains(other.Kind))
        {
            Fail(expected, found: $"{FlowError.Show(other.Name)}, {NamedObject.Words(other.Kind)}");
        }

        Take();
        return Problem is null && named is { } found ? found : new NamedObject(kinds[0], "");
    }

    /// <summary>Reads a declared name out of the next word, which stays; null and a problem if nothing declares it.</summary>
    public NamedObject? ReadName(string name, string expected, int offset)
    {
        if (AtEnd || !FlowWords.IsName(name))
        {
            Fail(expected, offset);
            return null;
        }

        if (scope.Find(name) is not { } kind)
        {
            Fail(expected, offset, $"{FlowError.Show(name)}, which nothing declares", name);
            return null;
        }

        if (scope.RacesWith(name, client) is { } rival)
        {
            Fail("a 'sync' before this step", offset, $"{FlowError.Show(name)}, which {(rival.Length == 0 ? "the step" : "@" + rival)} binds at the same time");
            return null;
        }

        if (kind == NameKind.Vm)
        {
            scope.Mention(name);
        }

        return new NamedObject(kind, name);
    }

    /// <summary>Reports anything that is left.</summary>
    public void TakeEnd()
    {
        if (!AtEnd)
        {
            Fail(_considered.Count == 0 ? "the end of the step, or '=>'" : $"{FlowWords.List(_considered)}, or the end of the step");
        }
    }

    /// <summary>Records a problem at the next word (and <paramref name="offset"/> characters into it), if it is the first.</summary>
    public void Fail(string expected, int offset = 0, string? found = null, string? misspelt = null)
    {
        if (Problem is not null)
        {
            return;
        }

        FlowWord word = Next;
        string shown = found ?? (_next == words.Count ? "the end of the step" : FlowError.Show(word.Text));
        string? nearest = word.Text.Length == 0 ? null : NearestWord.Of(misspelt ?? word.Text, _considered.Where(known => known != word.Text));
        Problem = new FlowProblem(word.Column + offset, shown, expected, nearest);
    }

    /// <summary>Records a problem at a column that is passed already, if it is the first.</summary>
    public void FailAt(int column, string found, string expected) => Problem ??= new FlowProblem(column, found, expected, null);
}
