// The grammar's first word: which verb, and whether its result gets a name. Used by FlowParser and FlowCompletion.
namespace IoasidGrains.Flows;

/// <summary>One step from the words of one line.</summary>
internal static class StepGrammar
{
    /// <summary>The step; meaningless if the cursor has a problem.</summary>
    public static FlowStep? Read(WordCursor cursor)
    {
        if (cursor.Ahead(1) == "=")
        {
            return ReadBinding(cursor);
        }

        string name = cursor.Ahead(1);
        string verb = cursor.TakeOneOf("a verb: " + FlowWords.List(FlowWords.Verbs), FlowWords.Verbs);
        if (cursor.Problem?.Nearest is { } meant)
        {
            DeclareAnyway(cursor, meant, name);
        }

        return ReadVerb(cursor, verb, null);
    }

    /// <summary>The name is known after its own line only; also if that line is broken, so that one mistake is one error.</summary>
    private static FlowStep? ReadBinding(WordCursor cursor)
    {
        NameKind kind = cursor.Ahead(2) == "choose" ? NameKind.Flag : LinuxGrammar.Opens(cursor.Ahead(4)) ? NameKind.File : NameKind.Number;
        string name = cursor.TakeNewName(kind);
        bool isNew = cursor.Problem is null;
        cursor.TakeIf("=");
        FlowStep? step = ReadVerb(cursor, cursor.TakeOneOf("'ioctl' or 'choose', whose result a name can hold", FlowWords.Binding), name);
        if (isNew)
        {
            cursor.Declare(name, kind);
        }

        return step;
    }

    private static FlowStep? ReadVerb(WordCursor cursor, string verb, string? binds) => verb switch
    {
        "iommu" => HostGrammar.Unit(cursor),
        "device" => HostGrammar.Device(cursor),
        "vm" => HostGrammar.Vm(cursor),
        "process" => LinuxGrammar.Process(cursor),
        "open" => HostGrammar.Open(cursor),
        "close" => HostGrammar.Close(cursor),
        "ioctl" => IoctlGrammar.Read(cursor, binds),
        "choose" => ChooseGrammar.Read(cursor, binds),
        "dma" => AccessGrammar.Dma(cursor),
        "cpu" => AccessGrammar.Cpu(cursor),
        "costs" => new CostsStep(cursor.TakeObject("the name of an ioasid_fd, a process or a VM", NameKind.Fd, NameKind.Vm, NameKind.Process)),
        "status" => new StatusStep(),
        _ => null,
    };

    /// <summary>A misspelt verb that was meant to declare a name: later lines may use the name without an error of their own.</summary>
    private static void DeclareAnyway(WordCursor cursor, string meant, string name)
    {
        NameKind? kind = meant switch
        {
            "iommu" => NameKind.Unit,
            "device" => NameKind.Device,
            "vm" => NameKind.Vm,
            "process" => NameKind.Process,
            "open" => NameKind.Fd,
            _ => null,
        };
        if (kind is { } declares && FlowWords.IsName(name) && cursor.Scope.Find(name) is null)
        {
            cursor.Declare(name, declares);
        }
    }
}
