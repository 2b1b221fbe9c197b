// What IOASID_CHECK_EXTENSION can be asked about.
namespace IoasidGrains.Uapi;

/// <summary>Capabilities of the fd as such (RFC v1 IOASID_CHECK_EXTENSION; the names are RFC v2's list).</summary>
public enum Extension
{
    EXT_MAP_TYPE1V2,
    EXT_MAP_NEWTYPE,
    EXT_IOASID_NESTING,
    EXT_USER_PAGE_TABLE,
    EXT_USER_PASID_TABLE,
    EXT_MULTIDEV_GROUP,
    EXT_DMA_NO_SNOOP,
    EXT_DIRTY_TRACKING,
}
