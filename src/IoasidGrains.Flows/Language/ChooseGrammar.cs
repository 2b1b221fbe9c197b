// The grammar of choose: user space's decision in step 3 of the seed. Used by StepGrammar.
using System.Globalization;
using IoasidGrains.Uapi;

namespace IoasidGrains.Flows;

/// <summary>The wish and the list of the chooser.</summary>
internal static class ChooseGrammar
{
    private static readonly Dictionary<string, NoSnoopWish> Wishes = new()
    {
        ["auto"] = NoSnoopWish.Auto,
        ["on"] = NoSnoopWish.On,
        ["off"] = NoSnoopWish.Off,
    };

    public static FlowStep Read(WordCursor cursor, string? binds)
    {
        NamedObject fd = cursor.TakeObject("the name of an ioasid_fd", NameKind.Fd);
        NamedObject device = cursor.TakeObject("the name of a device", NameKind.Device);
        NoSnoopWish wish = Wishes.GetValueOrDefault(cursor.TakeIfAny(Wishes.Keys) ?? "auto");
        PciIdPattern[] list = cursor.TakeIf("list") ? TakeList(cursor) : NoSnoopChooser.DefaultList;
        return new ChooseStep(fd.Name, device.Name, wish, list, binds);
    }

    private static PciIdPattern[] TakeList(WordCursor cursor)
    {
        var list = new List<PciIdPattern>();
        int offset = 0;
        foreach (string text in cursor.Next.Text.Split(','))
        {
            if (TryPattern(text) is not { } pattern)
            {
                cursor.Fail("vendors and classes in hex such as 8086:03*,10de:0300", offset, text.Length == 0 ? null : FlowError.Show(text));
                break;
            }

            list.Add(pattern);
            offset += text.Length + 1;
        }

        cursor.Take();
        return [.. list];
    }

    private static PciIdPattern? TryPattern(string text)
    {
        string[] parts = text.Split(':');
        if (parts.Length != 2 || parts[0].Length != 4
            || !ushort.TryParse(parts[0], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ushort vendor))
        {
            return null;
        }

        string prefix = parts[1].TrimEnd('*');
        bool starred = parts[1].Length == prefix.Length + 1;
        bool wellFormed = (starred ? prefix.Length < 4 : parts[1].Length == 4 && prefix.Length == 4) && prefix.All(char.IsAsciiHexDigit);
        return wellFormed ? new PciIdPattern(vendor, prefix.ToLowerInvariant()) : null;
    }
}
