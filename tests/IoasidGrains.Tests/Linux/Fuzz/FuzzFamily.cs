// Which calls a family of ioctls is fuzzed with, and what is open before; used by FuzzProgram and FuzzTests.
using IoasidGrains.Core.Linux;
using IoasidGrains.Uapi.Linux;

namespace IoasidGrains.Tests.Linux.Fuzz;

/// <summary>Three calls of four are the family's, the others are whatever a process does.</summary>
/// <param name="Kinds">Files whose ioctls count as inputs.</param>
/// <param name="Inputs">For each of them.</param>
/// <param name="Setup">The calls that a program begins with, from the state before each; null: none.</param>
internal sealed record FuzzFamily(string Name, LinuxFile[] Kinds, Func<FuzzPick, FuzzInput>[][] Inputs, Func<FuzzPick, Syscall?>[] Setup, bool Selftest = false)
{
    private static readonly Func<FuzzPick, FuzzInput>[] AllOfIommufd = [.. IommufdInputs.Native, .. IommufdInputs.Compat, .. SelftestInputs.All];

    private static readonly Dictionary<LinuxFile, Func<FuzzPick, FuzzInput>[]> Everything = new()
    {
        [LinuxFile.Iommufd] = AllOfIommufd, [LinuxFile.Container] = VfioInputs.Container, [LinuxFile.Group] = VfioInputs.Group, [LinuxFile.Device] = VfioInputs.Device,
        [LinuxFile.Kvm] = VfioInputs.Kvm, [LinuxFile.Vm] = VfioInputs.Vm, [LinuxFile.KvmVfio] = VfioInputs.KvmVfio,
    };

    private static readonly Func<FuzzPick, Syscall?>[] Iommufd = [Open("/dev/iommu"), OnFirst<IommufdFile>(IommufdInputs.Native[1]), OnFirst<IommufdFile>(IommufdInputs.Native[1])];

    private static readonly Func<FuzzPick, Syscall?>[] Bound =
        [.. new[] { "A", "B", "C", "D", "E" }.SelectMany(name => new[] { Open($"/dev/vfio/devices/{name}"), OnLast<VfioDeviceFile>(VfioInputs.Device[0]), OnLast<VfioDeviceFile>(VfioInputs.Device[1]) })];

    /// <summary>Some of these succeed: one that tracks dirty pages, one that nested ones are made on, a nested one.</summary>
    private static readonly Func<FuzzPick, Syscall?>[] Tables = [.. Enumerable.Repeat(OnFirst<IommufdFile>(IommufdInputs.Native[^7]), 6)];

    private static readonly Func<FuzzPick, Syscall?>[] Accesses = [.. Enumerable.Repeat(OnFirst<IommufdFile>(SelftestInputs.All[6]), 3)];

    private static readonly Func<FuzzPick, Syscall?>[] Groups =
        [.. new[] { "gA", "gB", "gCD" }.SelectMany(name => new[] { Open($"/dev/vfio/{name}"), OnLast<VfioGroupFile>(VfioInputs.Group[1]) })];

    private static readonly Func<FuzzPick, FuzzInput> SetType1 = _ => FuzzInput.Number(IoctlCodes.VFIO_SET_IOMMU, 3);

    private static readonly Func<FuzzPick, Syscall?>[] Kvms = [Open("/dev/kvm"), OnLast<KvmFile>(VfioInputs.Kvm[1]), OnLast<VmFile>(VfioInputs.Vm[1])];

    public static readonly FuzzFamily[] All =
    [
        new("iommufd", [LinuxFile.Iommufd], [IommufdInputs.Native], [.. Iommufd, .. Bound, .. Tables]),
        new("compat", [LinuxFile.Iommufd], [IommufdInputs.Compat], [.. Iommufd, OnFirst<IommufdFile>(SetCompat), .. Groups, OnLast<VfioGroupFile>(VfioInputs.Group[4])]),
        new("mock", [LinuxFile.Iommufd], [[.. SelftestInputs.All, .. IommufdInputs.Native]], [.. Iommufd, OnFirst<IommufdFile>(SelftestInputs.All[1]), .. Tables, .. Accesses], Selftest: true),
        new("container", [LinuxFile.Container], [VfioInputs.Container], [Open("/dev/vfio/vfio"), .. Groups, OnFirst<ContainerFile>(SetType1), Open("/dev/vfio/vfio")]),
        new("group", [LinuxFile.Group], [VfioInputs.Group], [Open("/dev/iommu"), Open("/dev/vfio/vfio"), .. Groups, OnFirst<ContainerFile>(SetType1), Open("/dev/vfio/noiommu-gN")]),
        new("device", [LinuxFile.Device], [VfioInputs.Device], [.. Iommufd, .. Bound, Open("/dev/vfio/vfio"), Open("/dev/vfio/gF")]),
        new("kvm", [LinuxFile.Kvm, LinuxFile.Vm, LinuxFile.KvmVfio], [VfioInputs.Kvm, VfioInputs.Vm, VfioInputs.KvmVfio], [.. Kvms, .. Kvms, Open("/dev/vfio/gA"), Open("/dev/vfio/devices/B")]),
    ];

    public override string ToString() => Name;

    /// <summary>Some of the inputs are this ioctl. On <c>/dev/iommu</c> VFIO's old ioctls are a family of their own.</summary>
    public bool Has(LinuxIoctlRow row) => Kinds.Contains(row.On)
        && (row.On != LinuxFile.Iommufd || (row.Name.StartsWith("VFIO_", StringComparison.Ordinal) == (Name == "compat") && (row.Code != IoctlCodes.IOMMU_TEST_CMD || Selftest)));

    public Syscall Next(Random random, ProcessState state)
    {
        if (random.Next(4) == 0)
        {
            return Anything(random, state);
        }

        int which = random.Next(Kinds.Length);
        int[] files = FilesOf(state, Kinds[which]);
        return files.Length == 0 ? new SysOpen(FuzzProcess.Id, FuzzHost.Paths[random.Next(9)]) : Ioctl(random, state, files[random.Next(files.Length)], Inputs[which]);
    }

    private static Syscall Anything(Random random, ProcessState state) => random.Next(16) switch
    {
        < 4 => new SysOpen(FuzzProcess.Id, FuzzHost.Paths[random.Next(FuzzHost.Paths.Length)]),
        4 when random.Next(2) == 0 => new SysClose(FuzzProcess.Id, random.Next(3, 24)),
        5 => new SysRead(FuzzProcess.Id, random.Next(-1, 24), FuzzPick.BufferAddress, (ulong)random.Next(4) * 40),
        6 => new SysMmap(FuzzProcess.Id, random.Next(-1, 24), 0x110_0000_0000 + (0x1000UL * (ulong)random.Next(8)), 0x1000UL * (ulong)random.Next(4), random.Next(4) == 0 ? 7UL << 40 : 0),
        _ => OnAnyFile(random, state),
    };

    private static Syscall OnAnyFile(Random random, ProcessState state)
    {
        int[] files = [.. state.Files.Where(file => FuzzErrnos.KindOf(file.Value) is not null).Select(file => file.Key)];
        if (files.Length == 0 || random.Next(32) == 0)
        {
            return Ioctl(random, state, random.Next(-1, 24), AllOfIommufd);
        }

        int file = files[random.Next(files.Length)];
        return Ioctl(random, state, file, Everything[FuzzErrnos.KindOf(state.Files[file])!.Value]);
    }

    private static SysIoctl Ioctl(Random random, ProcessState state, int file, Func<FuzzPick, FuzzInput>[] inputs)
    {
        var pick = new FuzzPick(random, state, file);
        return FuzzMutation.Call(pick, inputs[random.Next(inputs.Length)](pick));
    }

    private static int[] FilesOf(ProcessState state, LinuxFile kind) => [.. state.Files.Where(file => FuzzErrnos.KindOf(file.Value) == kind).Select(file => file.Key)];

    // ---- how a program begins ---------------------------------------------------------------------------------------------------------

    private static FuzzInput SetCompat(FuzzPick pick) => FuzzInput.Of(IoctlCodes.IOMMU_VFIO_IOAS, new IommuVfioIoas { Size = 12, IoasId = pick.Id<Ioas>(), Op = 1 });

    private static Func<FuzzPick, Syscall?> Open(string path) => _ => new SysOpen(FuzzProcess.Id, path);

    private static Func<FuzzPick, Syscall?> OnFirst<T>(Func<FuzzPick, FuzzInput> input)
        where T : OpenFile => pick => On(pick, pick.State.Files.FirstOrDefault(file => file.Value is T).Key, input);

    private static Func<FuzzPick, Syscall?> OnLast<T>(Func<FuzzPick, FuzzInput> input)
        where T : OpenFile => pick => On(pick, pick.State.Files.LastOrDefault(file => file.Value is T).Key, input);

    private static SysIoctl? On(FuzzPick pick, int file, Func<FuzzPick, FuzzInput> input)
    {
        FuzzInput made = input(new FuzzPick(pick.Random, pick.State, file));
        return file == 0 ? null : new SysIoctl(FuzzProcess.Id, file, made.Code, made.Argument, made.Struct is null ? [] : [new UserBytes(FuzzPick.StructAddress, made.Struct), .. made.Buffers]);
    }
}
