import Glibc
import Host
import SystemPackage

/// A staging directory: a directory in a store's `tmp` in which one import makes its files. `deinit` removes
/// it.
///
/// The value holds a lock on the directory (flock(2)), which ends with the process. A killed import leaves a
/// directory without a lock, and the next import removes it.
struct StagingDirectory: ~Copyable, Sendable {
    let path: String
    /// The descriptor that holds the lock. Programs that write into the directory inherit it, so that the
    /// directory stays while they run.
    let directory: OwnedDescriptor

    init(in store: StoreDirectory) throws(Failure) {
        do throws(Errno) {
            while true {
                let path = "\(store.staging)/\(getpid())-\(Files.randomName())"
                try Files.makeDirectory(path)
                let directory = try OwnedDescriptor(opening: path, for: .reading, flags: O_DIRECTORY)
                // Another import may have removed the new directory as a killed import's.
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

    /// Returns a path in the directory.
    func file(_ name: String) -> String { "\(path)/\(name)" }

    /// Removes the staging directories of killed imports in `store`. Returns the number of bytes freed.
    @discardableResult
    static func clean(_ store: StoreDirectory) -> UInt64 {
        var freed: UInt64 = 0
        for name in (try? Files.names(in: store.staging)) ?? [] {
            let path = "\(store.staging)/\(name)"
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
    /// Returns the number of bytes that a file, or a directory with everything in it, takes on the disk. A
    /// file with a second name elsewhere counts as 0: its removal frees nothing.
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
