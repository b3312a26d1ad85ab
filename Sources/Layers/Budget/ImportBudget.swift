import Glibc
public import Host
import Synchronization

/// The limits on one import.
public struct ImportLimits: Hashable, Sendable {
    /// The limit on bytes written: a download, the contents of a compressed archive, layers, and the index
    /// over them.
    public var writtenByteCount: UInt64 = 64 << 30
    /// The limit on bytes unpacked, including those that become holes. Zeroes take no space but time: gzip
    /// compresses them 1,000 times, zstd 30,000 times.
    public var unpackedByteCount: UInt64 = 1 << 40
    /// The limit on files, counted when they come out of a layer and again when layers are merged.
    public var entryCount: UInt64 = 32 << 20

    public init() {}

    /// Formats a size as options take it: "64G", "1536M", "1000".
    static func text(_ byteCount: UInt64) -> String {
        for (shift, unit) in [(40, "T"), (30, "G"), (20, "M"), (10, "K")] as [(UInt64, String)]
        where byteCount >> shift > 0 && byteCount & (1 << shift - 1) == 0 {
            return "\(byteCount >> shift)\(unit)"
        }
        return "\(byteCount)"
    }
}

/// The account of what one import has used of its limits. All threads and steps of the import share it. A
/// stranger's image can demand gigabytes of disk in a few bytes, and a limit per layer would allow hundreds
/// of times as much per image.
public final class ImportBudget: Sendable {
    public let limits: ImportLimits
    /// The memory for the names of files.
    public let memory: TreeMemory
    private let writtenByteCount = Atomic<UInt64>(0)
    private let unpackedByteCount = Atomic<UInt64>(0)
    private let entryCount = Atomic<UInt64>(0)

    public init(limits: ImportLimits = ImportLimits(), memory: TreeMemory = TreeMemory()) {
        self.limits = limits
        self.memory = memory
    }

    /// Charges `byteCount` bytes that are about to be written to the file system of the file `descriptor`.
    /// Throws if they exceed the limit or would leave too little free space. `complaint` is the start of the
    /// error message.
    public func write(
        _ byteCount: UInt64, to descriptor: Int32, _ complaint: @autoclosure () -> String
    ) throws(Failure) {
        let (before, after) = writtenByteCount.wrappingAdd(byteCount, ordering: .relaxed)
        guard after <= limits.writtenByteCount, after >= before else {
            throw Failure(
                .badInput, complaint(),
                because:
                    "the import needs more than \(ImportLimits.text(limits.writtenByteCount)) of disk space",
                cure: "If you trust the image, allow more with --max-import-size.")
        }
        guard before / FreeSpace.stepByteCount != after / FreeSpace.stepByteCount,
            let reserve = FreeSpace.missingReserve(of: descriptor)
        else { return }
        throw Failure(
            .host, complaint(),
            because: "it would leave less than \(ImportLimits.text(reserve)) free on that file system",
            cure: "Free some space (vmm image prune), or set VMM_STORE to another directory.")
    }

    /// Charges `byteCount` bytes that were unpacked.
    public func unpack(_ byteCount: Int, _ complaint: @autoclosure () -> String) throws(Failure) {
        let after = unpackedByteCount.wrappingAdd(UInt64(byteCount), ordering: .relaxed).newValue
        guard after <= limits.unpackedByteCount else {
            throw Failure(
                .badInput, complaint(),
                because: "the image unpacks to more than \(ImportLimits.text(limits.unpackedByteCount))")
        }
    }

    /// Charges one more file.
    public func addEntry() throws(Damage) {
        guard entryCount.wrappingAdd(1, ordering: .relaxed).newValue <= limits.entryCount else {
            throw Damage("the image's layers have too many files, more than \(limits.entryCount / 2) in all")
        }
    }
}

/// The reserve that an import leaves free on a file system.
enum FreeSpace {
    /// The number of bytes written between two checks.
    static let stepByteCount: UInt64 = 64 << 20
    private static let mostReserve: UInt64 = 256 << 20

    /// Returns the reserve if there is less free space than it, otherwise nil. The reserve is a twentieth of
    /// the file system, and at most 256 MiB.
    static func missingReserve(of descriptor: Int32) -> UInt64? {
        var facts = statvfs()
        guard unsafe fstatvfs(descriptor, &facts) == 0 else { return nil }
        let unit = UInt64(facts.f_frsize)
        let size = UInt64(facts.f_blocks).multipliedReportingOverflow(by: unit)
        let free = UInt64(facts.f_bavail).multipliedReportingOverflow(by: unit)
        return size.overflow || free.overflow
            ? nil : missingReserve(of: size.partialValue, free: free.partialValue)
    }

    static func missingReserve(of size: UInt64, free: UInt64) -> UInt64? {
        // Some file systems do not report their size.
        guard size > 0 else { return nil }
        // Round to whole MiB, the unit of the error message.
        let reserve = min(mostReserve, max(1 << 20, size / 20 & ~((1 << 20) - 1)))
        return free < reserve ? reserve : nil
    }
}
