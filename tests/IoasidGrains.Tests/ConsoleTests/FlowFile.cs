// A flow file for one test, deleted at its end.
namespace IoasidGrains.Tests;

internal sealed class FlowFile : IDisposable
{
    public FlowFile(string text)
    {
        Path = System.IO.Path.Combine(System.IO.Path.GetTempPath(), System.IO.Path.GetRandomFileName() + ".flow");
        Text = text;
    }

    public string Path { get; }

    public string Text
    {
        get => File.ReadAllText(Path);
        set => File.WriteAllText(Path, value);
    }

    public void Dispose() => File.Delete(Path);
}
