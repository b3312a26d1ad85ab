import CHost
import Host
import Synchronization
import SystemPackage

/// A disk image or block device of the host, opened and locked for one monitor.
public final class DiskFile: Sendable {
    /// The unit of a virtio disk (Virtio 1.2, 5.2.3).
    public static let sectorByteCount: UInt64 = 512

    let owner: OwnedDescriptor
    let path: String
    let identity: DiskIdentity
    public let byteCount: UInt64
    public let isReadOnly: Bool
    let sectors: DiskSectors
    /// Whether the file system supports RWF_NOWAIT, which fails a read that would wait. The first read finds
    /// out.
    let canRefuseToWait = Atomic<Bool>(true)

    /// Takes the file that `open` has opened and locked.
    init(
        _ owner: consuming OwnedDescriptor, _ path: String, _ identity: DiskIdentity, byteCount: UInt64,
        isReadOnly: Bool, sectors: DiskSectors
    ) {
        self.owner = owner
        self.path = path
        self.identity = identity
        self.byteCount = byteCount
        self.isReadOnly = isReadOnly
        self.sectors = sectors
    }

    var descriptor: Int32 { owner.rawValue }
    var sectorCount: UInt64 { byteCount / Self.sectorByteCount }

    /// Returns the file offset of `byteCount` bytes from `sector` on; nil unless they are whole sectors of
    /// the disk.
    func offset(ofSector sector: UInt64, byteCount: UInt64) -> UInt64? {
        let sectors = byteCount / Self.sectorByteCount
        guard byteCount % Self.sectorByteCount == 0, sector <= sectorCount, sectors <= sectorCount &- sector
        else { return nil }
        return sector &* Self.sectorByteCount
    }
}

/// Transfers between the file and guest memory.
extension DiskFile {
    /// The result of a transfer.
    enum Outcome: Hashable {
        case done
        /// The rest, which the vectors still hold, would have to wait for the disk.
        case wouldWait
        case failed
    }

    /// Reads from `offset` on into the memory that `vectors` name; without `waiting`, only data in the page
    /// cache.
    ///
    /// `continues` is called now and then: a request may name the same memory many times over, and a device
    /// that is being reset stops.
    func read(
        _ vectors: inout IOVectors, at offset: UInt64, waiting: Bool, continues: () -> Bool
    ) -> Outcome {
        let refuses = !waiting && canRefuseToWait.load(ordering: .relaxed)
        let outcome = unsafe transfer(&vectors, at: offset, continues) { base, count, offset in
            unsafe chost_preadv2(descriptor, base, count, offset, refuses ? RWF_NOWAIT : 0)
        }
        if outcome != .unsupported { return outcome.settled }
        guard refuses else { return .failed }
        // The file system does not support RWF_NOWAIT (tmpfs, some network file systems): read without it.
        canRefuseToWait.store(false, ordering: .relaxed)
        return read(&vectors, at: offset, waiting: true, continues: continues)
    }

    /// Writes the memory that `vectors` name from `offset` on. With `durably`, the data are on the disk on
    /// return.
    func write(
        _ vectors: inout IOVectors, at offset: UInt64, durably: Bool, continues: () -> Bool
    ) -> Outcome {
        unsafe transfer(&vectors, at: offset, continues) { base, count, offset in
            unsafe chost_pwritev2(descriptor, base, count, offset, durably ? RWF_DSYNC : 0)
        }.settled
    }

    /// Makes all earlier writes durable; returns false if that failed.
    func flush() -> Bool {
        while fdatasync(descriptor) < 0 {
            guard Errno.current == .interrupted else { return false }
        }
        return true
    }

    fileprivate enum RawOutcome {
        case done, wouldWait, unsupported, failed

        var settled: Outcome {
            switch self {
            case .done: .done
            case .wouldWait: .wouldWait
            case .unsupported, .failed: .failed
            }
        }
    }

    /// Repeats `call` until everything is transferred. Both calls may transfer less than they were asked to,
    /// and never transfer more than 2 GiB (read(2), Notes).
    private func transfer(
        _ vectors: inout IOVectors, at offset: UInt64, _ continues: () -> Bool,
        _ call: (UnsafePointer<iovec>, Int32, off_t) -> Int
    ) -> RawOutcome {
        let end = offset &+ vectors.byteCount
        while !vectors.isEmpty {
            // The position lies within the disk, whose size is an off_t.
            let at = off_t(truncatingIfNeeded: end &- vectors.byteCount)
            let count = unsafe call(vectors.base, vectors.count, at)
            if count > 0 {
                vectors.advance(by: count)
                guard vectors.isEmpty || continues() else { return .failed }
            } else if count == 0 {
                return .failed  // the file has become shorter meanwhile
            } else if let ended = RawOutcome(Errno.current) {
                return ended
            }
        }
        return .done
    }
}

extension DiskFile.RawOutcome {
    /// Maps an error to its outcome; nil to try again.
    fileprivate init?(_ cause: Errno) {
        switch cause {
        case .interrupted: return nil
        case .resourceTemporarilyUnavailable: self = .wouldWait
        case .notSupportedOnSocket, .notSupported: self = .unsupported
        default: self = .failed
        }
    }
}

/// Holes and zeroes.
extension DiskFile {
    /// The result of deallocating storage or filling it with zeroes.
    enum HoleOutcome: Hashable {
        case done, unsupported, failed
    }

    /// Deallocates the storage of a range.
    func discard(at offset: UInt64, byteCount: UInt64) -> HoleOutcome {
        allocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, byteCount)
    }

    /// Makes a range read as zeroes. With `mayUnmap`, it deallocates the storage if the host can. `continues`
    /// is called now and then: a device that is being reset stops.
    func writeZeroes(
        at offset: UInt64, byteCount: UInt64, mayUnmap: Bool, continues: () -> Bool
    ) -> HoleOutcome {
        if mayUnmap, discard(at: offset, byteCount: byteCount) == .done { return .done }
        let ranged = allocate(FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, offset, byteCount)
        guard ranged == .unsupported else { return ranged }
        return writeZeroBytes(offset, byteCount, continues)
    }

    private func allocate(_ mode: Int32, _ offset: UInt64, _ byteCount: UInt64) -> HoleOutcome {
        // The range lies within the disk, whose size is an off_t.
        while chost_fallocate(descriptor, mode, off_t(offset), off_t(byteCount)) < 0 {
            switch Errno.current {
            case .interrupted: continue
            case .notSupported, .notSupportedOnSocket, .noFunction: return .unsupported
            default: return .failed
            }
        }
        return .done
    }

    private func writeZeroBytes(
        _ offset: UInt64, _ byteCount: UInt64, _ continues: () -> Bool
    ) -> HoleOutcome {
        let zeroes = [UInt8](repeating: 0, count: 64 << 10)
        var done: UInt64 = 0
        while done < byteCount {
            guard continues() else { return .failed }
            let length = Int(min(UInt64(zeroes.count), byteCount &- done))
            let written = unsafe zeroes.withUnsafeBytes {
                unsafe pwrite(descriptor, $0.baseAddress, length, off_t(offset &+ done))
            }
            if written < 0, Errno.current == .interrupted { continue }
            guard written > 0 else { return .failed }
            done &+= UInt64(written)
        }
        return .done
    }
}
