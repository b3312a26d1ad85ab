import Glibc
import Host
import Layers
import Synchronization
import SystemPackage

/// The layers that an import has made or found, for as long as no image is made of them. Each has a second name in the import's
/// workshop (link(2)), so that a layer's link count says whether another import needs it too. Whoever claims a layer or gives
/// it up has its lock.
final class LayerClaims: Sendable {
    private let store: StoreDirectory
    private let paths = Mutex<[Digest: String]>([:])

    init(_ store: StoreDirectory) {
        self.store = store
    }

    /// Claims a layer that is there, and whose lock the caller has, by the name `path`; the size of its file.
    func add(_ digest: Digest, as path: String) throws(Failure) -> UInt64 {
        try store.doing("use a layer of") { () throws(Errno) in
            let place = store.layer(digest.hexadecimal)
            do throws(Errno) {
                _ = try hostCall { unsafe link(place, path) }
                paths.withLock { $0[digest] = path }
            } catch {
                // It may be an image's second attempt; or another user's layer, which is not ours to remove (proc(5),
                // protected_hardlinks).
                if error != .fileExists, error != .notPermitted { throw error }
            }
            return FileStatus(of: place)?.byteCount ?? 0
        }
    }

    /// Gives all of them up, and removes those that nobody needs: no image has them, and no other import claims them. What cannot
    /// be removed stays for `vmm image prune`.
    func giveUp() {
        for (digest, path) in paths.withLock({ $0 }) {
            guard let lock = try? StoreLock(.work(digest.hexadecimal), of: store, alone: true, waiting: {})
            else { continue }
            try? Files.remove(path)
            if !isNeeded(digest) { try? Files.remove(store.layer(digest.hexadecimal)) }
            _ = consume lock
        }
        paths.withLock { $0 = [:] }
    }

    /// The claims are looked at first: another import that has given its claim up by then has made its image before that.
    private func isNeeded(_ digest: Digest) -> Bool {
        guard let facts = FileStatus(of: store.layer(digest.hexadecimal)), facts.status.st_nlink == 1,
            let lock = try? StoreLock(.catalogue, of: store, alone: true, waiting: {})
        else { return true }
        defer { _ = lock }
        let catalogue = Catalogue(store: store)
        guard let identifiers = try? catalogue.identifiers() else { return true }
        return identifiers.contains { identifier in
            catalogue.record(of: identifier)?.layers.contains { $0.digest == digest } == true
        }
    }
}
