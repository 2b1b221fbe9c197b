// The shell: its session by pipes, its line editor by keys.
using IoasidGrains.Console;

namespace IoasidGrains.Tests;

public sealed class ShellTests
{
    [Fact]
    public async Task Shell_LinesFromAPipe_AnswerLikeAFlow()
    {
        const string input = "# seed\nopen fd1 /dev/ioasid\ngpa = ioctl fd1 IOASID_ALLOC snoop => 2\nioctl fd1 IOASID_FREE gpa\nioctl fd1 IOASID_FRE gpa\nexit\nclose fd1\n";

        CommandRun run = await CommandRun.Of(["shell", "--on", "machine"], input);

        Assert.Equal(0, run.Code);
        Assert.Equal(
            "=> 0\n=> 1\n  - => 2\n  + => 1\n=> 0\nshell:5:11: found 'IOASID_FRE', expected an ioctl's macro, or its number such as 0x6903; did you mean 'IOASID_FREE'?\n",
            run.Out);
    }

    [Fact]
    public async Task Shell_NameWhoseStepFailed_StaysFree()
    {
        const string input = "open fd1 /dev/ioasid\nx = ioctl fd1 IOASID_FREE 9\nx = ioctl fd1 IOASID_ALLOC snoop\nx = ioctl fd1 IOASID_ALLOC snoop\n";

        CommandRun run = await CommandRun.Of(["shell", "--on", "machine"], input);

        Assert.StartsWith("=> 0\n=> -ENOENT\n=> 1\nshell:4:1: found 'x', which line 3 declares as a number", run.Out);
    }

    public static TheoryData<string, string> Edits => new()
    {
        // keys (see KeysOf), the line they make
        { "abc", "abc" },
        { "abc<Left><Left>X", "aXbc" },
        { "abc<Home>X<End>Y", "XabcY" },
        { "abc<Left><Backspace>", "ac" },
        { "abc<Home><Delete>", "bc" },
        { "one two<^W>three", "one three" },
        { "one two<^A><^K>x", "x" },
        { "one<^U>x", "x" },
        { "one two<^Left>X", "one Xtwo" },
        { "one two<Home><^Right>X", "oneX two" },
        { "<Up>", "new" },
        { "<Up><Up>", "old" },
        { "<Up><Up><Up>", "old" },
        { "draft<Up><Down>", "draft" },
        { "<Down>x", "x" },
        { "io<Tab>x", "iox" },
        { "ioc<Tab>x", "ioctl x" },
        { "st<Tab>x", "status x" },
        { "zz<Tab>x", "zzx" },
        { "gone<^C>", "" },
        { "<Escape>a\u00e9", "a\u00e9" },
    };

    [Theory]
    [MemberData(nameof(Edits))]
    public void Editor_Keys_MakeTheLine(string keys, string line)
    {
        var history = new LineHistory(null);
        history.Add("old");
        history.Add("new");
        using IEnumerator<ConsoleKeyInfo> typed = KeysOf(keys + "<Enter>").GetEnumerator();
        var editor = new LineEditor(
            () => typed.MoveNext() ? typed.Current : throw new InvalidOperationException("no more keys"), TextWriter.Null, () => 20, history,
            before => [.. new[] { "ioctl", "iommu", "status" }.Where(word => word.StartsWith(before, StringComparison.Ordinal))]);

        Assert.Equal(line, editor.ReadLine());
    }

    [Fact]
    public void Editor_CtrlDOnAnEmptyLine_Ends()
    {
        var key = new ConsoleKeyInfo('\u0004', ConsoleKey.D, shift: false, alt: false, control: true);

        Assert.Null(new LineEditor(() => key, TextWriter.Null, () => 20, new LineHistory(null), _ => []).ReadLine());
    }

    [Fact]
    public void Editor_LongLine_ScrollsInItsRow()
    {
        var output = new StringWriter();
        using IEnumerator<ConsoleKeyInfo> typed = KeysOf(new string('x', 50) + "yz<Enter>").GetEnumerator();
        new LineEditor(() => typed.MoveNext() ? typed.Current : default, output, () => 20, new LineHistory(null), _ => []).ReadLine();

        string lastShown = output.ToString().Split("\r").Last(part => part.StartsWith("ioasid> xxx", StringComparison.Ordinal) && part.Contains("yz\u001b[K") && !part.EndsWith('\n'));
        Assert.Equal("ioasid> xxxxxxxxxyz\u001b[K", lastShown);
    }

    [Fact]
    public void History_IsKeptInItsFile()
    {
        string directory = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        string file = Path.Combine(directory, "ioasid", "history");
        var history = new LineHistory(file);
        history.Add("one");
        history.Add("one");
        history.Add(" ");
        history.Add("two");

        history.Save();
        string[] read = [.. new LineHistory(file).Lines];
        Directory.Delete(directory, recursive: true);

        Assert.Equal(["one", "two"], read);
    }

    /// <summary>Characters, and in angle brackets names of keys, with ^ for control.</summary>
    private static IEnumerable<ConsoleKeyInfo> KeysOf(string keys)
    {
        for (int at = 0; at < keys.Length; at++)
        {
            if (keys[at] != '<')
            {
                yield return new ConsoleKeyInfo(keys[at], default, false, false, false);
                continue;
            }

            int close = keys.IndexOf('>', at);
            string name = keys[(at + 1)..close];
            bool control = name.StartsWith('^');
            string key = name.TrimStart('^') switch
            {
                "Left" => nameof(ConsoleKey.LeftArrow),
                "Right" => nameof(ConsoleKey.RightArrow),
                "Up" => nameof(ConsoleKey.UpArrow),
                "Down" => nameof(ConsoleKey.DownArrow),
                var other => other,
            };
            yield return new ConsoleKeyInfo('\0', Enum.Parse<ConsoleKey>(key), false, false, control);
            at = close;
        }
    }
}
