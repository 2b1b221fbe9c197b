// Every invariant can fail: a row of status lines that breaks it, next to lines that break none.
using IoasidGrains.Core;

namespace IoasidGrains.Tests;

public sealed class InvariantTests
{
    private static readonly string[] Sound =
    [
        "IoasidFd fd1 open|profile=seed-strict devices=A:1,B:2 ioasids=1,2 kvms=vm1:noncoherent",
        "Ioasid fd1/1 snoop|mappings=1 bytes=0x1000 devices=A",
        "Ioasid fd1/2 no_snoop|mappings=0 bytes=0x0 devices=B",
        "Kvm vm1 running|noncoherent_dma=1 wbinvd=emulated fds=fd1:noncoherent",
        "IommuUnit u1 enforce_snoop|contexts=A:fd1/1/p0",
        "IommuUnit u2 no_enforce_snoop|contexts=B:fd1/2/p0",
        "Device A attached|behind=u1 group=A fd=fd1 table=fd1/1/p0",
        "Device B attached|behind=u2 group=B fd=fd1 table=fd1/2/p0",
        "PageTable fd1/1/p0 enforcing|mappings=1 bytes=0x1000 users=A",
        "PageTable fd1/2/p0 plain|mappings=0 bytes=0x0 users=B",
    ];

    [Fact]
    public void SoundStatus_BreaksNothing() => Assert.Null(Broken());

    [Theory]
    [InlineData("cannot enforce snoop but has the enforcing table", "IommuUnit u2 no_enforce_snoop|contexts=B:fd1/1/p0")]
    [InlineData("is mixed while its IOASID is snoop", "PageTable fd1/1/p0 mixed|mappings=1 bytes=0x1000 users=A")]
    [InlineData("is plain while its IOASID is snoop", "PageTable fd1/1/p0 plain|mappings=1 bytes=0x1000 users=A")]
    [InlineData("ignores wbinvd, and fd1 does not say so", "Kvm vm1 running|noncoherent_dma=0 wbinvd=nop fds=fd1:coherent", "IoasidFd fd1 open|devices=A:1,B:2 ioasids=1,2 kvms=vm1:coherent")]
    [InlineData("emulates wbinvd for fd1, which has no no-snoop IOASID", "Ioasid fd1/2 snoop|mappings=0 bytes=0x0 devices=B", "PageTable fd1/2/p0 enforcing|mappings=0 bytes=0x0 users=B", "IommuUnit u2 enforce_snoop|contexts=B:fd1/2/p0")]
    [InlineData("but the device says", "Device A blocked|behind=u1 group=A fd=fd1")]
    [InlineData("but the device says", "Device A free|behind=u1 group=A")]
    [InlineData("says that fd2 holds it", "Device C blocked|behind=u1 group=C fd=fd2")]
    [InlineData("says that fd1 holds it", "Device C blocked|behind=u1 group=C fd=fd1")]
    [InlineData("has 'blocked' for it", "IommuUnit u1 enforce_snoop|contexts=A:blocked")]
    [InlineData("its IOASID or table does not", "PageTable fd1/1/p0 enforcing|mappings=1 bytes=0x1000")]
    [InlineData("do not agree", "PageTable fd1/1/p0 enforcing|mappings=1 bytes=0x2000 users=A")]
    [InlineData("do not agree", "PageTable fd1/1/p0 enforcing|mappings=1 bytes=0x1000 users=A,C")]
    [InlineData("do not agree", "Ioasid fd1/3 snoop|mappings=0 bytes=0x0")]
    [InlineData("has told vm1 'noncoherent'", "Kvm vm1 running|noncoherent_dma=0 wbinvd=emulated fds=fd1:coherent")]
    [InlineData("but A is not so", "Kvm vm1 running|noncoherent_dma=1 wbinvd=emulated fds=fd1:noncoherent files=A:noncoherent")]
    [InlineData("but B is not so", "Kvm vm1 running|noncoherent_dma=1 wbinvd=emulated fds=fd1:noncoherent files=B:coherent")]
    [InlineData("counts 0", "Kvm vm1 running|noncoherent_dma=0 wbinvd=nop fds=fd1:noncoherent files=B:noncoherent", "IoasidFd fd1 open|devices=A:1,B:2 ioasids=1,2 kvms=vm1:noncoherent coherency_gap=vm1")]
    [InlineData("counts 3", "Kvm vm1 running|noncoherent_dma=3 wbinvd=emulated fds=fd1:noncoherent files=B:noncoherent")]
    [InlineData("is split", "Device A attached|behind=u1 group=g fd=fd1 table=fd1/1/p0", "Device B attached|behind=u2 group=g fd=fd1 table=fd1/2/p0")]
    public void BrokenStatus_IsNamed(string sentence, params string[] lines) => Assert.Contains(sentence, Broken(lines));

    private static string? Broken(params string[] lines)
    {
        Dictionary<ObjectId, ObjectStatus> all = Sound.Concat(lines).Select(Parse).GroupBy(status => status.Id).ToDictionary(same => same.Key, same => same.Last());
        return Invariants.FirstBroken(all.Values);
    }

    private static ObjectStatus Parse(string line)
    {
        string[] halves = line.Split('|');
        string[] words = halves[0].Split(' ');
        return new ObjectStatus(new ObjectId(Enum.Parse<ObjectKind>(words[0]), "h/" + words[1]), words[2], halves[1], []);
    }
}
