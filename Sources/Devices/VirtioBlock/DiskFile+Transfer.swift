import CHost
import Host
import Synchronization
import SystemPackage

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
