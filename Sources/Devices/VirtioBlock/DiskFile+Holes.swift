import CHost
import Host
import SystemPackage

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
