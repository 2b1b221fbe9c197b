// A process that makes system calls: its descriptors and object ids by names. Used by flows and by the replay of recordings.
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using IoasidGrains.Uapi;

namespace IoasidGrains.Flows;

/// <summary>Makes system calls at the port and remembers what their answers are called.</summary>
public sealed class LinuxProcess(FdId id, Func<UapiCommand, Task<Reply>> call, Func<string?, string> groupOf)
{
    private const ulong BufferBase = 0x10000000000, BufferLength = 0x2000000, ReadOnlyBase = 0x10003000000, ReadOnlyLength = 0x2000;

    /// <summary>Where the structs of calls lie; a place of their own for each buffer of a call.</summary>
    private const ulong CallArea = 0x7f0000000000, CallAreaStep = 0x10000000;

    private const int NoFile = 9999;

    private readonly Dictionary<string, int> _files = new() { ["stdout"] = 1, ["stdin"] = 0, ["stderr"] = 2 };
    private readonly Dictionary<string, string> _devices = [];
    private readonly Dictionary<string, uint> _ids = [];
    private readonly List<UserBytes> _buffers = [];
    private int _noncoherent;

    public static readonly UserRegion[] Memory =
    [
        new(BufferBase, BufferBase + BufferLength - 1, Writable: true), new(ReadOnlyBase, ReadOnlyBase + ReadOnlyLength - 1, Writable: false),
    ];

    public FdId Id => id;

    /// <summary>One that knows the same names; its calls go to <paramref name="to"/>.</summary>
    public LinuxProcess Copy(Func<UapiCommand, Task<Reply>> to)
    {
        var copy = new LinuxProcess(id, to, groupOf) { LastIoas = LastIoas, _noncoherent = _noncoherent };
        foreach ((string name, int file) in _files)
        {
            copy._files[name] = file;
        }

        foreach ((string name, string device) in _devices)
        {
            copy._devices[name] = device;
        }

        foreach ((string name, uint object_) in _ids)
        {
            copy._ids[name] = object_;
        }

        return copy;
    }

    /// <summary>What KVM registered and unregistered since the recording looked last.</summary>
    public List<string> NoncoherentEvents { get; } = [];

    // ---- descriptors and ids ------------------------------------------------------------------------------------------------------------

    /// <summary>A descriptor by its name; one that nothing has, for any other word.</summary>
    public int FileOf(string name) => _files.TryGetValue(name, out int file) ? file : NoFile;

    public bool IsOpen(string name) => _files.ContainsKey(name);

    public void NameFile(string name, int file) => _files[name] = file;

    public void NameDevice(string name, string device) => _devices[name] = device;

    /// <summary>The device whose file this is.</summary>
    public string DeviceOf(string name) => _devices.GetValueOrDefault(name) ?? throw new CallNotUnderstoodException($"{name} is no device's file");

    /// <summary>The group of a device; of the first one if none is named.</summary>
    public string GroupOf(string? device) => groupOf(device);

    /// <summary>The address space that was allocated last.</summary>
    public uint LastIoas { get; set; }

    /// <summary>The id behind <c>$name</c>, or a plain number.</summary>
    public uint IdOf(JsonNode? node)
    {
        if (node is JsonValue value && value.TryGetValue(out string? text) && text.StartsWith('$'))
        {
            return _ids.TryGetValue(text, out uint id) ? id : throw new CallNotUnderstoodException($"{text} was bound by no call before");
        }

        return (uint)FlowNumber.Of(node);
    }

    /// <summary>How an id is called: by the name that is expected if that is free, names this very id or is <paramref name="binds">bound again</paramref>; else by one that names it, or as a number.</summary>
    public JsonNode NameOf(JsonNode? expected, uint id, bool binds = false)
    {
        if (FlowNumber.TryRead(expected, out ulong number) && number == id)
        {
            return JsonValue.Create(id);
        }

        if (expected is JsonValue value && value.TryGetValue(out string? name) && name.StartsWith('$') && (binds || !_ids.TryGetValue(name, out uint known) || known == id))
        {
            _ids[name] = id;
            return JsonValue.Create(name);
        }

        return JsonValue.Create(_ids.FirstOrDefault(pair => pair.Value == id).Key ?? id.ToString());
    }

    /// <summary>A user address: <c>buf+0x..</c> or a number.</summary>
    public static ulong AddressOf(JsonNode? node) => node is JsonValue value && value.TryGetValue(out string? text) && text.StartsWith("buf+", StringComparison.Ordinal)
        ? BufferBase + (FlowNumber.TryParse(text[4..], out ulong offset) ? offset : throw new CallNotUnderstoodException($"{text} is no address")) : FlowNumber.Of(node);

    public static string NameOfAddress(ulong address) =>
        address is >= BufferBase and < BufferBase + BufferLength ? $"buf+0x{address - BufferBase:x}" : FlowNumber.Hex(address);

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

    /// <summary>A real write of a device, and the pages of memory that received it, in order. Each page is translated by itself: one that is blocked stops no other.</summary>
    public async Task<JsonArray> DeviceWrites(string device, ulong iova, int length)
    {
        SortedSet<ulong> pages = [];
        for (int done = 0; done < length;)
        {
            ulong next = iova + (ulong)done;
            int part = (int)Math.Min((ulong)(length - done), Quantity.PageSize - (next % Quantity.PageSize));
            Reply reply = await call(new DeviceDma(new DeviceId(new HostId(id.Object.Host).Key(device)), next, part, DmaAccess.Write, false, new byte[part]));
            if (reply.Outputs is DmaOutcome { Fault: DmaFault.None } outcome)
            {
                pages.Add(outcome.Memory.Offset & ~(Quantity.PageSize - 1));
            }

            done += part;
        }

        return [.. pages.Select(page => (JsonNode)NameOfAddress(page))];
    }

    private async Task<Reply> Call(Syscall made)
    {
        Reply reply = await call(made);
        foreach (int count in (reply.Outputs as SyscallResult)?.NoncoherentCounts ?? [])
        {
            NoncoherentEvents.Add($"{(count > _noncoherent ? "register" : "unregister")}({count})");
            _noncoherent = count;
        }

        return reply;
    }
}

/// <summary>Sets fields of a struct.</summary>
public delegate void StructChange<T>(ref T value)
    where T : struct;

/// <summary>An ioctl's answer.</summary>
/// <param name="Buffers">What was put, as it is afterwards; the struct is the first.</param>
public sealed record PlayedCall(Reply Reply, byte[][] Buffers)
{
    public bool Succeeded => Reply.Succeeded;

    public T Struct<T>()
        where T : struct => MemoryMarshal.Read<T>(Buffers[0]);
}
