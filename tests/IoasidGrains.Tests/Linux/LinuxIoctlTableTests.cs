// The table of Linux's ioctls: complete, and what it says is what happens.
using System.Reflection;
using IoasidGrains.Flows;
using IoasidGrains.Uapi.Linux;

namespace IoasidGrains.Tests.Linux;

public sealed class LinuxIoctlTableTests
{
    /// <summary>Where a kernel does not answer ENOTTY to what it has not: by the number, the ioctl of another driver; kvm-vfio's own refusal.</summary>
    private static readonly Dictionary<string, Errno?> OtherRefusals = new()
    {
        ["VFIO_IOMMU_SPAPR_TCE_GET_INFO"] = null, ["VFIO_IOMMU_SPAPR_REGISTER_MEMORY"] = null, ["KVM_GET_DEVICE_ATTR"] = Errno.EPERM,
    };

    public static TheoryData<string> Rows => [.. LinuxIoctlTable.Rows.Select(row => $"{row.File} {row.Name}")];

    [Fact]
    public void EveryNumber_HasARow_AndEveryRowItsNumber()
    {
        Dictionary<string, uint> numbers = typeof(IoctlCodes).GetFields(BindingFlags.Public | BindingFlags.Static).ToDictionary(field => field.Name, field => (uint)field.GetRawConstantValue()!);
        Assert.Equal(numbers.Keys.Order(), LinuxIoctlTable.Rows.Select(row => row.Name).Distinct().Order());
        Assert.All(LinuxIoctlTable.Rows, row => Assert.Equal(numbers[row.Name], row.Code));
        Assert.Equal(LinuxIoctlTable.Rows.Count, LinuxIoctlTable.Rows.Select(row => (row.Name, row.On)).Distinct().Count());
    }

    [Theory]
    [MemberData(nameof(Rows))]
    public void Row_IsAnsweredAsItsStatusSays(string which)
    {
        LinuxIoctlRow row = Find(which);
        var process = new KernelProcess(ProcessOptions.Default with { Selftest = true }, KernelProcess.Device("a", KernelProcess.Vtd(enforces: true)));
        long answer = process.Ioctl(row.Name.EndsWith("_IOMMUFD_PT", StringComparison.Ordinal) ? BoundDevice(process) : FileOf(process, row.On), row.Code);

        Errno? refusal = row.Status is IoctlStatus.Absent ? OtherRefusals.GetValueOrDefault(row.Name, Errno.ENOTTY) : null;
        if (refusal is { } errno)
        {
            Assert.Equal(-(long)errno, answer);
        }
        else
        {
            Assert.NotEqual(-(long)Errno.ENOTTY, answer);
        }
    }

    /// <summary>A flow can make every call that iommufd, containers and groups answer.</summary>
    [Theory]
    [MemberData(nameof(Rows))]
    public void Row_OfIommufdContainersAndGroups_CanBeWrittenInAFlow(string which)
    {
        LinuxIoctlRow row = Find(which);
        bool isWritten = row is { Status: not IoctlStatus.Absent, On: LinuxFile.Iommufd or LinuxFile.Container or LinuxFile.Group };
        Assert.True(!isWritten || LinuxCall.Find(row.Name) is not null);
    }

    private static LinuxIoctlRow Find(string which) => LinuxIoctlTable.Rows.First(row => $"{row.File} {row.Name}" == which);

    /// <summary>What a device's own file answers and one from a group does not.</summary>
    private static int BoundDevice(KernelProcess process)
    {
        int device = process.MustOpen("/dev/vfio/devices/a");
        var bind = new VfioDeviceBindIommufd { Argsz = 16, Iommufd = process.MustOpen("/dev/iommu") };
        Assert.Equal(0, process.Ioctl(device, IoctlCodes.VFIO_DEVICE_BIND_IOMMUFD, ref bind));
        return device;
    }

    private static int FileOf(KernelProcess process, LinuxFile kind)
    {
        switch (kind)
        {
            case LinuxFile.Iommufd:
                return process.MustOpen("/dev/iommu");
            case LinuxFile.Container:
                return process.Type1(3, "ga");
            case LinuxFile.Group:
                return process.MustOpen("/dev/vfio/ga");
            case LinuxFile.Device:
                process.Type1(3, "ga");
                return (int)process.DeviceFile(process.State.Files.First(file => file.Value is IoasidGrains.Core.Linux.VfioGroupFile).Key, "a");
            case LinuxFile.Kvm:
                return process.MustOpen("/dev/kvm");
            default:
                int vm = (int)process.Ioctl(process.MustOpen("/dev/kvm"), IoctlCodes.KVM_CREATE_VM);
                var create = new KvmCreateDevice { Type = LinuxFlags.KVM_DEV_TYPE_VFIO };
                Assert.True(kind == LinuxFile.Vm || process.Ioctl(vm, IoctlCodes.KVM_CREATE_DEVICE, ref create) == 0);
                return kind == LinuxFile.Vm ? vm : (int)create.Fd;
        }
    }
}
