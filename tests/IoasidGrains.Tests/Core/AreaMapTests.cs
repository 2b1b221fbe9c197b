// The area map against a plain list.
using IoasidGrains.Core;

namespace IoasidGrains.Tests;

public sealed class AreaMapTests
{
    [Fact]
    public void RandomAddsAndRemoves_AgreeWithAPlainList()
    {
        var random = new SplitMix(20210604);
        AreaMap map = AreaMap.Empty;
        List<Area> model = [];
        for (int i = 0; i < 20_000; i++)
        {
            ulong start = (ulong)random.Below(200);
            var range = new IovaRange(start, start + (ulong)random.Below(12));
            Area[] overlapping = [.. model.Where(area => area.Range.Overlaps(range)).OrderBy(area => area.Range.Start)];
            Assert.Equal(overlapping, map.Overlapping(range));
            Assert.Equal(model.SingleOrDefault(area => area.Range == range), map.Find(range));
            if (overlapping.Length == 0)
            {
                var area = new Area(range, new UserAddress(new GuestMemoryId("h/vm1/mem"), start), DmaAccess.Read);
                map = map.Add(area);
                model.Add(area);
            }
            else
            {
                Area victim = overlapping[random.Below(overlapping.Length)];
                map = map.Remove(victim.Range);
                model.Remove(victim);
            }

            Assert.Equal(model.Count, map.Count);
            Assert.Equal(model.Aggregate(0UL, (sum, area) => sum + area.Range.Length), map.Bytes);
        }
    }

    [Fact]
    public void MemoryBeyondTheThirtySecond_HasNoRoom()
    {
        AreaMap map = AreaMap.Of(Enumerable.Range(0, 32).Select(i =>
            new Area(new IovaRange((ulong)i * 4096, ((ulong)i * 4096) + 4095), new UserAddress(new GuestMemoryId($"h/vm{i}/mem"), 0), DmaAccess.Read)));
        Assert.True(map.HasRoomFor(new GuestMemoryId("h/vm31/mem")));
        Assert.False(map.HasRoomFor(new GuestMemoryId("h/vm32/mem")));
    }
}
