// The grammar of dma and cpu: accesses of a device and of a CPU. Used by StepGrammar.
using IoasidGrains.Uapi;

namespace IoasidGrains.Flows;

/// <summary>Who accesses, in which direction, where, and with which bytes.</summary>
internal static class AccessGrammar
{
    private static readonly Dictionary<string, MemoryType> Types = new() { ["uc"] = MemoryType.Uc, ["wc"] = MemoryType.Wc, ["wb"] = MemoryType.Wb };

    public static FlowStep Dma(WordCursor cursor)
    {
        string device = cursor.TakeObject("the name of a device", NameKind.Device).Name;
        bool write = cursor.TakeOneOf("'read' or 'write'", ["read", "write"]) == "write";
        (ulong iova, ulong length) = AddressGrammar.TakeRange(cursor, "IOVA+LENGTH such as 0x1000+64");
        bool noSnoop = cursor.TakeIf("no_snoop");
        byte[]? bytes = write && cursor.TakeIf("data") ? TakeData(cursor, length) : null;
        return new DmaStep(device, iova, (int)Math.Min(length, int.MaxValue), write, noSnoop, bytes);
    }

    public static FlowStep Cpu(WordCursor cursor)
    {
        NamedObject owner = cursor.TakeObject("the name of a VM or an ioasid_fd", NameKind.Vm, NameKind.Fd);
        string[] verbs = owner.Kind == NameKind.Vm ? ["write", "read", "wbinvd", "memtype"] : ["write", "read"];
        switch (cursor.TakeOneOf(FlowWords.List(verbs), verbs))
        {
            case "write":
                ulong address = cursor.TakeNumber("an address such as 0x1000");
                byte[] bytes = AddressGrammar.TakeBytes(cursor);
                return new CpuWriteStep(owner, address, bytes, TakeCpu(cursor));
            case "read":
                (ulong start, ulong length) = AddressGrammar.TakeRange(cursor, "ADDRESS+LENGTH such as 0x1000+16");
                return new CpuReadStep(owner, start, (int)Math.Min(length, int.MaxValue), TakeCpu(cursor));
            case "memtype":
                return TakeMemoryType(cursor, owner);
            default:
                return new CpuWbinvdStep(owner, TakeCpu(cursor));
        }
    }

    /// <summary><c>on N</c>: the physical CPU.</summary>
    private static CpuId? TakeCpu(WordCursor cursor) =>
        cursor.TakeIf("on") ? new CpuId((int)cursor.TakeNumber($"the number of a CPU, at most {CpuId.Largest}", CpuId.Largest)) : null;

    private static CpuMemoryTypeStep TakeMemoryType(WordCursor cursor, NamedObject vm)
    {
        bool mmio = cursor.TakeOneOf("'ram' or 'mmio'", ["ram", "mmio"]) == "mmio";
        var step = new CpuMemoryTypeStep(vm, mmio, MemoryType.Wb, MemoryType.Wb);
        var options = new OptionList(cursor, repeatable: null, "guest", "mtrr");
        while (options.Take() is { } option)
        {
            MemoryType type = Types.GetValueOrDefault(cursor.TakeOneOf("a memory type: " + FlowWords.List(Types.Keys), Types.Keys));
            step = option == "guest" ? step with { Pat = type } : step with { Mtrr = type };
        }

        return step;
    }

    private static byte[] TakeData(WordCursor cursor, ulong length)
    {
        int column = cursor.Next.Column;
        byte[] bytes = AddressGrammar.TakeBytes(cursor);
        if ((ulong)bytes.Length != length)
        {
            cursor.FailAt(column, $"{bytes.Length} bytes", $"{length} bytes, the length of the access");
        }

        return bytes;
    }
}
