// Flags, extensions and other values in the structs of Linux's ioctls, by the names of the kernel's headers; a test compares them with the headers of Linux 6.12.
namespace IoasidGrains.Uapi.Linux;

/// <summary>What may stand in a field. Which field is in the name.</summary>
public static class LinuxFlags
{
    // iommufd: map, options, page tables, device information
    public const uint IOMMU_IOAS_MAP_FIXED_IOVA = 1;
    public const uint IOMMU_IOAS_MAP_WRITEABLE = 2;
    public const uint IOMMU_IOAS_MAP_READABLE = 4;
    public const uint IOMMU_OPTION_RLIMIT_MODE = 0;
    public const uint IOMMU_OPTION_HUGE_PAGES = 1;
    public const uint IOMMU_OPTION_OP_SET = 0;
    public const uint IOMMU_OPTION_OP_GET = 1;
    public const uint IOMMU_VFIO_IOAS_GET = 0;
    public const uint IOMMU_VFIO_IOAS_SET = 1;
    public const uint IOMMU_VFIO_IOAS_CLEAR = 2;
    public const uint IOMMU_HWPT_ALLOC_NEST_PARENT = 1;
    public const uint IOMMU_HWPT_ALLOC_DIRTY_TRACKING = 2;
    public const uint IOMMU_HWPT_FAULT_ID_VALID = 4;
    public const uint IOMMU_VTD_S1_SRE = 1;
    public const uint IOMMU_VTD_S1_EAFE = 2;
    public const uint IOMMU_VTD_S1_WPE = 4;
    public const uint IOMMU_HWPT_DATA_NONE = 0;
    public const uint IOMMU_HWPT_DATA_VTD_S1 = 1;
    public const uint IOMMU_HW_INFO_VTD_ERRATA_772415_SPR17 = 1;
    public const uint IOMMU_HW_INFO_TYPE_NONE = 0;
    public const uint IOMMU_HW_INFO_TYPE_INTEL_VTD = 1;
    public const uint IOMMU_HW_CAP_DIRTY_TRACKING = 1;
    public const uint IOMMU_HW_CAP_PCI_PASID_EXEC = 2;
    public const uint IOMMU_HW_CAP_PCI_PASID_PRIV = 4;
    public const uint IOMMU_HWPT_DIRTY_TRACKING_ENABLE = 1;
    public const uint IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR = 1;
    public const uint IOMMU_HWPT_INVALIDATE_DATA_VTD_S1 = 0;
    public const uint IOMMU_VTD_INV_FLAGS_LEAF = 1;
    public const uint IOMMU_PGFAULT_FLAGS_PASID_VALID = 1;
    public const uint IOMMU_PGFAULT_FLAGS_LAST_PAGE = 2;
    public const uint IOMMU_PGFAULT_PERM_READ = 1;
    public const uint IOMMU_PGFAULT_PERM_WRITE = 2;
    public const uint IOMMU_PGFAULT_PERM_EXEC = 4;
    public const uint IOMMU_PGFAULT_PERM_PRIV = 8;
    public const uint IOMMUFD_PAGE_RESP_SUCCESS = 0;
    public const uint IOMMUFD_PAGE_RESP_INVALID = 1;

    // iommufd's self test
    public const uint IOMMU_TEST_OP_ADD_RESERVED = 1;
    public const uint IOMMU_TEST_OP_MOCK_DOMAIN = 2;
    public const uint IOMMU_TEST_OP_MD_CHECK_MAP = 3;
    public const uint IOMMU_TEST_OP_MD_CHECK_REFS = 4;
    public const uint IOMMU_TEST_OP_CREATE_ACCESS = 5;
    public const uint IOMMU_TEST_OP_DESTROY_ACCESS_PAGES = 6;
    public const uint IOMMU_TEST_OP_ACCESS_PAGES = 7;
    public const uint IOMMU_TEST_OP_ACCESS_RW = 8;
    public const uint IOMMU_TEST_OP_SET_TEMP_MEMORY_LIMIT = 9;
    public const uint IOMMU_TEST_OP_MOCK_DOMAIN_REPLACE = 0xa;
    public const uint IOMMU_TEST_OP_ACCESS_REPLACE_IOAS = 0xb;
    public const uint IOMMU_TEST_OP_MOCK_DOMAIN_FLAGS = 0xc;
    public const uint IOMMU_TEST_OP_DIRTY = 0xd;
    public const uint IOMMU_TEST_OP_MD_CHECK_IOTLB = 0xe;
    public const uint IOMMU_TEST_OP_TRIGGER_IOPF = 0xf;
    public const uint MOCK_APERTURE_START = 0x1000000;
    public const uint MOCK_APERTURE_LAST = 0x7fffffff;
    public const uint MOCK_FLAGS_ACCESS_WRITE = 1;
    public const uint MOCK_FLAGS_ACCESS_SYZ = 0x10000;
    public const uint MOCK_ACCESS_RW_WRITE = 1;
    public const uint MOCK_ACCESS_RW_SLOW_PATH = 4;
    public const uint MOCK_FLAGS_ACCESS_CREATE_NEEDS_PIN_PAGES = 1;
    public const uint MOCK_FLAGS_DEVICE_NO_DIRTY = 1;
    public const uint MOCK_FLAGS_DEVICE_HUGE_IOVA = 2;
    public const uint MOCK_NESTED_DOMAIN_IOTLB_ID_MAX = 3;
    public const uint MOCK_NESTED_DOMAIN_IOTLB_NUM = 4;
    public const uint IOMMU_HW_INFO_TYPE_SELFTEST = 0xfeedbeef;
    public const uint IOMMU_HW_INFO_SELFTEST_REGVAL = 0xdeadbeef;
    public const uint IOMMU_HWPT_DATA_SELFTEST = 0xdead;
    public const uint IOMMU_TEST_IOTLB_DEFAULT = 0xbadbeef;
    public const uint IOMMU_HWPT_INVALIDATE_DATA_SELFTEST = 0xdeadbeef;
    public const uint IOMMU_HWPT_INVALIDATE_DATA_SELFTEST_INVALID = 0xdadbeef;
    public const uint IOMMU_TEST_INVALIDATE_FLAG_ALL = 1;

    // VFIO: extensions and drivers of a container
    public const uint VFIO_API_VERSION = 0;
    public const uint VFIO_TYPE1_IOMMU = 1;
    public const uint VFIO_SPAPR_TCE_IOMMU = 2;
    public const uint VFIO_TYPE1v2_IOMMU = 3;
    public const uint VFIO_DMA_CC_IOMMU = 4;
    public const uint VFIO_EEH = 5;
    public const uint VFIO_TYPE1_NESTING_IOMMU = 6;
    public const uint VFIO_SPAPR_TCE_v2_IOMMU = 7;
    public const uint VFIO_NOIOMMU_IOMMU = 8;
    public const uint VFIO_UNMAP_ALL = 9;
    public const uint VFIO_UPDATE_VADDR = 0xa;

    // VFIO: groups, type1
    public const uint VFIO_GROUP_FLAGS_VIABLE = 1;
    public const uint VFIO_GROUP_FLAGS_CONTAINER_SET = 2;
    public const uint VFIO_IOMMU_INFO_PGSIZES = 1;
    public const uint VFIO_IOMMU_INFO_CAPS = 2;
    public const uint VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE = 1;
    public const uint VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION = 2;
    public const uint VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL = 3;
    public const uint VFIO_DMA_MAP_FLAG_READ = 1;
    public const uint VFIO_DMA_MAP_FLAG_WRITE = 2;
    public const uint VFIO_DMA_MAP_FLAG_VADDR = 4;
    public const uint VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP = 1;
    public const uint VFIO_DMA_UNMAP_FLAG_ALL = 2;
    public const uint VFIO_DMA_UNMAP_FLAG_VADDR = 4;
    public const uint VFIO_IOMMU_DIRTY_PAGES_FLAG_START = 1;
    public const uint VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP = 2;
    public const uint VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP = 4;

    // VFIO: device files
    public const uint VFIO_DEVICE_FLAGS_RESET = 1;
    public const uint VFIO_DEVICE_FLAGS_PCI = 2;
    public const uint VFIO_REGION_INFO_FLAG_READ = 1;
    public const uint VFIO_REGION_INFO_FLAG_WRITE = 2;
    public const uint VFIO_REGION_INFO_FLAG_MMAP = 4;
    public const uint VFIO_REGION_INFO_FLAG_CAPS = 8;
    public const uint VFIO_PCI_BAR0_REGION_INDEX = 0;
    public const uint VFIO_PCI_ROM_REGION_INDEX = 6;
    public const uint VFIO_PCI_CONFIG_REGION_INDEX = 7;
    public const uint VFIO_PCI_VGA_REGION_INDEX = 8;
    public const uint VFIO_PCI_NUM_REGIONS = 9;
    public const uint VFIO_PCI_INTX_IRQ_INDEX = 0;
    public const uint VFIO_PCI_MSI_IRQ_INDEX = 1;
    public const uint VFIO_PCI_MSIX_IRQ_INDEX = 2;
    public const uint VFIO_PCI_ERR_IRQ_INDEX = 3;
    public const uint VFIO_PCI_REQ_IRQ_INDEX = 4;
    public const uint VFIO_PCI_NUM_IRQS = 5;
    public const uint VFIO_IRQ_INFO_EVENTFD = 1;
    public const uint VFIO_IRQ_INFO_MASKABLE = 2;
    public const uint VFIO_IRQ_INFO_AUTOMASKED = 4;
    public const uint VFIO_IRQ_INFO_NORESIZE = 8;
    public const uint VFIO_IRQ_SET_DATA_NONE = 1;
    public const uint VFIO_IRQ_SET_DATA_BOOL = 2;
    public const uint VFIO_IRQ_SET_DATA_EVENTFD = 4;
    public const uint VFIO_IRQ_SET_ACTION_MASK = 8;
    public const uint VFIO_IRQ_SET_ACTION_UNMASK = 0x10;
    public const uint VFIO_IRQ_SET_ACTION_TRIGGER = 0x20;
    public const uint VFIO_DEVICE_IOEVENTFD_SIZE_MASK = 0xf;
    public const uint VFIO_DEVICE_FEATURE_MASK = 0xffff;
    public const uint VFIO_DEVICE_FEATURE_GET = 0x10000;
    public const uint VFIO_DEVICE_FEATURE_SET = 0x20000;
    public const uint VFIO_DEVICE_FEATURE_PROBE = 0x40000;
    public const uint VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY = 3;
    public const uint VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP = 4;
    public const uint VFIO_DEVICE_FEATURE_LOW_POWER_EXIT = 5;

    // KVM
    public const uint KVM_API_VERSION = 0xc;
    public const uint KVM_CAP_USER_MEMORY = 3;
    public const uint KVM_CAP_DEVICE_CTRL = 0x59;
    public const uint KVM_CAP_CHECK_EXTENSION_VM = 0x69;
    public const uint KVM_CREATE_DEVICE_TEST = 1;
    public const uint KVM_DEV_TYPE_VFIO = 4;
    public const uint KVM_DEV_VFIO_FILE = 1;
    public const uint KVM_DEV_VFIO_FILE_ADD = 1;
    public const uint KVM_DEV_VFIO_FILE_DEL = 2;
    public const uint KVM_DEV_VFIO_GROUP = 1;
    public const uint KVM_DEV_VFIO_GROUP_ADD = 1;
    public const uint KVM_DEV_VFIO_GROUP_DEL = 2;
    public const uint KVM_DEV_VFIO_GROUP_SET_SPAPR_TCE = 3;
}
