// Reads a text file that the user named; used for flows and traces.
namespace IoasidGrains.Console;

/// <summary>A file that cannot be read is a mistake of the user.</summary>
internal static class TextFile
{
    /// <summary>More than a trace of full length needs, and less than a string can hold.</summary>
    private const long MaxBytes = 256L << 20;

    public static string Read(string file)
    {
        try
        {
            return new FileInfo(file).Length <= MaxBytes
                ? File.ReadAllText(file)
                : throw new ConsoleException($"{file} cannot be read: it is larger than {MaxBytes >> 20} MiB.");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new ConsoleException($"{file} cannot be read: {exception.Message}");
        }
    }
}
