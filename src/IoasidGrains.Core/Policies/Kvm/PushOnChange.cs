// The fd tells KVM whenever the answer of its policy changes.
namespace IoasidGrains.Core;

/// <summary>
/// RFC v2 1.5, rule 5: a notification switches between emulation and no-op as attachments change. Permission follows the presence of devices (Alex Williamson, m257, m267;
/// Paolo Bonzini, m318).
/// </summary>
public static class PushOnChange
{
    public static readonly KvmSide Side = new("push", "RFC v2, 9 July 2021", KvmTrigger.Change, (fd, _) => fd.Profile.Sharing.IsNoncoherent(fd));
}
