// The lines typed before, kept in a file of the user's state directory; used by LineEditor.
namespace IoasidGrains.Console;

/// <summary>Lines, oldest first. A file that cannot be read or written costs the history, not the shell.</summary>
public sealed class LineHistory
{
    private const int Longest = 1000;

    private readonly string? _file;
    private readonly List<string> _lines = [];

    /// <summary>Reads the history; null keeps it in memory.</summary>
    public LineHistory(string? file)
    {
        _file = file;
        if (file is not null && File.Exists(file))
        {
            Try(() => _lines.AddRange(File.ReadLines(file).TakeLast(Longest)));
        }
    }

    public IReadOnlyList<string> Lines => _lines;

    /// <summary><c>$XDG_STATE_HOME/ioasid/history</c>, or below <c>~/.local/state</c>.</summary>
    public static string DefaultFile()
    {
        string? state = Environment.GetEnvironmentVariable("XDG_STATE_HOME");
        string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        return Path.Combine(string.IsNullOrEmpty(state) ? Path.Combine(home, ".local", "state") : state, "ioasid", "history");
    }

    /// <summary>Adds a line, unless it is blank or the last one again.</summary>
    public void Add(string line)
    {
        if (!string.IsNullOrWhiteSpace(line) && (_lines.Count == 0 || _lines[^1] != line))
        {
            _lines.Add(line);
        }
    }

    public void Save()
    {
        if (_file is not null)
        {
            Try(() =>
            {
                Directory.CreateDirectory(Path.GetDirectoryName(_file)!);
                File.WriteAllLines(_file, _lines.TakeLast(Longest));
            });
        }
    }

    private static void Try(Action access)
    {
        try
        {
            access();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // The shell works without its history.
        }
    }
}
