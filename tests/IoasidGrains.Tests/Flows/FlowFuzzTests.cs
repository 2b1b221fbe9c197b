// The parser answers with a flow or with errors whatever it is given; it never throws.
using System.Text;
using IoasidGrains.Flows;

namespace IoasidGrains.Tests;

public sealed class FlowFuzzTests
{
    private const int Inputs = 60_000;

    private const string Valid = """
        # every verb
        iommu vtd0 enforce_snoop width 48 pages 4K,2M scalable reserved 0x1000+4K => 0
        device dev1 behind vtd0 group g1 id 8086:0300 driver kvmgt opens_at attach => 0
        open fd1 /dev/ioasid seed-strict refuse_gap memlock 64K mappings 5 => 0
        vm guest
        gpa = ioctl fd1 IOASID_ALLOC snoop width 39 => 1
        flag = choose fd1 dev1 auto list 8086:03*,10de:0300 => 0 no_snoop
        @c1 ioctl fd1 IOASID_MAP_DMA gpa 0x2000+4K vm1+0x1000 rw => 0
        @c2 ioctl dev1 VFIO_ATTACH_IOASID gpa flag => -EINVAL
        sync
        ioctl fd1 0x6907 gpa all => 0 size=0x1000
        dma dev1 write 0x2000+4 no_snoop data "abcd" => 0 at=vm1+0x1000
        cpu guest write 0x10 deadbeef
        cpu vm1 wbinvd => 0 ignored
        status
        close fd1 => 0
        """;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Parse_RandomBytes_NeverThrows(int seed)
    {
        var random = new Random(seed);
        byte[] bytes = new byte[200];
        for (int i = 0; i < Inputs / 2; i++)
        {
            Span<byte> used = bytes.AsSpan(0, random.Next(bytes.Length));
            random.NextBytes(used);
            CheckParse(Encoding.UTF8.GetString(used), seed);
            CheckParse(Encoding.Latin1.GetString(used), seed);
        }
    }

    [Theory]
    [InlineData(3)]
    [InlineData(4)]
    public void Parse_MutationsOfAValidFlow_NeverThrows(int seed)
    {
        Assert.Empty(FlowParser.Parse(Valid, "valid.flow").Errors);
        var random = new Random(seed);
        string[] lines = Valid.Split('\n');
        for (int i = 0; i < Inputs / 2; i++)
        {
            string[] some = [.. Enumerable.Range(0, random.Next(1, 6)).Select(_ => lines[random.Next(lines.Length)])];
            CheckParse(Mutate(string.Join('\n', some), random), seed);
        }
    }

    private static string Mutate(string text, Random random)
    {
        var mutated = new StringBuilder(text);
        for (int edits = random.Next(1, 5); edits > 0 && mutated.Length > 0; edits--)
        {
            int at = random.Next(mutated.Length);
            int length = Math.Min(random.Next(1, 8), mutated.Length - at);
            _ = random.Next(4) switch
            {
                0 => mutated.Remove(at, length),
                1 => mutated.Insert(at, "\" =>#+@,:*\0\r\n9x"[random.Next(15)]),
                2 => mutated.Insert(at, mutated.ToString(at, length)),
                _ => mutated.Replace(mutated[at], (char)random.Next(1, 0x250), at, 1),
            };
        }

        return mutated.ToString();
    }

    /// <summary>A result is a flow or errors, never both or neither; every line can be completed; a flow's steps can be planned and its text kept.</summary>
    private static void CheckParse(string text, int seed)
    {
        try
        {
            ParsedFlow parsed = FlowParser.Parse(text, "fuzz.flow");
            Assert.Equal(parsed.Flow is null, parsed.Errors.Count > 0);
            Assert.All(parsed.Errors, error => Assert.True(error.Column >= 1 && error.ToString().Length > 0));
            FlowCompletion.Complete(text, new FlowScope());
            if (parsed.Flow is { } flow)
            {
                Assert.Equal(text, string.Concat(flow.Lines.Select(line => line.Raw + line.End)));
                FlowNames names = new FlowNames(new HostId("h")).WithGuesses(flow);
                Assert.All(flow.Steps, line => line.Step!.Plan(names, default));
            }
        }
        catch (Exception thrown)
        {
            Assert.Fail($"seed {seed}: {thrown.GetType().Name} {thrown.Message} for {Convert.ToHexString(Encoding.UTF8.GetBytes(text))}\n{thrown.StackTrace}");
        }
    }
}
