import Glibc
import Host
import Layers
import Synchronization
import SystemPackage

/// The layers that an import has made or found and that no image has yet.
///
/// A claim is a second name of the layer's file in the import's staging directory (link(2)), so the file's
/// link count tells whether another import needs the layer. Claiming a layer and giving it up both need the
/// layer's lock.
final class LayerClaims: Sendable {
    private let store: StoreDirectory
    private let paths = Mutex<[Digest: String]>([:])

    init(_ store: StoreDirectory) {
        self.store = store
    }

    /// Claims a layer that is in the store, by the name `path`. Returns the size of its file. The caller
    /// holds the layer's lock.
    func add(_ digest: Digest, as path: String) throws(Failure) -> UInt64 {
        try store.doing("use a layer of") { () throws(Errno) in
            let place = store.layer(digest.hexadecimal)
            do throws(Errno) {
                _ = try hostCall { unsafe link(place, path) }
                paths.withLock { $0[digest] = path }
            } catch {
                // The file may exist from an earlier attempt at the image. A layer of another user is not
                // ours to remove, so it needs no claim (proc(5), protected_hardlinks).
                if error != .fileExists, error != .notPermitted { throw error }
            }
            return FileStatus(of: place)?.byteCount ?? 0
        }
    }

    /// Gives up all claims and removes the layers that no image has and no other import claims. A layer that
    /// cannot be removed stays for `vmm image prune`.
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

    /// Whether another import claims the layer or an image has it. Checks the claims first: an import that
    /// has given up its claim by then has published its image before.
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
