import EROFS
import Glibc
import Host
import Layers
import SystemPackage

/// Makes layers of the store, each once, whoever else makes it at the same time.
struct LayerImport: Sendable {
    let store: StoreDirectory
    let session: ImportSession
    /// A path in the import's workshop.
    let draft: String
    /// What the import needs of the store.
    let claims: LayerClaims

    /// Makes the layer `digest` where it is not there yet, and claims it; the size of its file. `fill` writes its files.
    func make(
        _ digest: Digest, _ fill: (ErofsWriter) throws(Failure) -> Void
    ) throws(Failure) -> UInt64 {
        let lock = try StoreLock(.work(digest.hexadecimal), of: store, alone: true) { () throws(Failure) in
            try session.wait()
        }
        defer { _ = lock }
        session.note(nil)
        let place = store.layer(digest.hexadecimal)
        // An image may have it already, and whoever had the lock may have made it.
        if FileStatus(of: place) == nil { try make(at: place, fill) }
        return try claims.add(digest, as: draft + "-used")
    }

    private func make(at place: String, _ fill: (ErofsWriter) throws(Failure) -> Void) throws(Failure) {
        defer { try? Files.remove(draft) }
        let file = try store.doing("write a layer into") { () throws(Errno) in try Files.create(draft) }
        try store.writing(draft) { () throws(Failure) in
            let writer = try ErofsWriter(
                to: file.rawValue, named: "a layer in \(store.path)", budget: session.budget)
            try fill(writer)
            _ = try writer.finish { () throws(Failure) in try session.check() }
        }
        try publish(file, as: place)
    }

    /// The name comes after the bytes, so a layer that has one is whole. That the name itself reaches the disk before
    /// those of the images that need it is the business of whoever publishes these.
    private func publish(_ file: borrowing OwnedDescriptor, as place: String) throws(Failure) {
        try store.doing("write a layer into") { () throws(Errno) in
            _ = try hostCall { fchmod(file.rawValue, 0o400) }
            try Files.synchronize(file.rawValue)
            try Files.rename(draft, to: place)
        }
    }
}
