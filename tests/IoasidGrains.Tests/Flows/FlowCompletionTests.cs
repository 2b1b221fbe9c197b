// What the shell offers after a line so far.
using IoasidGrains.Flows;

namespace IoasidGrains.Tests;

public sealed class FlowCompletionTests
{
    [Theory]
    [InlineData("io", "ioctl iommu")]
    [InlineData("@c1 cl", "close")]
    [InlineData("x = ", "choose ioctl")]
    [InlineData("ioctl f", "fd1")]
    [InlineData("ioctl ", "dev1 fd1 vm1 vtd0")]
    [InlineData("ioctl vm1 KVM_U", "KVM_UNMAP_PASID KVM_UPDATE_IOASID_FD")]
    [InlineData("ioctl dev1 VFIO_B", "VFIO_BIND_IOASID_FD VFIO_BIND_IOMMU_FD")]
    [InlineData("ioctl dev1 VFIO_BIND_IOASID_FD ", "fd1")]
    [InlineData("ioctl dev1 VFIO_ATTACH_IOASID ", "gpa")]
    [InlineData("ioctl dev1 VFIO_ATTACH_IOASID gpa ", "auto flag no_snoop snoop")]
    [InlineData("ioctl fd1 IOASID_ALLOC snoop ", "width")]
    [InlineData("ioctl fd1 IOASID_MAP_DMA gpa 0+4K 0 r", "r rw")]
    [InlineData("iommu vtd9 enforce_snoop ", "dirty_tracking driver nesting no_cache_coherency pages reserved scalable shared_msi width")]
    [InlineData("device d be", "behind")]
    [InlineData("device d behind ", "vtd0")]
    [InlineData("open fd9 ", "/dev/ioasid")]
    [InlineData("cpu vm1 w", "wbinvd write")]
    [InlineData("close fd1 => ", "")]
    [InlineData("nonsense and ", "")]
    [InlineData("# io", "")]
    public void Complete_LineSoFar_OffersTheWordsThatFit(string line, string words)
    {
        FlowScope scope = new();
        foreach (string declared in new[]
        {
            "iommu vtd0", "device dev1 behind vtd0", "open fd1 /dev/ioasid", "gpa = ioctl fd1 IOASID_ALLOC snoop", "flag = choose fd1 dev1",
        })
        {
            ParsedLine read = FlowParser.ParseLine(declared, scope, "shell", 1);
            Assert.Null(read.Error);
            scope = read.Scope;
        }

        Assert.Equal(words, string.Join(' ', FlowCompletion.Complete(line, scope)));
    }
}
