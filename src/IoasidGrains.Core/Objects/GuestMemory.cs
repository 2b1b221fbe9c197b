// The memory of a VM or a process: the bytes that user addresses name, behind the caches of the CPUs.
using System.Collections.Immutable;
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>The vCPU of a VM, of which there is one: where it runs and where it may have left dirty lines.</summary>
/// <param name="Cpu">Where it ran last; null: nowhere yet.</param>
/// <param name="DirtyMask">Where it ran since the last wbinvd that was executed, as KVM noted it: only while DMA is non-coherent, and only if wbinvd traps.</param>
public sealed record VirtualCpu(CpuId? Cpu, ImmutableSortedSet<CpuId> DirtyMask);

/// <summary>A memory, and what its VM's KVM does.</summary>
/// <param name="Version">The number of the last word from KVM.</param>
/// <param name="LastFlush">The last wbinvd, in case it is asked again, and what it answered.</param>
/// <param name="Costs">Of all that KVM did to it.</param>
public sealed record MemoryState(
    CachedMemory Bytes, WbinvdMode Wbinvd, bool WbinvdExit, long Version, VirtualCpu Vcpu, (RequestId Request, CachesFlushed Answer)? LastFlush,
    KvmCosts Costs)
{
    public static readonly MemoryState Untouched = new(CachedMemory.Empty, WbinvdMode.Nop, true, -1, new VirtualCpu(null, []), null, KvmCosts.None);
}

/// <summary>
/// Serves CPUs and devices. It tells an access that went past the caches of a VM whose KVM ignores wbinvd: nobody can make that coherent.
/// A process' memory has lines, too; what its CPU flushes by itself is not modelled.
/// </summary>
public sealed class GuestMemory : KernelObject
{
    private readonly GuestMemoryId _id;
    private readonly LocalViews _views;
    private readonly FreedPages _freed = new();
    private MemoryState _state = MemoryState.Untouched;

    public GuestMemory(ObjectId id, LocalViews views)
        : base(id)
    {
        (_id, _views) = (new GuestMemoryId(id.Key), views);
        views.Publish(_id, _freed);
    }

    public override object State
    {
        get => _state;
        set => _state = (MemoryState)value;
    }

    public MemoryState Records => _state;

    public override bool HoldsState => !_state.Bytes.Lines.IsEmpty || _state.Wbinvd != WbinvdMode.Nop || _freed.Any;

    public override void Lost() => _views.Withdraw(_id, _freed);

    public override Step Handle(Command command) => command switch
    {
        DescribeObject => Done(Describe()),
        AccessMemory access => Access(access),
        CpuWrite write => Write(write),
        CpuRead read => Read(read),
        SetWbinvd set => Set(set),
        FlushCaches flush => Flush(flush),
        ReadFlushCosts => Done(Flushed([], 0)),
        FreePages free => Free(free),
        FindFreedPages find => Find(find),
        _ => throw NotUnderstood(command),
    };

    private Step Access(AccessMemory access)
    {
        if (!InRange(access.Offset, access.Length))
        {
            return Done(Errno.EFAULT);
        }

        bool gap = _id.IsOfVm && !access.Snooped && _state.Wbinvd == WbinvdMode.Nop;
        if (access.Data is { } data)
        {
            _state = _state with { Bytes = _state.Bytes.DeviceWrite(access.Offset, data, access.Snooped) };
            return Done(new MemoryAccessed(null, gap));
        }

        var bytes = new byte[access.Length];
        _state.Bytes.DeviceRead(access.Offset, bytes, access.Snooped);
        return Done(new MemoryAccessed(bytes, gap));
    }

    private Step Write(CpuWrite write)
    {
        if (!InRange(write.Offset, write.Data.Length))
        {
            return Done(Errno.EFAULT);
        }

        CpuId cpu = RunOn(write.Cpu);
        _state = _state with { Bytes = _state.Bytes.CpuWrite(write.Offset, write.Data, cpu) };
        return Done(Errno.OK);
    }

    private Step Read(CpuRead read)
    {
        if (!InRange(read.Offset, read.Length))
        {
            return Done(Errno.EFAULT);
        }

        CpuId cpu = RunOn(read.Cpu);
        var bytes = new byte[read.Length];
        _state = _state with { Bytes = _state.Bytes.CpuRead(read.Offset, bytes, cpu) };
        return Done(new MemoryBytes(bytes));
    }

    /// <summary>
    /// The vCPU is loaded on a CPU (kvm_arch_vcpu_load). Only while DMA is non-coherent KVM looks after what it leaves behind: a CPU that it left earlier is in no
    /// mask, and a later wbinvd does not reach the dirty lines there.
    /// </summary>
    private CpuId RunOn(CpuId? asked)
    {
        CpuId? last = _state.Vcpu.Cpu;
        CpuId cpu = asked ?? last ?? default;
        bool watched = _state.Wbinvd == WbinvdMode.Emulated;
        if (watched && !_state.WbinvdExit && last is { } left && left != cpu)
        {
            FlushOn([left]);
        }

        ImmutableSortedSet<CpuId> mask = watched && _state.WbinvdExit ? _state.Vcpu.DirtyMask.Add(cpu) : _state.Vcpu.DirtyMask;
        _state = _state with { Vcpu = new VirtualCpu(cpu, mask) };
        return cpu;
    }

    private Step Set(SetWbinvd set)
    {
        if (set.Version > _state.Version)
        {
            bool zaps = set.ZapsEpt && set.Mode != _state.Wbinvd;
            _state = _state with
            {
                Wbinvd = set.Mode, WbinvdExit = set.WbinvdExit, Version = set.Version,
                Costs = zaps ? _state.Costs with { EptZaps = _state.Costs.EptZaps + 1 } : _state.Costs,
            };
            if (set.FlushFirst)
            {
                FlushOn(_state.Bytes.Holders);
            }
        }

        return Done(Flushed([], 0));
    }

    /// <summary>kvm_emulate_wbinvd: if the instruction traps, on the CPUs of the mask and on this one, and the mask is emptied; else on this one.</summary>
    private Step Flush(FlushCaches flush)
    {
        if (_state.LastFlush is { } last && last.Request == flush.Request)
        {
            return Done(last.Answer);
        }

        CpuId cpu = RunOn(flush.Cpu);
        ImmutableSortedSet<CpuId> cpus = !flush.Executed ? [] : _state.WbinvdExit ? _state.Vcpu.DirtyMask.Add(cpu) : [cpu];
        int lines = FlushOn(cpus);
        KvmCosts costs = _state.Costs;
        _state = _state with
        {
            Costs = flush.Executed
                ? costs with { WbinvdExecuted = costs.WbinvdExecuted + 1 }
                : costs with { WbinvdIgnored = costs.WbinvdIgnored + 1 },
        };
        CachesFlushed flushed = Flushed([.. cpus], lines);
        _state = _state with
        {
            Vcpu = flush.Executed ? new VirtualCpu(cpu, []) : _state.Vcpu,
            LastFlush = (flush.Request, flushed),
        };
        return Done(flushed);
    }

    private int FlushOn(ImmutableSortedSet<CpuId> cpus)
    {
        CachedMemory bytes = _state.Bytes.Flush(cpus, out int lines);
        _state = _state with
        {
            Bytes = bytes,
            Costs = _state.Costs with { CachesFlushed = _state.Costs.CachesFlushed + cpus.Count, LinesFlushed = _state.Costs.LinesFlushed + lines },
        };
        return lines;
    }

    private CachesFlushed Flushed(CpuId[] cpus, int lines) => new(cpus, lines, _state.Costs);

    private Step Free(FreePages free)
    {
        _freed.Set(free.Offset, free.Length, free.Free);
        return Done(Errno.OK);
    }

    private Step Find(FindFreedPages find)
    {
        (int count, int first) = (0, -1);
        for (int i = find.Offsets.Length - 1; i >= 0 && _freed.Any; i--)
        {
            if (_freed.IsFreed(find.Offsets[i]))
            {
                (count, first) = (count + 1, i);
            }
        }

        return Done(new FreedPagesFound(count, first));
    }

    private ObjectStatus Describe()
    {
        int cached = _state.Bytes.Lines.Values.Count(line => line.Holder is not null);
        int dirty = _state.Bytes.Lines.Values.Count(line => line.Dirty);
        return new ObjectStatus(Id, "present", $"pages={_state.Bytes.Pages} wbinvd={_state.Wbinvd.Word()}" + (cached == 0 ? "" : $" cached={cached} dirty={dirty}"), []);
    }

    private static bool InRange(ulong offset, int length) =>
        length is > 0 and <= DeviceDma.MaxLength && offset < Quantity.UserAddressEnd && (ulong)length <= Quantity.UserAddressEnd - offset;
}
