// Which pattern a workload follows; used by whoever runs one.
using IoasidGrains.Uapi;

namespace IoasidGrains.Core;

/// <summary>Makes the sources. Equal workloads make equal sequences.</summary>
public static class DmaSources
{
    /// <param name="workload">One whose <see cref="DmaWorkload.Check"/> is OK.</param>
    public static DmaSource Create(DmaWorkload workload)
    {
        Invariant.Check(workload.Check() == Errno.OK, "a workload is checked before it is run");
        return workload.Pattern switch
        {
            DmaPattern.NicRing => new NicRingSource(workload),
            DmaPattern.NvmeRandom => new NvmeSource(workload),
            DmaPattern.VirtioHugePages => new VirtioSource(workload),
            DmaPattern.UniformRandom => new UniformSource(workload),
            _ => new TraceSource(workload.Trace!),
        };
    }
}
