import CHost
import Host
import SystemPackage

/// The sizes of a disk's sectors. Requests count units of 512 bytes whatever these sizes are (Virtio 1.2,
/// 5.2.4). A guest aligns its requests, and reads partition tables, by the logical size.
struct DiskSectors: Hashable, Sendable {
    static let logicalSizes: [UInt32] = [512, 1024, 2048, 4096]
    /// The page cache's unit: a write of whole pages never has to read first.
    private static let pageByteCount: UInt32 = 4096
    /// A limit above every disk's size. The configuration space has 16 bits for the number of logical sectors
    /// in a physical one.
    private static let mostPhysicalByteCount: UInt32 = 1 << 20

    let logicalByteCount: UInt32
    let physicalByteCount: UInt32

    /// Reads the sizes. If `logical` is nil, the logical size is the device's own, or 512 bytes for an image.
    /// Requests go through the host's page cache, which accepts any logical size.
    init(
        of descriptor: Int32, _ identity: DiskIdentity, logical: UInt32?, _ path: String
    ) throws(Failure) {
        var (own, physical): (UInt32, UInt32) = (512, Self.pageByteCount)
        if identity.isBlockDevice, unsafe chost_block_device_sectors(descriptor, &own, &physical) < 0 {
            throw Failure("cannot find the sectors of the disk \(path)", errno: .current)
        }
        logicalByteCount = logical ?? own
        guard Self.logicalSizes.contains(logicalByteCount) else {
            throw Failure(
                .badInput, "cannot use the disk \(path)",
                because: "its sectors have \(logicalByteCount) bytes, and guests support at most 4096",
                cure: "Write --disk \(DiskFile.word(path)),sector=4096")
        }
        let isPower = physical.nonzeroBitCount == 1
        physicalByteCount =
            isPower ? min(max(physical, Self.pageByteCount), Self.mostPhysicalByteCount) : Self.pageByteCount
    }

    /// The number of logical sectors in a physical one, as a power of two.
    var physicalExponent: UInt8 {
        UInt8(physicalByteCount.trailingZeroBitCount - logicalByteCount.trailingZeroBitCount)
    }
}
