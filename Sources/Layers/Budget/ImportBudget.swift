import Glibc
public import Host
import Synchronization

/// What one import has taken of its limits. All its threads and all its steps share it: a stranger's image says in a few bytes
/// what takes gigabytes of disk, and one limit for each layer would be hundreds for an image.
public final class ImportBudget: Sendable {
    public let limits: ImportLimits
    /// What the names of files may take of memory.
    public let memory: TreeMemory
    private let writtenByteCount = Atomic<UInt64>(0)
    private let unpackedByteCount = Atomic<UInt64>(0)
    private let entryCount = Atomic<UInt64>(0)

    public init(limits: ImportLimits = ImportLimits(), memory: TreeMemory = TreeMemory()) {
        self.limits = limits
        self.memory = memory
    }

    /// Notes that `byteCount` bytes are about to be written to the file system on which the file `descriptor` lies. Refuses
    /// more than the limit, and what would leave others there without room. `complaint` says what cannot be written then.
    public func write(
        _ byteCount: UInt64, to descriptor: Int32, _ complaint: @autoclosure () -> String
    ) throws(Failure) {
        let (before, after) = writtenByteCount.wrappingAdd(byteCount, ordering: .relaxed)
        guard after <= limits.writtenByteCount, after >= before else {
            throw Failure(
                .badInput, complaint(),
                because: "the import takes more than \(ImportLimits.text(limits.writtenByteCount)) of disk",
                cure: "If you trust the image, allow more with --max-import-size.")
        }
        guard before / FreeSpace.stepByteCount != after / FreeSpace.stepByteCount,
            let reserve = FreeSpace.missingReserve(of: descriptor)
        else { return }
        throw Failure(
            .host, complaint(),
            because: "less than \(ImportLimits.text(reserve)) would be left free on that file system",
            cure: "Make room (vmm image prune), or set VMM_STORE to another directory.")
    }

    /// Notes that `byteCount` bytes were unpacked.
    public func unpack(_ byteCount: Int, _ complaint: @autoclosure () -> String) throws(Failure) {
        let after = unpackedByteCount.wrappingAdd(UInt64(byteCount), ordering: .relaxed).newValue
        guard after <= limits.unpackedByteCount else {
            throw Failure(
                .badInput, complaint(),
                because: "the image unpacks to more than \(ImportLimits.text(limits.unpackedByteCount))")
        }
    }

    /// Notes that there is one more file.
    public func addEntry() throws(Damage) {
        guard entryCount.wrappingAdd(1, ordering: .relaxed).newValue <= limits.entryCount else {
            throw Damage("the image's layers have too many files, more than \(limits.entryCount / 2) in all")
        }
    }
}

/// Room on a file system that an import leaves to everybody else.
enum FreeSpace {
    /// So much is written between two looks.
    static let stepByteCount: UInt64 = 64 << 20
    private static let mostReserve: UInt64 = 256 << 20

    /// The reserve, a twentieth of the file system and no more than 256 MiB, where there is less of it left.
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
        // Some file systems do not tell their size.
        guard size > 0 else { return nil }
        // In whole MiB, which is how the user is told.
        let reserve = min(mostReserve, max(1 << 20, size / 20 & ~((1 << 20) - 1)))
        return free < reserve ? reserve : nil
    }
}
