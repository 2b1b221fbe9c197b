// The grammar of the Linux dialects: process, and calls on its files. Used by StepGrammar.
using System.Text.Json.Nodes;
using IoasidGrains.Uapi;

namespace IoasidGrains.Flows;

/// <summary>Arguments are <c>key=value</c> in the kernel's words; which there are, the tables of calls know.</summary>
internal static class LinuxGrammar
{
    /// <summary>Calls that open a file: the name in front of them is the file's, and where it stands among their outputs.</summary>
    private static readonly Dictionary<string, string> Openers = new()
    {
        ["VFIO_GROUP_GET_DEVICE_FD"] = "fd", ["KVM_CREATE_VM"] = "fd", ["KVM_CREATE_DEVICE"] = "fd",
    };

    /// <summary>A file that a process opens.</summary>
    public static bool IsPath(string path) => path is "/dev/iommu" or "/dev/kvm" || path.StartsWith("/dev/vfio/", StringComparison.Ordinal);

    public static bool Opens(string ioctl) => Openers.ContainsKey(ioctl);

    public static FlowStep Process(WordCursor cursor)
    {
        string name = cursor.TakeDeclared(NameKind.Process);
        string[] known = ["container", "memlock", "mappings", "unsafe_interrupts", "noiommu", "selftest", "memory", "readonly"];
        ProcessOptions process = ProcessOptions.Default;
        cursor.Consider(OpenOptions.Profiles);
        if (!cursor.AtEnd && NearestWord.Of(cursor.Next.Text, known) is null && FlowWords.IsName(cursor.Next.Text))
        {
            process = process with { Profile = cursor.Take().Text };
        }

        var options = new OptionList(cursor, repeatable: "memory", known);
        while (options.Take() is { } option)
        {
            process = option switch
            {
                "container" => process with { ContainerProfile = cursor.Take().Text },
                "memlock" => process with { LockedLimit = cursor.TakeNumber("a size such as 64K") },
                "mappings" => process with { ContainerMappings = (int)cursor.TakeNumber("a number of mappings", int.MaxValue) },
                "unsafe_interrupts" => process with { AllowUnsafeInterrupts = true },
                "noiommu" => process with { NoIommu = true },
                "selftest" => process with { Selftest = true },
                _ => process with { Memory = [.. process.Memory ?? [], TakeRegion(cursor, writable: option == "memory")] },
            };
        }

        return new StartProcessStep(name, process);
    }

    /// <summary>The rest of <c>open FILE PATH [in PROCESS]</c>.</summary>
    public static FlowStep Open(WordCursor cursor, string file)
    {
        string path = cursor.Take().Text;
        string process = cursor.TakeIf("in") ? cursor.TakeObject("the name of a process", NameKind.Process).Name : cursor.Scope.LastProcess ?? "";
        if (process.Length == 0)
        {
            cursor.Fail("a line 'process NAME' before it");
        }

        cursor.Scope.OwnFile(file, process);
        return new LinuxCallStep(process, new LinuxCall("open", file, new JsonObject { ["path"] = path }), new Dictionary<string, string>(), null);
    }

    public static FlowStep Close(WordCursor cursor, string file) => new LinuxCallStep(
        cursor.Scope.OwnerOf(file), new LinuxCall("close", file, []), new Dictionary<string, string>(), null);

    /// <summary>The rest of <c>[name =] ioctl FILE IOCTL key=value …</c>.</summary>
    public static FlowStep Call(WordCursor cursor, string file, string? binds)
    {
        cursor.Consider(IommufdCalls.Table.Keys.Concat(VfioCalls.Table.Keys).Concat(OtherCalls.Table.Keys.Where(name => char.IsAsciiLetterUpper(name[0]))));
        FlowWord word = cursor.Next;
        if (LinuxCall.Find(word.Text) is null || word.Text is "open" or "close")
        {
            cursor.Fail("an ioctl's macro, or a number such as _IO(';',0x7f)");
        }

        cursor.Take();
        (JsonObject arguments, Dictionary<string, string> values) = TakeArguments(cursor);
        string process = cursor.Scope.OwnerOf(file);
        var call = new LinuxCall(word.Text, file, arguments);
        if (binds is not null && Openers.TryGetValue(word.Text, out string? output))
        {
            call = call with { Out = new JsonObject { [output] = binds } };
            cursor.Scope.OwnFile(binds, process);
        }

        if (cursor.Problem is null && LinuxProcesses.Check(call with { Args = WithNumbers(arguments, values) }) is { } mistake)
        {
            cursor.FailAt(word.Column, mistake, "arguments of that call");
        }

        return new LinuxCallStep(process, call, values, binds);
    }

    private static (JsonObject Arguments, Dictionary<string, string> Values) TakeArguments(WordCursor cursor)
    {
        var arguments = new JsonObject();
        Dictionary<string, string> values = [];
        while (!cursor.AtEnd)
        {
            string[] parts = cursor.Next.Text.Split('=', 2);
            if (parts.Length != 2 || parts[0].Length == 0 || arguments.ContainsKey(parts[0]))
            {
                cursor.Fail("an argument KEY=VALUE that was not given yet");
                break;
            }

            if (cursor.Scope.Find(parts[1]) == NameKind.Number)
            {
                values[parts[0]] = parts[1];
            }

            arguments[parts[0]] = ValueOf(parts[1]);
            cursor.Take();
        }

        return (arguments, values);
    }

    /// <summary>4K is a number here too; a list of ranges is <c>0x1000..0x1fff,…</c>.</summary>
    private static JsonNode ValueOf(string text)
    {
        if (text.Contains("..", StringComparison.Ordinal))
        {
            return new JsonArray([.. text.Split(',').Select(range => (JsonNode)new JsonArray([.. range.Split("..").Select(end => JsonValue.Create(end))]))]);
        }

        return Quantity.TryParse(text, out ulong number) ? JsonValue.Create(FlowNumber.Hex(number)) : JsonValue.Create(text);
    }

    private static JsonObject WithNumbers(JsonObject arguments, Dictionary<string, string> values)
    {
        var plain = (JsonObject)arguments.DeepClone();
        foreach (string name in values.Keys)
        {
            plain[name] = 1;
        }

        return plain;
    }

    private static UserRegion TakeRegion(WordCursor cursor, bool writable)
    {
        (ulong start, ulong length) = AddressGrammar.TakeRange(cursor, "a piece of memory START+LENGTH such as 0x10000000+2M", (start, length) => length > 0 && start <= ulong.MaxValue - (length - 1));
        return new UserRegion(start, start + length - 1, writable);
    }
}
