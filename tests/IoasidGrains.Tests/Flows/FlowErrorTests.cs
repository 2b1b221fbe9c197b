// Every way in which a flow file can be broken: one row each, with place and hint.
using IoasidGrains.Flows;

namespace IoasidGrains.Tests;

public sealed class FlowErrorTests
{
    private const string Declared =
        "iommu vtd0\ndevice dev1 behind vtd0\nopen fd1 /dev/ioasid\ngpa = ioctl fd1 IOASID_ALLOC snoop\nflag = choose fd1 dev1\n";

    private const int FirstLine = 6;

    public static TheoryData<string, int, string, string?> Rows => new()
    {
        // a line, the column, words of the message, the hint
        { "iommmu vtd1", 1, "found 'iommmu', expected a verb", "iommu" },
        { "IOCTL fd1 IOASID_FREE 1", 1, "expected a verb", "ioctl" },
        { "frobnicate", 1, "expected a verb", null },
        { "=> 0", 1, "found the end of the step, expected a verb", null },
        { "  @c1", 6, "found the end of the step, expected a verb", null },
        { "@ ioctl fd1 IOASID_FREE 1", 1, "found '@', expected a client", null },
        { "iommu", 6, "found the end of the step, expected a new name for an IOMMU unit", null },
        { "iommu 9x", 7, "found '9x', expected a new name", null },
        { "iommu snoop", 7, "expected a new name", null },
        { "iommu vtd0", 7, "found 'vtd0', which line 1 declares as an IOMMU unit", null },
        { "device vtd0 behind vtd0", 8, "which line 1 declares as an IOMMU unit", null },
        { "device vm3 behind vtd0", 8, "vm and digits is a VM", null },
        { "open fd1 /dev/ioasid", 6, "which line 3 declares as an ioasid_fd", null },
        { "gpa = ioctl fd1 IOASID_ALLOC snoop", 1, "which line 4 declares as a number", null },
        { "iommu vtd1 enforce_snop", 12, "expected enforce_snoop, width", "enforce_snoop" },
        { "iommu vtd1 scalable scalable", 21, "found 'scalable', expected enforce_snoop", null },
        { "iommu vtd1 width 4x", 18, "found '4x', expected a width", null },
        { "iommu vtd1 width", 17, "found the end of the step, expected a width", null },
        { "iommu vtd1 pages 4K,3K", 18, "expected page sizes", null },
        { "iommu vtd1 pages 2M", 18, "expected 4K among", null },
        { "iommu vtd1 reserved 0x1000", 21, "expected a window", null },
        { "iommu vtd1 reserved 0x1000+0", 21, "of at least a byte", null },
        { "iommu vtd1 reserved 0x1000+12z", 28, "found '12z', expected a number", null },
        { "device dev2 bhind vtd0", 13, "expected 'behind'", "behind" },
        { "device dev2 behind vdt0", 20, "found 'vdt0', which nothing declares, expected the name of an IOMMU unit", "vtd0" },
        { "device dev2 behind fd1", 20, "found 'fd1', an ioasid_fd, expected the name of an IOMMU unit", null },
        { "device dev2 behind vtd0 driver kvmgd", 32, "expected a driver", "kvmgt" },
        { "device dev2 behind vtd0 opens_at atach", 34, "expected 'bind' or 'attach'", "attach" },
        { "device dev2 behind vtd0 id 80860300", 28, "expected vendor and class", null },
        { "device dev2 behind vtd0 group", 30, "expected the name of a group", null },
        { "device dev2 behind vtd0 grup g1", 25, "expected group", "group" },
        { "open fd2", 9, "found the end of the step, expected '/dev/ioasid'", null },
        { "open fd2 /dev/ioaisd", 10, "expected '/dev/ioasid'", "/dev/ioasid" },
        { "open fd2 /dev/ioasid refuse_gp", 22, "expected seed-strict, rfc-v2", "refuse_gap" },
        { "open fd2 /dev/ioasid seed-strict memlok 4K", 34, "expected refuse_gap", "memlock" },
        { "open fd2 /dev/ioasid memlock 4Q", 30, "found '4Q', expected a size", null },
        { "close vtd0", 7, "found 'vtd0', an IOMMU unit, expected the name of an ioasid_fd, a device, a VM, a process or a file of one", null },
        { "close fd9", 7, "found 'fd9', which nothing declares", "fd1" },
        { "ioctl", 6, "found the end of the step, expected the name of", null },
        { "ioctl fd2 IOASID_FREE 1", 7, "found 'fd2', which nothing declares", "fd1" },
        { "ioctl gpa IOASID_FREE 1", 7, "found 'gpa', a number", null },
        { "ioctl fd1", 10, "found the end of the step, expected an ioctl's macro", null },
        { "ioctl fd1 IOASID_ALOC snoop", 11, "found 'IOASID_ALOC', expected an ioctl's macro", "IOASID_ALLOC" },
        { "ioctl fd1 ioasid_alloc snoop", 11, "expected an ioctl's macro", "IOASID_ALLOC" },
        { "ioctl vm1 KVM_ADD fd1", 11, "found 'KVM_ADD'", "KVM_ADD_IOASID_FD" },
        { "ioctl fd1 0xZZ", 11, "found '0xZZ', expected an ioctl's macro", null },
        { "ioctl fd1 IOASID_ALLOC", 23, "found the end of the step, expected 'snoop'", null },
        { "ioctl fd1 IOASID_ALLOC snop", 24, "expected 'snoop', 'no_snoop'", "snoop" },
        { "ioctl fd1 IOASID_ALLOC snoop snoop", 30, "expected 'width'", null },
        { "ioctl fd1 IOASID_ALLOC snoop width 39 48", 39, "found '48', expected the end of the step", null },
        { "ioctl fd1 IOASID_FREE gpaa", 23, "found 'gpaa', which nothing declares, expected an IOASID", "gpa" },
        { "ioctl fd1 IOASID_FREE 1x", 23, "found '1x', expected a number", null },
        { "ioctl fd1 IOASID_GET_DEV_INFO dve1", 31, "expected the name of a device", "dev1" },
        { "ioctl fd1 IOASID_GET_DEV_INFO 3", 31, "found '3', expected the name of a device", null },
        { "ioctl fd1 IOASID_MAP_DMA gpa 0x1000 0", 30, "expected IOVA+LENGTH", null },
        { "ioctl fd1 IOASID_MAP_DMA gpa 0x1000+0xg 0", 37, "found '0xg', expected a number", null },
        { "ioctl fd1 IOASID_MAP_DMA gpa 0+ 0", 32, "found no number", null },
        { "ioctl fd1 IOASID_MAP_DMA gpa 0+4K vmx+0", 35, "found 'vmx', which nothing declares", null },
        { "ioctl fd1 IOASID_MAP_DMA gpa 0+4K vm1+q", 39, "found 'q', expected a number", null },
        { "ioctl fd1 IOASID_MAP_DMA gpa 0+4K 0 rx", 37, "expected an access", "r" },
        { "ioctl fd1 IOASID_MAP_DMA gpa all 0", 30, "expected IOVA+LENGTH", null },
        { "ioctl fd1 IOASID_UNMAP_DMA gpa al", 32, "or 'all'", "all" },
        { "ioctl fd1 IOASID_REGISTER_MEMORY vm1+0", 34, "found 'vm1', expected a number", null },
        { "ioctl fd1 IOASID_CHECK_EXTENSION EXT_DMA_NOSNOOP", 34, "expected the name of an extension", "EXT_DMA_NO_SNOOP" },
        { "ioctl fd1 IOASID_PAGE_FAULT !", 29, "expected a name, a number or a range", null },
        { "x = dma dev1 read 0+1", 5, "expected 'ioctl' or 'choose'", null },
        { "x = choos fd1 dev1", 5, "expected 'ioctl' or 'choose'", "choose" },
        { "choose fd1 dev1 onn", 17, "found 'onn', expected auto, on, off or list", "on" },
        { "choose fd1 dev1 auto list 8086:3**", 27, "expected vendors and classes", null },
        { "choose dev1 fd1", 8, "found 'dev1', a device, expected the name of an ioasid_fd", null },
        { "dma fd1 read 0+1", 5, "found 'fd1', an ioasid_fd, expected the name of a device", null },
        { "dma dev1 raed 0+1", 10, "expected 'read' or 'write'", "read" },
        { "dma dev1 read 0+1 data ff", 19, "found 'data', expected no_snoop", null },
        { "dma dev1 write 0+1 data fff", 25, "expected bytes as hex", null },
        { "dma dev1 write 0+2 data ff", 25, "found 1 bytes, expected 2 bytes", null },
        { "dma dev1 write 0+2 data \"ab", 25, "found a quote that is not closed", null },
        { "cpu dev1 read 0+1", 5, "found 'dev1', a device", null },
        { "cpu fd1 wbinvd", 9, "found 'wbinvd', expected write or read", null },
        { "cpu vm1 write 0", 16, "found the end of the step, expected bytes", null },
        { "sync now", 6, "found 'now', expected the end of the step", null },
        { "@c1 sync", 1, "expected 'sync' alone", null },
        { "status => 0", 8, "expected 'status' alone", null },
        { "close fd1 =>", 13, "found the end of the step, expected a value", null },
        { "close fd1 =>0", 11, "found '=>0', expected the end of the step, or '=>'", null },
        { "close fd1 => EINVAL", 14, "found 'EINVAL', expected a value", null },
        { "close fd1 => -EINVALL", 14, "found '-EINVALL', expected an error number", "-EINVAL" },
        { "close fd1 => -22", 14, "found '-22', expected an error number", null },
        { "close fd1 => 0xffffffffffffffff", 14, "expected a value", null },
    };

    [Theory]
    [MemberData(nameof(Rows))]
    public void Parse_BrokenLine_SaysWhereAndWhatAndTheNearestWord(string line, int column, string words, string? hint)
    {
        ParsedFlow parsed = FlowParser.Parse(Declared + line + "\n", "a.flow");

        FlowError error = Assert.Single(parsed.Errors);
        Assert.Null(parsed.Flow);
        Assert.Contains(words, error.ToString());
        Assert.StartsWith($"a.flow:{FirstLine}:{column}: found ", error.ToString());
        Assert.Equal(hint, error.Nearest);
    }

    [Fact]
    public void Parse_SeveralBrokenLines_ReportsEach()
    {
        ParsedFlow parsed = FlowParser.Parse("iommmu vtd0\r\niommu vtd1 widht 3\r\n# fine\r\nclose fd9 => 0\r\n", "b.flow");

        Assert.Equal([1, 2, 4], parsed.Errors.Select(error => error.Line));
    }

    [Fact]
    public void Parse_UseOfANameFromABrokenDeclaration_IsNoSecondError()
    {
        const string text = "iommmu vtd0\niommu vtd1 width x\ndevice d behind vtd0\nopen f /dev/ioaisd\ng = ioctl f IOASID_ALOC\nioctl f IOASID_FREE g\n";

        Assert.Equal([1, 2, 4, 5], FlowParser.Parse(text, "c.flow").Errors.Select(error => error.Line));
    }

    [Theory]
    [InlineData("@c1 gpa = ioctl fd1 IOASID_ALLOC snoop\n@c2 ioctl fd1 IOASID_FREE gpa", 27)]
    [InlineData("@c1 gpa = ioctl fd1 IOASID_ALLOC snoop\n# still the same section\n@c2 ioctl fd1 IOASID_FREE gpa", 27)]
    public void Parse_ValueOfAConcurrentStep_AsksForSync(string text, int column)
    {
        FlowError error = Assert.Single(FlowParser.Parse("open fd1 /dev/ioasid\n" + text, "d.flow").Errors);

        Assert.Equal(column, error.Column);
        Assert.Equal("a 'sync' before this step", error.Expected);
    }

    [Theory]
    [InlineData("@c1 gpa = ioctl fd1 IOASID_ALLOC snoop\nsync\n@c2 ioctl fd1 IOASID_FREE gpa")]
    [InlineData("@c1 gpa = ioctl fd1 IOASID_ALLOC snoop\n@c1 ioctl fd1 IOASID_FREE gpa")]
    [InlineData("@c1 gpa = ioctl fd1 IOASID_ALLOC snoop\nioctl fd1 IOASID_FREE gpa")]
    [InlineData("gpa = ioctl fd1 IOASID_ALLOC snoop\n@c2 ioctl fd1 IOASID_FREE gpa")]
    public void Parse_ValueOfAStepThatIsOver_IsFine(string text) =>
        Assert.Empty(FlowParser.Parse("open fd1 /dev/ioasid\n" + text, "d.flow").Errors);

    [Fact]
    public void Show_ControlCharacters_DoNotReachTheTerminal()
    {
        string error = FlowParser.Parse("\u001b[2J", "e.flow").Errors[0].ToString();

        Assert.DoesNotContain('\u001b', error);
        Assert.Contains("\\u001b", error);
    }
}
