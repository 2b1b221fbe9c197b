// Operations of iommufd's self test by name and arguments. Used by flows and by the replay of recordings.
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using IoasidGrains.Uapi;
using IoasidGrains.Uapi.Linux;

namespace IoasidGrains.Flows;

/// <summary>IOMMU_TEST_CMD with the operation as an argument.</summary>
public static class SelftestCalls
{
    private const uint AddReserved = 1, CreateAccess = 5, AccessRw = 8, MockReplace = 10, MockDomainFlags = 12, Dirty = 13;
    private const uint Write = 1;

    /// <summary>What the self test takes at once.</summary>
    private const int LongestBuffer = 16 << 20;

    private static readonly Dictionary<string, Func<CallArguments, Task<CallAnswer>>> Operations = new()
    {
        ["ADD_RESERVED"] = call => Plain(call, new IommuTestCmd { Op = AddReserved, Id = call.Id("ioas_id"), Start = call.Number("start"), ReservedLength = call.Number("length") }),
        ["MOCK_DEVICE_BIND_AND_ATTACH"] = BindAndAttach,
        ["MOCK_REPLACE"] = Replace,
        ["CREATE_ACCESS"] = Access,
        ["ACCESS_RW"] = ReadWrite,
        ["DEVICE_WRITES_PAGES"] = WritesPages,
    };

    public static Task<CallAnswer> Call(CallArguments call)
    {
        string operation = call.Text("op") ?? "";
        return Operations.TryGetValue(operation, out Func<CallArguments, Task<CallAnswer>>? known)
            ? known(call) : throw new CallNotUnderstoodException($"IOMMU_TEST_CMD has an operation \"{operation}\" that is not known");
    }

    private static async Task<PlayedCall> Play(CallArguments call, IommuTestCmd command)
    {
        call.Process.Amend((ref IommuTestCmd it) => it = command with { Size = (uint)Marshal.SizeOf<IommuTestCmd>() });
        return await call.Process.Ioctl(call.File, IoctlCodes.IOMMU_TEST_CMD);
    }

    private static async Task<CallAnswer> Plain(CallArguments call, IommuTestCmd command)
    {
        call.Process.Put(default(IommuTestCmd));
        return CallAnswer.Of((await Play(call, command)).Reply);
    }

    private static async Task<CallAnswer> BindAndAttach(CallArguments call)
    {
        call.Process.Put(default(IommuTestCmd));
        PlayedCall played = await Play(call, new IommuTestCmd { Op = MockDomainFlags, Id = call.Id("pt_id"), DevFlags = call.Word("dev_flags") });
        if (!played.Succeeded)
        {
            return CallAnswer.Of(played.Reply);
        }

        var made = played.Struct<IommuTestCmd>();
        JsonObject? recorded = call.Call.Out;
        return CallAnswer.Of(played.Reply, new JsonObject
        {
            ["mock_id"] = call.Process.NameOf(recorded?["mock_id"], made.OutStdevId, binds: true), ["dev_id"] = call.Process.NameOf(recorded?["dev_id"], made.OutIdevId, binds: true),
            ["hwpt_id"] = call.Process.NameOf(recorded?["hwpt_id"], made.OutHwptId, binds: true), ["raw"] = new JsonArray(made.OutStdevId, made.OutIdevId, made.OutHwptId),
        });
    }

    private static async Task<CallAnswer> Replace(CallArguments call)
    {
        call.Process.Put(default(IommuTestCmd));
        PlayedCall played = await Play(call, new IommuTestCmd { Op = MockReplace, Id = call.Id("mock_id"), PtId = call.Id("pt_id") });
        uint table = played.Struct<IommuTestCmd>().PtId;
        return CallAnswer.Of(played.Reply, played.Succeeded ? new JsonObject { ["pt_id"] = call.Process.NameOf(call.Call.Out?["pt_id"], table), ["raw_id"] = table } : []);
    }

    private static async Task<CallAnswer> Access(CallArguments call)
    {
        call.Process.Put(default(IommuTestCmd));
        PlayedCall played = await Play(call, new IommuTestCmd { Op = CreateAccess, Id = call.Id("ioas_id"), AccessFlags = call.Word("flags") });
        if (!played.Succeeded)
        {
            return CallAnswer.Of(played.Reply);
        }

        string name = call.Call.Out?["access_fd"]?.ToString() ?? "accessfd";
        call.Process.NameFile(name, (int)played.Struct<IommuTestCmd>().OutAccessFd);
        return CallAnswer.Of(played.Reply, new JsonObject { ["access_fd"] = name });
    }

    private static async Task<CallAnswer> ReadWrite(CallArguments call)
    {
        ulong length = call.Number("length");
        call.Process.Put(default(IommuTestCmd));
        ulong buffer = call.Process.Put(new byte[Math.Min(length, LongestBuffer)]);
        PlayedCall played = await Play(call, new IommuTestCmd
        {
            Op = AccessRw, Id = (uint)call.Descriptor("access"), Iova = call.Number("iova"), Length = length, Uptr = buffer,
            RwFlags = call.Word("flags") | (call.Number("write") != 0 ? Write : 0),
        });
        return CallAnswer.Of(played.Reply);
    }

    private static async Task<CallAnswer> WritesPages(CallArguments call)
    {
        ulong length = call.Number("length"), pageSize = call.Number("page_size");
        call.Process.Put(default(IommuTestCmd));
        var words = new byte[Math.Min(pageSize == 0 ? 8 : ((length / pageSize / 64) + 1) * 8, LongestBuffer)];
        BitConverter.TryWriteBytes(words, call.Number("word0"));
        ulong buffer = call.Process.Put(words);
        PlayedCall played = await Play(call, new IommuTestCmd
        {
            Op = Dirty, Id = call.Id("hwpt_id"), DirtyFlags = call.Word("flags"), DirtyIova = call.Number("iova"), DirtyLength = length, DirtyPageSize = pageSize, DirtyUptr = buffer,
        });
        return CallAnswer.Of(played.Reply, new JsonObject { ["nr_dirty"] = played.Struct<IommuTestCmd>().OutNrDirty });
    }
}
