import Glibc
import Host
import Layers
import SystemPackage

/// The directory for scratch files, and the budget that they are charged to.
struct ScratchPlace {
    let directory: String
    let budget: ImportBudget
}

/// A file without a name, which the kernel removes when the process ends in any way. Blocks of zeroes become
/// holes in it.
struct ScratchFile: ~Copyable {
    /// The size of the blocks that file systems allocate.
    private static let blockByteCount = 4096

    let descriptor: OwnedDescriptor
    private let complaint: String
    private let budget: ImportBudget
    private var byteCount: UInt64 = 0

    /// Makes the file on the file system of the place's directory.
    init(in place: ScratchPlace) throws(Failure) {
        complaint = "cannot unpack an archive into \(place.directory)"
        budget = place.budget
        do throws(Errno) {
            descriptor = try Files.createUnnamed(in: place.directory)
        } catch {
            throw Failure(complaint, errno: error)
        }
    }

    mutating func append(_ bytes: UnsafeRawBufferPointer) throws(Failure) {
        try budget.unpack(bytes.count, complaint)
        // `start..<at` is data that has not been written yet.
        var (start, at) = (0, 0)
        while at < bytes.count {
            let inBlock = Int((byteCount &+ UInt64(at)) % UInt64(Self.blockByteCount))
            let end = min(at + Self.blockByteCount - inBlock, bytes.count)
            if unsafe UnsafeRawBufferPointer(rebasing: bytes[at..<end]).isZero {
                unsafe try write(UnsafeRawBufferPointer(rebasing: bytes[start..<at]), at: start)
                start = end
            }
            at = end
        }
        unsafe try write(UnsafeRawBufferPointer(rebasing: bytes[start...]), at: start)
        byteCount &+= UInt64(bytes.count)
    }

    /// Sets the file's size to the number of bytes appended.
    func finish() throws(Failure) {
        do throws(Errno) {
            _ = try hostCall { ftruncate(descriptor.rawValue, off_t(clamping: byteCount)) }
        } catch {
            throw failure(error)
        }
    }

    /// Writes bytes at `offset` behind the end of the earlier calls' bytes.
    private func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(Failure) {
        guard unsafe !bytes.isEmpty else { return }
        try budget.write(UInt64(bytes.count), to: descriptor.rawValue, complaint)
        var (rest, place) = unsafe (bytes, off_t(clamping: byteCount &+ UInt64(offset)))
        while unsafe !rest.isEmpty {
            let count: Int
            do throws(Errno) {
                count = try hostCall {
                    unsafe pwrite(descriptor.rawValue, rest.baseAddress, rest.count, place)
                }
            } catch {
                throw failure(error)
            }
            unsafe rest = rest.rest(after: count)
            place += off_t(count)
        }
    }

    private func failure(_ errno: Errno) -> Failure {
        Failure(
            complaint, errno: errno,
            cure: errno == .noSpace ? "Make room there, or unpack the archive yourself." : nil)
    }
}
