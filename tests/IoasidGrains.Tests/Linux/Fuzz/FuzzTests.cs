// Anything at all as the bytes of an ioctl: never an exception, never an answer that the kernel could not give, nothing left after the last close.
using IoasidGrains.Uapi.Linux;

namespace IoasidGrains.Tests.Linux.Fuzz;

/// <summary>20,000 inputs per family by default; 1,000,000 with IOASID_STRESS=1. IOASID_FUZZ_SEED=N runs one seed.</summary>
public sealed class FuzzTests
{
    private static readonly int Inputs = Environment.GetEnvironmentVariable("IOASID_STRESS") == "1" ? 1_000_000 : 20_000;
    private static readonly int? OnlySeed = int.TryParse(Environment.GetEnvironmentVariable("IOASID_FUZZ_SEED"), out int seed) ? seed : null;

    /// <summary>Ioctls that no argument makes succeed here.</summary>
    private static readonly string[] NeverSucceed = ["VFIO_DEVICE_GET_PCI_HOT_RESET_INFO", "VFIO_DEVICE_PCI_HOT_RESET", "VFIO_DEVICE_IOEVENTFD"];

    public static TheoryData<string> Families => [.. FuzzFamily.All.Select(family => family.Name)];

    [Theory]
    [MemberData(nameof(Families))]
    public void RandomCalls_KeepTheLaws(string name)
    {
        FuzzFamily family = FuzzFamily.All.First(one => one.Name == name);
        var count = new FuzzCount();
        if (OnlySeed is { } only)
        {
            FuzzProgram.Run(family, only, count);
            return;
        }

        for (int seed = 1; count.Inputs < Inputs; seed++)
        {
            FuzzProgram.Run(family, seed, count);
        }

        AssertFairShare(family, count);
    }

    /// <summary>A fuzz whose calls are all refused tests nothing.</summary>
    private static void AssertFairShare(FuzzFamily family, FuzzCount count)
    {
        foreach (LinuxIoctlRow row in LinuxIoctlTable.Rows.Where(row => row.Status is not IoctlStatus.Absent && !NeverSucceed.Contains(row.Name) && family.Has(row)))
        {
            AssertFairShare($"{family}: {row.Name}", count.Of(row.On, row.Code));
        }

        for (uint op = LinuxFlags.IOMMU_TEST_OP_ADD_RESERVED; family.Selftest && op <= LinuxFlags.IOMMU_TEST_OP_TRIGGER_IOPF; op++)
        {
            AssertFairShare($"{family}: operation {op}", count.Of(LinuxFile.Iommufd, IoctlCodes.IOMMU_TEST_CMD, op));
        }
    }

    private static void AssertFairShare(string name, (int Calls, int Successes) count) =>
        Assert.True(count.Calls >= 100 && count.Successes >= count.Calls / 25, $"{name} succeeded {count.Successes} times in {count.Calls}");
}
