// Reads settings one by one and remembers what was wrong. Used by SiloSettings.
namespace IoasidGrains.Silo;

/// <summary>Parses a text; false if it is not one.</summary>
internal delegate bool SettingParser<T>(string text, out T value);

/// <summary>A wrong setting gets a stand-in and leaves a sentence, so that one start names all that is wrong.</summary>
internal sealed class SettingReader(IConfiguration configuration, List<string> errors)
{
    public T Read<T>(string key, string expected, SettingParser<T> parse, T standIn)
    {
        string text = configuration[key] ?? "";
        if (parse(text, out T value))
        {
            return value;
        }

        errors.Add($"{key} is \"{text}\"; expected {expected}.");
        return standIn;
    }
}
