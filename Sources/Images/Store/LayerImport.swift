import EROFS
import Glibc
import Host
import Layers
import SystemPackage

/// The import of a layer into the store. The layer is made once, even if several processes import it at the
/// same time.
struct LayerImport: Sendable {
    let store: StoreDirectory
    let session: ImportSession
    /// A path in the import's staging directory.
    let draft: String
    /// The claims of the import.
    let claims: LayerClaims

    /// Claims the layer `digest`, and makes it first if the store does not have it. `fill` writes its files.
    /// Returns the size of its file.
    func make(
        _ digest: Digest, _ fill: (ErofsWriter) throws(Failure) -> Void
    ) throws(Failure) -> UInt64 {
        let lock = try StoreLock(.work(digest.hexadecimal), of: store, alone: true) { () throws(Failure) in
            try session.wait()
        }
        defer { _ = lock }
        session.note(nil)
        let place = store.layer(digest.hexadecimal)
        // An image may have the layer already, or the last holder of the lock has made it.
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

    /// Gives the layer its name after its bytes are on the disk, so a layer with a name is complete.
    /// `ImageImport.publish` writes the name itself to the disk before an image that needs it.
    private func publish(_ file: borrowing OwnedDescriptor, as place: String) throws(Failure) {
        try store.doing("write a layer into") { () throws(Errno) in
            _ = try hostCall { fchmod(file.rawValue, 0o400) }
            try Files.synchronize(file.rawValue)
            try Files.rename(draft, to: place)
        }
    }
}
