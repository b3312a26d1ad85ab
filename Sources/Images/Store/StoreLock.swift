import CHost
import Host
import SystemPackage

/// A lock on a part of a store, held for as long as the value lives. The kernel releases the locks of a
/// killed process.
///
/// All locks are on bytes of one file, so no lock file is ever left over. They are open file description
/// locks, so two threads exclude each other as two processes do.
struct StoreLock: ~Copyable, Sendable {
    enum Part: Hashable, Sendable {
        /// The layers. Processes that read layers or make an image of them share the lock; a process that
        /// removes layers holds it exclusively.
        case layers
        /// The names and images. A process that adds or removes some holds the lock exclusively for that
        /// moment.
        case catalogue
        /// A piece of work that must not be done twice at once, such as making a layer.
        case work(String)

        /// The offset of the locked byte. A hash collision is harmless: two unrelated jobs then wait for each
        /// other.
        var byte: off_t {
            switch self {
            case .layers: 0
            case .catalogue: 1
            case .work(let name): LockByte.offset(of: name)
            }
        }
    }

    private let owner: OwnedDescriptor

    /// Takes the lock. While another process or thread holds it, calls `wait` every 20 ms; a failure of
    /// `wait` ends the attempt.
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

    /// Opens the file with the locks, for writing if the lock is exclusive: fcntl(2) demands it.
    private static func open(_ store: StoreDirectory, alone: Bool) throws(Failure) -> OwnedDescriptor {
        do throws(Errno) {
            return try OwnedDescriptor(opening: store.versionFile, for: alone ? .readingAndWriting : .reading)
        } catch {
            throw store.failure(store.complaint(alone ? "write to" : "open"), errno: error)
        }
    }
}
