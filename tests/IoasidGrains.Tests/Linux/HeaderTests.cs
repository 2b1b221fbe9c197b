// Every number, size, offset and constant of the binary layer against the kernel's own headers.
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using IoasidGrains.Uapi.Linux;

namespace IoasidGrains.Tests.Linux;

/// <summary>Names map by rule: <c>IommuIoasMap.UserVa</c> is <c>struct iommu_ioas_map</c>'s <c>user_va</c>. What the rule does not map is in a table.</summary>
public sealed partial class HeaderTests(KernelHeaders headers) : IClassFixture<KernelHeaders>
{
    /// <summary>Ioctls of the headers that belong to other kinds of file than ours; of KVM, only what leads to kvm-vfio is here.</summary>
    private const string Ours = @"^(IOMMU|VFIO)_";

    /// <summary>Fields that lie in a union or an array, or begin with underscores.</summary>
    private static readonly Dictionary<string, string> Fields = new()
    {
        ["IommuIoasIovaRanges.Reserved"] = "__reserved", ["IommuIoasAllowIovas.Reserved"] = "__reserved", ["IommuIoasMap.Reserved"] = "__reserved",
        ["IommuOption.Reserved"] = "__reserved", ["IommuVfioIoas.Reserved"] = "__reserved", ["IommuHwptVtdS1.Reserved"] = "__reserved",
        ["IommuHwptAlloc.Reserved"] = "__reserved", ["IommuHwptAlloc.Reserved2"] = "__reserved2", ["IommuHwInfoVtd.Reserved"] = "__reserved",
        ["IommuHwInfo.Reserved0"] = "__reserved[0]", ["IommuHwInfo.Reserved1"] = "__reserved[1]", ["IommuHwInfo.Reserved2"] = "__reserved[2]",
        ["IommuHwptSetDirtyTracking.Reserved"] = "__reserved", ["IommuHwptGetDirtyBitmap.Reserved"] = "__reserved",
        ["IommuHwptVtdS1Invalidate.Reserved"] = "__reserved", ["IommuHwptInvalidate.Reserved"] = "__reserved", ["IommuHwptPgfault.Reserved"] = "__reserved",
        ["IommuTestCmd.Reserved"] = "__reserved", ["IommuTestCmd.Start"] = "add_reserved.start", ["IommuTestCmd.ReservedLength"] = "add_reserved.length",
        ["IommuTestCmd.OutStdevId"] = "mock_domain_flags.out_stdev_id", ["IommuTestCmd.OutHwptId"] = "mock_domain_flags.out_hwpt_id",
        ["IommuTestCmd.OutIdevId"] = "mock_domain_flags.out_idev_id", ["IommuTestCmd.DevFlags"] = "mock_domain_flags.dev_flags",
        ["IommuTestCmd.PtId"] = "mock_domain_replace.pt_id", ["IommuTestCmd.Iova"] = "access_rw.iova", ["IommuTestCmd.Length"] = "access_rw.length",
        ["IommuTestCmd.Uptr"] = "access_rw.uptr", ["IommuTestCmd.RwFlags"] = "access_rw.flags", ["IommuTestCmd.RefsLength"] = "check_refs.length",
        ["IommuTestCmd.RefsUptr"] = "check_refs.uptr", ["IommuTestCmd.Refs"] = "check_refs.refs", ["IommuTestCmd.OutAccessFd"] = "create_access.out_access_fd",
        ["IommuTestCmd.AccessFlags"] = "create_access.flags", ["IommuTestCmd.AccessPagesId"] = "destroy_access_pages.access_pages_id",
        ["IommuTestCmd.PagesFlags"] = "access_pages.flags", ["IommuTestCmd.OutAccessPagesId"] = "access_pages.out_access_pages_id",
        ["IommuTestCmd.PagesIova"] = "access_pages.iova", ["IommuTestCmd.PagesLength"] = "access_pages.length", ["IommuTestCmd.PagesUptr"] = "access_pages.uptr",
        ["IommuTestCmd.Limit"] = "memory_limit.limit", ["IommuTestCmd.IoasId"] = "access_replace_ioas.ioas_id", ["IommuTestCmd.DirtyFlags"] = "dirty.flags",
        ["IommuTestCmd.DirtyIova"] = "dirty.iova", ["IommuTestCmd.DirtyLength"] = "dirty.length", ["IommuTestCmd.DirtyPageSize"] = "dirty.page_size",
        ["IommuTestCmd.DirtyUptr"] = "dirty.uptr", ["IommuTestCmd.OutNrDirty"] = "dirty.out_nr_dirty", ["IommuTestCmd.IotlbId"] = "check_iotlb.id",
        ["IommuTestCmd.Iotlb"] = "check_iotlb.iotlb", ["IommuTestCmd.IopfDevId"] = "trigger_iopf.dev_id", ["IommuTestCmd.IopfPasid"] = "trigger_iopf.pasid",
        ["IommuTestCmd.IopfGrpid"] = "trigger_iopf.grpid", ["IommuTestCmd.IopfPerm"] = "trigger_iopf.perm", ["IommuTestCmd.IopfAddr"] = "trigger_iopf.addr",
    };

    private static readonly Type[] Structs = [.. typeof(IommuDestroy).Assembly.GetTypes().Where(type =>
        type is { IsValueType: true, IsEnum: false, Namespace: "IoasidGrains.Uapi.Linux" } && !type.IsNested).OrderBy(type => type.Name, StringComparer.Ordinal)];

    [KernelHeadersFact]
    public void IoctlNumber_IsTheHeaders() => Agree([.. Constants(typeof(IoctlCodes))]);

    [KernelHeadersFact]
    public void FlagAndValue_IsTheHeaders() => Agree([.. Constants(typeof(LinuxFlags))]);

    [KernelHeadersFact]
    public void StructSize_IsTheHeaders() => Agree([.. Structs.Select(type => ($"sizeof(struct {CName(type.Name)})", (ulong)Marshal.SizeOf(type)))]);

    [KernelHeadersFact]
    public void FieldOffset_IsTheHeaders() => Agree([.. Structs.SelectMany(type => type.GetFields().Select(field =>
        ($"offsetof(struct {CName(type.Name)}, {CField(type, field)})", (ulong)Marshal.OffsetOf(type, field.Name))))]);

    [KernelHeadersFact]
    public void FieldSize_IsTheHeaders() => Agree([.. Structs.SelectMany(type => type.GetFields().Select(field =>
        ($"sizeof(((struct {CName(type.Name)} *)0)->{CField(type, field)})", (ulong)Marshal.SizeOf(field.FieldType))))]);

    /// <summary>A field too few would leave a hole that no other test sees.</summary>
    [Fact]
    public void Struct_HasNoHoleWhereAFieldCouldBe()
    {
        foreach (Type type in Structs.Where(type => type != typeof(IommuTestCmd)))
        {
            int end = 0;
            foreach (FieldInfo field in type.GetFields())
            {
                Assert.True((int)Marshal.OffsetOf(type, field.Name) - end < sizeof(ulong), $"{type.Name}.{field.Name}");
                end = (int)Marshal.OffsetOf(type, field.Name) + Marshal.SizeOf(field.FieldType);
            }
        }
    }

    /// <summary>The other direction: the headers define no ioctl that is left out.</summary>
    [KernelHeadersFact]
    public void IoctlOfTheHeaders_IsAmongTheNumbers()
    {
        string[] defined = [.. new[] { "linux/iommufd.h", "linux/vfio.h", "iommufd_test.h" }.SelectMany(file => IoctlDefinition().Matches(headers.Text(file)))
            .Select(match => match.Groups[1].Value).Order(StringComparer.Ordinal)];
        string[] known = [.. Constants(typeof(IoctlCodes)).Select(one => one.Expression).Where(name => Regex.IsMatch(name, Ours)).Order(StringComparer.Ordinal)];
        Assert.True(defined.Length > 40);
        Assert.Equal(defined, known);
    }

    private static IEnumerable<(string Expression, ulong Value)> Constants(Type type) =>
        type.GetFields(BindingFlags.Public | BindingFlags.Static).Select(field => (field.Name, Convert.ToUInt64(field.GetRawConstantValue())));

    /// <summary>The C program prints one number per line, in the order of the rows.</summary>
    private void Agree((string Expression, ulong Value)[] rows)
    {
        Assert.NotEmpty(rows);
        string[] lines = headers.Run(rows.Select(row => $"printf(\"%llu\\n\", (unsigned long long)({row.Expression}));"));
        Assert.Equal(lines.Zip(rows, (line, row) => $"{row.Expression} = {line}"), rows.Select(row => $"{row.Expression} = {row.Value}"));
        Assert.Equal(rows.Length, lines.Length);
    }

    private static string CField(Type type, FieldInfo field) => Fields.GetValueOrDefault($"{type.Name}.{field.Name}") ?? CName(field.Name);

    private static string CName(string pascal) => WordStart().Replace(pascal, "_$0").ToLowerInvariant();

    [GeneratedRegex("(?<=.)[A-Z]")]
    private static partial Regex WordStart();

    [GeneratedRegex(@"^#define\s+(\w+)\s+_IO[WR]*\(", RegexOptions.Multiline)]
    private static partial Regex IoctlDefinition();
}
