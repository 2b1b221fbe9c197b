// The rules of a process's system calls: from its records and a call to a decision.
using IoasidGrains.Core.Linux;
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>Runs a call on the kernel's side of the process; what it does to devices and page tables becomes changes like those of an ioasid_fd.</summary>
public static class ProcessRules
{
    public static Decision Start(FdState fd, StartProcess start) =>
        fd.Options is not null ? Decision.Refuse(Errno.EEXIST)
        : Profiles.Find(start.Options.Profile) is null || Profiles.Find(start.Options.ContainerProfile) is null ? Decision.Refuse(Errno.EINVAL)
        : Decision.Change(new ProcessStarted(start.Options));

    /// <summary>Runs a call; the frame is what it leaves behind, and what it would still ask.</summary>
    public static Decision Run(FdState fd, FdId id, Syscall call, out SyscallFrame frame)
    {
        frame = SyscallFrame.Of(fd.Process!, call);
        long value = Syscalls.Run(frame, call);
        Reply reply = frame.Answer(value);
        return frame.State == fd.Process && frame.Live.Count == 0 ? Decision.Answer(reply) : Change(fd, id, frame, new SyscallMade(call)).With(reply);
    }

    /// <summary>All files are closed, as at the end of a process, and the records with them.</summary>
    public static Decision Exit(FdState fd, FdId id)
    {
        var frame = new SyscallFrame(id, fd.Process!, []);
        List<Change> made = [];
        foreach (int file in fd.Process!.Files.Keys)
        {
            var close = new SysClose(id, file);
            Syscalls.Run(frame, close);
            made.Add(new SyscallMade(close));
        }

        Decision exit = Change(fd, id, frame, [.. made]);
        return (exit with { Changes = [.. exit.Changes, new FdClosed()] }).With(KvmRules.ReleaseLinks(fd.With(exit.Changes), id));
    }

    private static Decision Change(FdState fd, FdId id, SyscallFrame frame, params Change[] made)
    {
        (Change[] changes, (Claim Claim, Errno IfRefused)[] claims) = Lowering.Of(fd, id, frame.Live);
        (Claim Claim, Errno IfRefused)[] all = [.. frame.Claims, .. claims];
        return Decision.Change([.. made, .. changes]).With([.. all.Select(claim => claim.Claim)]) with { Refusals = all, Process = frame.State };
    }
}
