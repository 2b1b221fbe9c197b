// What KVM knows of a VM, as one immutable value; used by Kvm.
using System.Collections.Immutable;
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>One fd's part in a VM's coherency.</summary>
/// <param name="ByFiles">It speaks for the files of its devices.</param>
/// <param name="Order">The last append of that fd that was driven here.</param>
/// <param name="Restored">Taken from the claims: a drive that is known by them may never have been taken here.</param>
public sealed record FdLink(bool Linked, bool Noncoherent, bool ByFiles, long Order, bool Restored = false);

/// <summary>What KVM knows of a VM.</summary>
/// <param name="Traits">Kernel and CPU.</param>
/// <param name="Ended">The VM's last file was closed.</param>
/// <param name="Files">Device files that KVM keeps, and whether the unit of each cannot enforce snooping.</param>
/// <param name="Sequence">Of the last record of the VM's own log.</param>
/// <param name="Since">The append that it started from: what was driven before is in the claims that it started with.</param>
/// <param name="MemoryKnows">What the VM's memory was told last; null if that is not known.</param>
/// <param name="MemoryVersion">Numbers what the VM's memory was told.</param>
/// <param name="FlushDue">With the next word to the memory all caches are written back.</param>
/// <param name="Answers">What the VM was asked last.</param>
/// <param name="Costs">As its memory told last.</param>
public sealed record KvmState(
    VmTraits Traits, bool Ended, ImmutableSortedDictionary<string, FdLink> Links, ImmutableSortedDictionary<DeviceId, bool> Files, long Sequence, long Since,
    WbinvdMode? MemoryKnows, long MemoryVersion, bool FlushDue, AnswerWindow Answers, KvmCosts Costs)
{
    /// <summary>From what the store knows; what the memory was told by a Kvm before is not known.</summary>
    public static KvmState From(StoredObject stored) => new(
        (stored.Declaration as DeclareVm)?.Traits ?? VmTraits.Default,
        stored.Log.Any(record => record.Changes[0] is VmClosed),
        stored.Holders.ToImmutableSortedDictionary(fd => fd.Key, fd => new FdLink(
            true, stored.Noncoherent.Contains(fd) || stored.NoncoherentByFiles.Contains(fd), stored.NoncoherentByFiles.Contains(fd), stored.Order, Restored: true)),
        stored.Files.ToImmutableSortedDictionary(file => file.Device, file => file.Noncoherent),
        stored.Log.Length == 0 ? 0 : stored.Log[^1].Sequence, stored.Order, stored.Epoch > 1 ? null : WbinvdMode.Nop, stored.Epoch << 32,
        false, stored.Log.Aggregate(AnswerWindow.Empty, (window, record) => window.Add(record)),
        KvmCosts.None);

    /// <summary>Once per fd; all files, and all fds that speak for files, once together, as one kvm-vfio device registers once (domain 133).</summary>
    public int NoncoherentCount
    {
        get
        {
            (int fds, bool files) = (0, false);
            foreach ((_, FdLink link) in Links)
            {
                fds += link is { Noncoherent: true, ByFiles: false } ? 1 : 0;
                files |= link is { Noncoherent: true, ByFiles: true };
            }

            foreach ((_, bool noncoherent) in Files)
            {
                files |= noncoherent;
            }

            return Ended ? 0 : fds + (files ? 1 : 0);
        }
    }

    public WbinvdMode Wbinvd => NoncoherentCount == 0 ? WbinvdMode.Nop : WbinvdMode.Emulated;

    /// <summary>The state after one record of the VM's own log.</summary>
    public KvmState Apply(LogRecord record)
    {
        KvmState next = this with { Sequence = record.Sequence, Answers = Answers.Add(record) };
        return record.Changes[0] switch
        {
            VmFileAdded added => next with { Files = Files.Add(added.Device, added.Noncoherent) },
            VmFileRemoved removed => next with { Files = Files.Remove(removed.Device) },
            VmClosed => next with { Ended = true, Files = Files.Clear() },
            _ => throw new InvariantException($"A VM's log holds {record.Changes[0].GetType().Name}, which is no change of a VM."),
        };
    }
}
