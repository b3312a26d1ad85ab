import Glibc
import Host
import SystemPackage

/// A directory of a store's `tmp` in which one import makes its things. It is gone with its owner.
///
/// Its owner has a lock on it (flock(2)), which goes with the process: what a killed one left behind is a directory without
/// a lock, and the next who looks takes it away.
struct Workshop: ~Copyable, Sendable {
    let path: String
    /// To be lent to programs that write there, so that their directory stays while they live.
    let directory: OwnedDescriptor

    init(in store: StoreDirectory) throws(Failure) {
        do throws(Errno) {
            while true {
                let path =
                    "\(store.workshops)/\(getpid())-\(String(UInt64.random(in: .min ... .max), radix: 36))"
                try Files.makeDirectory(path)
                let directory = try OwnedDescriptor(opening: path, for: .reading, flags: O_DIRECTORY)
                // Somebody who cleans up may have been quicker.
                guard flock(directory.rawValue, LOCK_EX | LOCK_NB) == 0,
                    FileStatus(of: directory.rawValue)?.status.st_nlink != 0
                else { continue }
                self.path = path
                self.directory = directory
                return
            }
        } catch {
            throw store.failure(store.complaint("write to"), errno: error)
        }
    }

    /// A path in it.
    func file(_ name: String) -> String { "\(path)/\(name)" }

    /// Removes what killed imports left in `store`; how many bytes that were.
    @discardableResult
    static func clean(_ store: StoreDirectory) -> UInt64 {
        var freed: UInt64 = 0
        for name in (try? Files.names(in: store.workshops)) ?? [] {
            let path = "\(store.workshops)/\(name)"
            guard let directory = try? OwnedDescriptor(opening: path, for: .reading),
                flock(directory.rawValue, LOCK_EX | LOCK_NB) == 0
            else { continue }
            freed += Files.allocatedByteCount(below: path)
            Files.removeTree(path)
        }
        return freed
    }

    deinit {
        Files.removeTree(path)
    }
}

extension Files {
    /// What a file takes on the disk, or a directory and all that is in it. A file that has a name elsewhere takes nothing there.
    static func allocatedByteCount(below path: String) -> UInt64 {
        guard let facts = FileStatus(of: path) else { return 0 }
        guard facts.isDirectory else {
            return facts.status.st_nlink > 1 ? 0 : facts.allocatedByteCount
        }
        var sum = facts.allocatedByteCount
        for name in (try? names(in: path)) ?? [] { sum &+= allocatedByteCount(below: "\(path)/\(name)") }
        return sum
    }
}
