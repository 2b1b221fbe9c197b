// The trace file: what is read, and the place and the reason of what is not.
using IoasidGrains.Flows;

namespace IoasidGrains.Tests;

public sealed class TraceFileTests
{
    [Fact]
    public void Trace_AllSpellings_AreRead()
    {
        const string text = "# recorded\n\n  read 0x1000 64\nwrite\t2M 4K 100 # later\r\nread 0xffffffffffffffff 1 100\nwrite 0 65536";

        ParsedTrace parsed = TraceFile.Parse(text, "t.trace");

        Assert.Empty(parsed.Errors);
        Assert.Equal([0x1000, 2UL << 20, ulong.MaxValue, 0], parsed.Trace!.Iovas);
        Assert.Equal([64, 4096, 1, 65536], parsed.Trace.Lengths);
        Assert.Equal([false, true, false, true], parsed.Trace.Writes);
        Assert.Equal(Errno.OK, new DmaWorkload(DmaPattern.Trace, default, 1, 1) { Trace = parsed.Trace }.Check());
    }

    [Theory]
    [InlineData("raed 0 64", "1:1: found 'raed', expected read or write; did you mean 'read'?")]
    [InlineData("R 0 64", "1:1: found 'R', expected read or write")]
    [InlineData("read", "1:5: found the end of the line, expected an IOVA")]
    [InlineData("read # 0 64", "1:6: found the end of the line, expected an IOVA")]
    [InlineData("read 0x 64", "1:6: found '0x', expected an IOVA")]
    [InlineData("read -1 64", "1:6: found '-1', expected an IOVA")]
    [InlineData("read 0x10000000000000000 64", "1:6: found '0x10000000000000000', expected an IOVA")]
    [InlineData("read 0", "1:7: found the end of the line, expected a length of 1 to 65536 bytes")]
    [InlineData("read 0 0", "1:8: found '0', expected a length of 1 to 65536 bytes")]
    [InlineData("read 0 65537", "1:8: found '65537', expected a length of 1 to 65536 bytes")]
    [InlineData("read 0xfffffffffffffff0 17", "1:25: found '17', expected a length of 1 to 16 bytes")]
    [InlineData("write 0 64 soon", "1:12: found 'soon', expected nanoseconds")]
    [InlineData("read 0 64 20\nread 0 64 19", "2:11: found '19', expected nanoseconds, 20 at least")]
    [InlineData("read 0 64 20\nread 0 64\n\nread 0 64 19", "4:11: found '19', expected nanoseconds, 20 at least")]
    [InlineData("read 0 64 1 again", "1:13: found 'again', expected the end of the line")]
    [InlineData("", "1:1: found the end of the file, expected at least one access")]
    [InlineData("# nothing\n\n", "3:1: found the end of the file, expected at least one access")]
    public void Trace_Broken_SaysWhereAndWhatWasExpected(string text, string error)
    {
        ParsedTrace parsed = TraceFile.Parse(text, "t.trace");

        Assert.Null(parsed.Trace);
        Assert.StartsWith("t.trace:" + error, Assert.Single(parsed.Errors).ToString());
    }

    [Fact]
    public void Trace_EveryBrokenLine_IsReported_UpToALimit()
    {
        Assert.Equal([1, 3], TraceFile.Parse("reed 0 1\nread 0 1\nread 0\n", "t").Errors.Select(error => error.Line));
        Assert.Equal(TraceFile.MaxErrors, TraceFile.Parse(string.Concat(Enumerable.Repeat("\0\n", 1000)), "t").Errors.Count);
    }

    [Fact]
    public void Trace_OneAccessTooMany_IsRefusedAtItsLine()
    {
        string full = string.Concat(Enumerable.Repeat("read 0 1\n", DmaTrace.MaxAccesses));

        Assert.Equal(DmaTrace.MaxAccesses, TraceFile.Parse(full, "t").Trace!.Iovas.Length);
        Assert.Equal(DmaTrace.MaxAccesses + 1, Assert.Single(TraceFile.Parse(full + "read 0 1\n", "t").Errors).Line);
    }

    [Fact]
    public void Trace_AnyText_IsReadOrRefused()
    {
        string[] pieces = ["read", "write", " ", "\t", "\n", "\r", "#", "0x", "1", "4K", "\"", "=>", "9", "\0", "é", "\ud800", "64"];
        for (int seed = 1; seed <= 2000; seed++)
        {
            var random = new Random(seed);
            string text = string.Concat(Enumerable.Range(0, random.Next(40)).Select(_ => pieces[random.Next(pieces.Length)]));

            ParsedTrace parsed = TraceFile.Parse(text, "t");

            Assert.True((parsed.Trace is null) == (parsed.Errors.Count > 0), $"seed {seed}: {text}");
        }
    }
}
