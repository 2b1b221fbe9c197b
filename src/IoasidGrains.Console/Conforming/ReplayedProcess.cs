// A process that replays a recording: its descriptors and object ids by the names that the recording gives them. Used by conform.
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using IoasidGrains.Uapi;

namespace IoasidGrains.Console;

/// <summary>Makes system calls at the port and remembers what their answers are called.</summary>
internal sealed class ReplayedProcess(IUapi uapi, HostId host, string session, JsonObject given)
{
    private const ulong BufferBase = 0x10000000000, BufferLength = 0x2000000, ReadOnlyBase = 0x10003000000, ReadOnlyLength = 0x2000;

    /// <summary>Where the structs of calls lie; a place of their own for each buffer of a call.</summary>
    private const ulong CallArea = 0x7f0000000000, CallAreaStep = 0x10000000;

    private const int NoFile = 9999;

    private readonly Dictionary<string, int> _files = new() { ["stdout"] = 1, ["stdin"] = 0, ["stderr"] = 2 };
    private readonly Dictionary<string, string> _devices = [];
    private readonly Dictionary<string, uint> _ids = [];
    private readonly List<UserBytes> _buffers = [];
    private long _requests;
    private int _noncoherent;

    public static readonly UserRegion[] Memory =
    [
        new(BufferBase, BufferBase + BufferLength - 1, Writable: true), new(ReadOnlyBase, ReadOnlyBase + ReadOnlyLength - 1, Writable: false),
    ];

    public FdId Id { get; } = new(host.Key("process"));

    /// <summary>What KVM registered and unregistered since the recording looked last.</summary>
    public List<string> NoncoherentEvents { get; } = [];

    public async Task Start(List<UapiCommand> declarations, ProcessOptions options)
    {
        foreach (UapiCommand command in (IEnumerable<UapiCommand>)[.. declarations, new StartProcess(Id, options)])
        {
            Reply reply = await uapi.Call(command with { Request = Next() });
            if (!reply.Succeeded)
            {
                throw new NotUnderstoodException($"the recorded machine cannot be set up: {command.GetType().Name} answers {reply}");
            }
        }
    }

    public async Task Exit() => await uapi.Call(new CloseFd(Id) { Request = Next() });

    // ---- descriptors and ids ------------------------------------------------------------------------------------------------------------

    /// <summary>A descriptor by its name; one that nothing has, for any other word.</summary>
    public int FileOf(string name) => _files.TryGetValue(name, out int file) ? file : NoFile;

    public bool IsOpen(string name) => _files.ContainsKey(name);

    public void NameFile(string name, int file) => _files[name] = file;

    public void NameDevice(string name, string device) => _devices[name] = device;

    /// <summary>The device whose file this is.</summary>
    public string DeviceOf(string name) => _devices.GetValueOrDefault(name) ?? throw new NotUnderstoodException($"{name} is no device's file");

    /// <summary>The group of a device; of the first one if none is named.</summary>
    public string GroupOf(string? device)
    {
        JsonObject devices = given["devices"] as JsonObject ?? [];
        string name = device ?? devices.Select(one => one.Key).FirstOrDefault() ?? "";
        return devices[name]?["group"]?.ToString() ?? name;
    }

    /// <summary>The id behind <c>$name</c>, or a plain number.</summary>
    public uint IdOf(JsonNode? node)
    {
        if (node is JsonValue value && value.TryGetValue(out string? text) && text.StartsWith('$'))
        {
            return _ids.TryGetValue(text, out uint id) ? id : throw new NotUnderstoodException($"{text} was bound by no call before");
        }

        return (uint)RecordedNumber.Of(node);
    }

    /// <summary>The address space that was allocated last.</summary>
    public uint LastIoas { get; set; }

    /// <summary>How the recording calls an id: by the name it is about to bind if that is free or names this very id, else as a number.</summary>
    public JsonNode NameOf(JsonNode? recorded, uint id)
    {
        if (recorded is JsonValue value && value.TryGetValue(out string? name) && name.StartsWith('$'))
        {
            if (!_ids.TryGetValue(name, out uint known) || known == id)
            {
                _ids[name] = id;
                return JsonValue.Create(name);
            }
        }

        return JsonValue.Create(_ids.FirstOrDefault(pair => pair.Value == id).Key ?? id.ToString());
    }

    /// <summary>A user address: <c>buf+0x..</c> or a number.</summary>
    public static ulong AddressOf(JsonNode? node) => node is JsonValue value && value.TryGetValue(out string? text) && text.StartsWith("buf+", StringComparison.Ordinal)
        ? BufferBase + (RecordedNumber.TryParse(text[4..], out ulong offset) ? offset : throw new NotUnderstoodException($"{text} is no address")) : RecordedNumber.Of(node);

    public static string NameOfAddress(ulong address) =>
        address is >= BufferBase and < BufferBase + BufferLength ? $"buf+0x{address - BufferBase:x}" : RecordedNumber.Hex(address);

    // ---- system calls -------------------------------------------------------------------------------------------------------------------

    public Task<Reply> Open(string path) => Call(new SysOpen(Id, path));

    public Task<Reply> Close(int file) => Call(new SysClose(Id, file));

    public Task<Reply> Read(int file, ulong length) => Call(new SysRead(Id, file, CallArea, length));

    public Task<Reply> Mmap(int file, ulong at, ulong length, ulong offset) => Call(new SysMmap(Id, file, at, length, offset));

    /// <summary>ioctl with a number as argument.</summary>
    public Task<Reply> Ioctl(int file, uint code, ulong argument) => Call(new SysIoctl(Id, file, code, argument, []));

    /// <summary>Puts bytes where the next ioctl finds them; answers their address.</summary>
    public ulong Put(byte[] bytes)
    {
        ulong address = CallArea + ((ulong)_buffers.Count * CallAreaStep);
        _buffers.Add(new UserBytes(address, bytes));
        return address;
    }

    public ulong Put<T>(T value, int extra = 0)
        where T : struct
    {
        var bytes = new byte[Marshal.SizeOf<T>() + extra];
        MemoryMarshal.Write(bytes, in value);
        return Put(bytes);
    }

    /// <summary>Changes the struct that was put first, once the addresses of the others are known.</summary>
    public void Amend<T>(StructChange<T> change)
        where T : struct
    {
        ref T value = ref MemoryMarshal.AsRef<T>(_buffers[0].Data.AsSpan(0, Marshal.SizeOf<T>()));
        change(ref value);
    }

    /// <summary>ioctl with the address of what was put first after the last one.</summary>
    public async Task<PlayedCall> Ioctl(int file, uint code)
    {
        UserBytes[] memory = [.. _buffers];
        _buffers.Clear();
        Reply reply = await Call(new SysIoctl(Id, file, code, memory.Length == 0 ? 0 : memory[0].Address, memory));
        UserBytes[] written = (reply.Outputs as SyscallResult)?.Written ?? [];
        return new PlayedCall(reply, [.. memory.Select(bytes => Array.Find(written, one => one.Address == bytes.Address).Data ?? bytes.Data)]);
    }

    /// <summary>A real write of a device, and the pages of memory that received it.</summary>
    public async Task<JsonArray> DeviceWrites(string device, ulong iova, int length)
    {
        var write = new DeviceDma(new DeviceId(host.Key(device)), iova, length, DmaAccess.Write, false, new byte[length]);
        Reply reply = await uapi.Call(write with { Request = Next() });
        return reply.Outputs is DmaOutcome { Fault: DmaFault.None } outcome ? [NameOfAddress(outcome.Memory.Offset & ~(Quantity.PageSize - 1))] : [];
    }

    private async Task<Reply> Call(Syscall call)
    {
        Reply reply = await uapi.Call(call with { Request = Next() });
        foreach (int count in (reply.Outputs as SyscallResult)?.NoncoherentCounts ?? [])
        {
            NoncoherentEvents.Add($"{(count > _noncoherent ? "register" : "unregister")}({count})");
            _noncoherent = count;
        }

        return reply;
    }

    private RequestId Next() => new(session, ++_requests);
}

/// <summary>Sets fields of a struct.</summary>
internal delegate void StructChange<T>(ref T value)
    where T : struct;

/// <summary>An ioctl's answer.</summary>
/// <param name="Buffers">What was put, as it is afterwards; the struct is the first.</param>
internal sealed record PlayedCall(Reply Reply, byte[][] Buffers)
{
    public bool Succeeded => Reply.Succeeded;

    public T Struct<T>()
        where T : struct => MemoryMarshal.Read<T>(Buffers[0]);
}
