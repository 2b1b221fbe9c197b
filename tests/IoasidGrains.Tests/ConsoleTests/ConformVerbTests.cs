// ioasid conform: every recording of the real kernel is answered as it was, and what is not understood is never passed.
using System.Runtime.CompilerServices;

namespace IoasidGrains.Tests;

public sealed class ConformVerbTests
{
    private const string Machine = "\"given\":{\"platform\":\"intel-iommu intremap=on snoop-control=on\",\"devices\":{\"A\":{\"group\":\"gA\",\"can_enforce_cc\":true}},\"iommu\":{\"driver\":\"intel\"}},\"tags\":[\"t\"]";

    private const string BoundDevice = "{\"ioctl\":\"open\",\"fd\":\"d\",\"args\":{\"path\":\"vfio cdev of A\"},\"ret\":0,\"errno\":\"0\"},"
        + "{\"ioctl\":\"VFIO_DEVICE_BIND_IOMMUFD\",\"fd\":\"d\",\"args\":{\"iommufd\":\"f\"},\"ret\":0,\"errno\":\"0\"},";

    private const string Space = "{\"ioctl\":\"IOMMU_IOAS_ALLOC\",\"fd\":\"f\",\"args\":{},\"ret\":0,\"errno\":\"0\",\"out\":{\"out_ioas_id\":\"$i\"}},";

    private const string Open = "{\"ioctl\":\"open\",\"fd\":\"f\",\"args\":{\"path\":\"/dev/iommu\"},\"ret\":0,\"errno\":\"0\"}";

    [Theory]
    [InlineData("cases.jsonl", 175)]
    [InlineData("sequences.jsonl", 599)]
    public async Task EveryRecording_IsAnsweredAsTheKernelDid(string file, int cases)
    {
        CommandRun run = await CommandRun.Of(["conform", Path.Combine(Folder(), file), "--json"]);

        string sum = run.Out.TrimEnd().Split('\n')[^1];
        Assert.Equal($"{{\"cases\":{cases},\"passed\":{cases},\"failed\":0,\"not_understood\":0,\"failed_ids\":[]}}", sum);
        Assert.Equal(0, run.Code);
    }

    [Fact]
    public async Task Answer_ThatDiffers_IsShownBesideTheKernels()
    {
        CommandRun run = await Conform($"{Open},{{\"ioctl\":\"IOMMU_IOAS_ALLOC\",\"fd\":\"f\",\"args\":{{\"flags\":0}},\"ret\":-1,\"errno\":\"ENOSPC\"}}");

        Assert.Equal(1, run.Code);
        Assert.Contains("x/y: call 2 differs: f.IOMMU_IOAS_ALLOC flags=0\n  kernel  -ENOSPC\n  here    0\n", run.Out);
        Assert.Contains("1 cases: 0 passed, 1 failed, 0 not understood", run.Out);
    }

    [Theory]
    [InlineData("{\"ioctl\":\"IOMMU_FLY\",\"fd\":\"f\",\"args\":{},\"ret\":0,\"errno\":\"0\"}", "IOMMU_FLY is no call that is known")]
    [InlineData("{\"ioctl\":\"IOMMU_IOAS_ALLOC\",\"fd\":\"f\",\"args\":{\"colour\":1},\"ret\":0,\"errno\":\"0\"}", "has an argument \\\"colour\\\"")]
    [InlineData("{\"ioctl\":\"IOMMU_IOAS_ALLOC\",\"fd\":\"f\",\"args\":{\"flags\":0},\"ret\":0,\"errno\":\"0\",\"out\":{\"colour\":1}}", "has an output \\\"colour\\\"")]
    [InlineData("{\"ioctl\":\"IOMMU_IOAS_ALLOC\",\"fd\":\"f\",\"args\":{\"flags\":0},\"ret\":0,\"errno\":\"0\",\"when\":1}", "has a member \\\"when\\\"")]
    [InlineData("{\"ioctl\":\"IOMMU_DESTROY\",\"fd\":\"f\",\"args\":{\"id\":\"$never\"},\"ret\":0,\"errno\":\"0\"}", "$never was bound by no call before")]
    public async Task WhatIsNotKnown_IsNotUnderstood_AndNotPassed(string call, string reason)
    {
        CommandRun run = await Conform($"{Open},{call}", "--json");

        Assert.Equal(1, run.Code);
        string[] lines = run.Out.TrimEnd().Split('\n');
        Assert.Contains(reason, lines[0]);
        Assert.Equal("{\"cases\":1,\"passed\":0,\"failed\":0,\"not_understood\":1,\"failed_ids\":[]}", lines[1]);
    }

    /// <summary>The kernel let it happen, so the file that forbids it was closed: recordings leave some of those out.</summary>
    [Fact]
    public async Task Close_ThatIsNotRecorded_IsInferredOnlyForAFileThatIsNotUsedAgain()
    {
        string group(string name) => $"{{\"ioctl\":\"open\",\"fd\":\"{name}\",\"args\":{{\"path\":\"vfio group of A\"}},\"ret\":0,\"errno\":\"0\"}}";
        CommandRun closed = await Conform($"{group("g")},{group("h")}");
        CommandRun used = await Conform($"{group("g")},{group("h")},{{\"ioctl\":\"close\",\"fd\":\"g\",\"args\":{{}},\"ret\":0,\"errno\":\"0\"}}");

        Assert.Equal((0, 1), (closed.Code, used.Code));
        Assert.Contains("call 2 differs", used.Out);
    }

    /// <summary>Each page that a write crosses is translated by itself.</summary>
    [Theory]
    [InlineData("0x1fe0", "\"buf+0x0\",\"buf+0x8000\"")]
    [InlineData("0x2fe0", "\"buf+0x8000\"")]
    [InlineData("0xfe0", "\"buf+0x0\"")]
    public async Task DeviceWrite_AcrossPages_LandsInEachThatIsMapped(string iova, string pages)
    {
        string map(string va, string at) => "{\"ioctl\":\"IOMMU_IOAS_MAP\",\"fd\":\"f\",\"args\":{\"ioas_id\":\"$i\",\"flags\":7,\"user_va\":\"" + va + "\",\"length\":4096,\"iova\":\"" + at + "\"},\"ret\":0,\"errno\":\"0\"}";
        CommandRun run = await Conform(string.Join(
            ',', Open, "{\"ioctl\":\"open\",\"fd\":\"d\",\"args\":{\"path\":\"vfio cdev of A\"},\"ret\":0,\"errno\":\"0\"}",
            "{\"ioctl\":\"VFIO_DEVICE_BIND_IOMMUFD\",\"fd\":\"d\",\"args\":{\"iommufd\":\"f\"},\"ret\":0,\"errno\":\"0\"}",
            "{\"ioctl\":\"IOMMU_IOAS_ALLOC\",\"fd\":\"f\",\"args\":{},\"ret\":0,\"errno\":\"0\",\"out\":{\"out_ioas_id\":\"$i\"}}",
            "{\"ioctl\":\"VFIO_DEVICE_ATTACH_IOMMUFD_PT\",\"fd\":\"d\",\"args\":{\"pt_id\":\"$i\"},\"ret\":0,\"errno\":\"0\"}",
            map("buf+0x0", "0x1000"), map("buf+0x8000", "0x2000"),
            "{\"ioctl\":\"(device DMA write)\",\"fd\":\"d\",\"args\":{\"iova\":\"" + iova + "\",\"length\":64},\"ret\":0,\"errno\":\"0\",\"out\":{\"landed_at\":[" + pages + "]}}"));

        Assert.True(run.Code == 0, run.Out);
    }

    /// <summary>A name that is opened again: what it named before may have been closed. So may two descriptors of which either forbids the call.</summary>
    [Fact]
    public async Task Close_ThatIsNotRecorded_IsInferredForANameThatIsOpenedAgain_AndForSeveral()
    {
        const string Cdev = "{\"ioctl\":\"open\",\"fd\":\"d\",\"args\":{\"path\":\"vfio cdev of A\"},\"ret\":0,\"errno\":\"0\"}";
        const string Bind = "{\"ioctl\":\"VFIO_DEVICE_BIND_IOMMUFD\",\"fd\":\"d\",\"args\":{\"iommufd\":\"f\"},\"ret\":0,\"errno\":\"0\"}";
        const string Group = "{\"ioctl\":\"open\",\"fd\":\"g\",\"args\":{\"path\":\"vfio group of A\"},\"ret\":0,\"errno\":\"0\"},"
            + "{\"ioctl\":\"VFIO_GROUP_SET_CONTAINER\",\"fd\":\"g\",\"args\":{\"container\":\"f\"},\"ret\":0,\"errno\":\"0\"},"
            + "{\"ioctl\":\"VFIO_GROUP_GET_DEVICE_FD\",\"fd\":\"g\",\"args\":{\"device\":\"A\"},\"ret\":0,\"errno\":\"0\",\"out\":{\"fd\":\"e\"}}";

        CommandRun again = await Conform($"{Open},{Cdev},{Bind},{Cdev},{Bind}");
        CommandRun several = await Conform($"{Open},{Group},{Cdev},{Bind}");

        Assert.True(again.Code == 0, again.Out);
        Assert.True(several.Code == 0, several.Out);
    }

    /// <summary>Words for what has no number, and an address that is told or not.</summary>
    [Theory]
    [InlineData("{\"ioctl\":\"IOMMU_DESTROY\",\"fd\":\"f\",\"args\":{\"arg\":\"NULL\"},\"ret\":-1,\"errno\":\"EFAULT\"}")]
    [InlineData("{\"ioctl\":\"IOMMU_DESTROY\",\"fd\":\"f\",\"args\":{\"arg\":null},\"ret\":-1,\"errno\":\"EFAULT\"}")]
    [InlineData("{\"ioctl\":\"KVM_CREATE_VM\",\"fd\":\"kvm\",\"args\":{},\"ret\":0,\"errno\":\"0\"},{\"ioctl\":\"KVM_CREATE_DEVICE\",\"fd\":\"vm\",\"args\":{\"type\":\"KVM_DEV_TYPE_FLIC\"},\"ret\":-1,\"errno\":\"ENODEV\"}")]
    [InlineData(BoundDevice + "{\"ioctl\":\"mmap\",\"fd\":\"d\",\"args\":{\"region\":\"BAR0\",\"at\":\"0x10004000000\"},\"ret\":0,\"errno\":\"0\"}")]
    [InlineData(BoundDevice + "{\"ioctl\":\"mmap\",\"fd\":\"d\",\"args\":{\"region\":0,\"at\":\"0x10004000000\"},\"ret\":1099578736640,\"errno\":\"0\"}")]
    [InlineData("{\"ioctl\":\"open\",\"fd\":\"g\",\"args\":{\"path\":\"vfio group of A\"},\"ret\":0,\"errno\":\"0\"},{\"ioctl\":\"open\",\"fd\":\"c\",\"args\":{\"path\":\"/dev/vfio/vfio\"},\"ret\":0,\"errno\":\"0\"},"
        + "{\"ioctl\":\"VFIO_GROUP_SET_CONTAINER\",\"fd\":\"g\",\"args\":{\"container\":\"c\"},\"ret\":0,\"errno\":\"0\"},{\"ioctl\":\"VFIO_SET_IOMMU\",\"fd\":\"c\",\"args\":{\"type\":3},\"ret\":0,\"errno\":\"0\"},"
        + "{\"ioctl\":\"VFIO_IOMMU_UNMAP_DMA\",\"fd\":\"c\",\"args\":{\"argsz\":48,\"flags\":1,\"iova\":\"0x1000\",\"size\":\"0x1000\"},\"ret\":-1,\"errno\":\"EINVAL\",\"out\":{\"size\":\"0x1000\"}}")]
    [InlineData(Space + "{\"ioctl\":\"IOMMU_IOAS_ALLOW_IOVAS\",\"fd\":\"f\",\"args\":{\"ioas_id\":\"$i\",\"num_iovas\":1,\"allowed_iovas\":\"NULL\"},\"ret\":-1,\"errno\":\"EFAULT\"}")]
    [InlineData(Space + "{\"ioctl\":\"IOMMU_VFIO_IOAS\",\"fd\":\"f\",\"args\":{\"op\":\"SET\",\"ioas_id\":\"$i\"},\"ret\":0,\"errno\":\"0\"},"
        + "{\"ioctl\":\"IOMMU_VFIO_IOAS\",\"fd\":\"f\",\"args\":{\"op\":\"GET\"},\"ret\":0,\"errno\":\"0\",\"out\":{\"ioas_id\":1}}")]
    public async Task Words_AreUnderstood(string calls)
    {
        CommandRun run = await Conform($"{Open},{calls}");

        Assert.True(run.Code == 0, run.Out);
    }

    [Theory]
    [InlineData("{", "this is no recording")]
    [InlineData("{\"id\":\"x\"}", "expected a member \"given\" or \"steps\"")]
    [InlineData("{\"given\":{}}", "expected a member \"id\"")]
    public async Task Line_ThatIsNoRecording_EndsWithTwoAndItsPlace(string line, string message)
    {
        using var file = new FlowFile("\n" + line + "\n");
        CommandRun run = await CommandRun.Of(["conform", file.Path]);

        Assert.Equal((2, ""), (run.Code, run.Out));
        Assert.Contains($"{file.Path}:2: ", run.Error);
        Assert.Contains(message, run.Error);
    }

    [Fact]
    public async Task Case_ThatIsInNoFile_EndsWithTwoAndAHint()
    {
        CommandRun run = await CommandRun.Of(["conform", Path.Combine(Folder(), "cases.jsonl"), "--case", "dma/dma-basik"]);

        Assert.Equal(2, run.Code);
        Assert.Contains("Did you mean 'dma/dma-basic'?", run.Error);
    }

    private static async Task<CommandRun> Conform(string calls, params string[] options)
    {
        using var file = new FlowFile($"{{\"id\":\"x/y\",{Machine},\"calls\":[{calls}]}}\n");
        return await CommandRun.Of(["conform", file.Path, .. options]);
    }

    internal static string Folder([CallerFilePath] string here = "") => Path.Combine(Path.GetDirectoryName(here)!, "..", "..", "recordings");
}
