import CHost
import Host
import SystemPackage

/// A lock on a part of a store, held until its owner goes; the kernel lets go of those of a process that was killed.
///
/// All locks are locks on bytes of one file, so that no lock file is ever left over, and are those of an open file, so that
/// two threads exclude one another as two processes do.
struct StoreLock: ~Copyable, Sendable {
    enum Part: Hashable, Sendable {
        /// Layers. Whoever reads them or makes an image of them shares it; whoever removes some has it alone.
        case layers
        /// Names and images: had alone for the moment in which some are added or taken away.
        case catalogue
        /// A piece of work that is not to be done twice at once, such as a layer.
        case work(String)

        /// A hash collision is harmless: two unrelated jobs then wait for each other.
        var byte: off_t {
            switch self {
            case .layers: 0
            case .catalogue: 1
            case .work(let name): LockByte.offset(of: name)
            }
        }
    }

    private let owner: OwnedDescriptor

    /// Takes the lock. Where somebody else has it, `wait` is called again and again in between.
    init(
        _ part: Part, of store: StoreDirectory, alone: Bool, waiting wait: () throws(Failure) -> Void
    ) throws(Failure) {
        let owner = try Self.open(store, alone: alone)
        while chost_lock_byte(owner.rawValue, part.byte, alone) < 0 {
            let cause = Errno.current
            guard
                cause == .resourceTemporarilyUnavailable || cause == .permissionDenied
                    || cause == .interrupted
            else { throw Failure(store.complaint("lock"), errno: cause) }
            try wait()
            usleep(20_000)
        }
        self.owner = owner
    }

    /// To have a lock alone one must be able to write.
    private static func open(_ store: StoreDirectory, alone: Bool) throws(Failure) -> OwnedDescriptor {
        do throws(Errno) {
            return try OwnedDescriptor(opening: store.versionFile, for: alone ? .readingAndWriting : .reading)
        } catch {
            throw store.failure(store.complaint(alone ? "write to" : "open"), errno: error)
        }
    }
}
