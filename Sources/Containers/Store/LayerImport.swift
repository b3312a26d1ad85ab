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
    /// For all that are made at the same time.
    let memory: TreeMemory

    /// Makes the layer `digest` where it is not there yet; the size of its file. `fill` writes its files.
    func make(
        _ digest: Digest, _ fill: (ErofsWriter) throws(Failure) -> Void
    ) throws(Failure) -> UInt64 {
        let place = store.layer(digest.hexadecimal)
        if let facts = FileFacts(of: place) { return facts.byteCount }
        let lock = try StoreLock(.work(digest.hexadecimal), of: store, alone: true) { () throws(Failure) in
            try session.wait()
        }
        defer { _ = lock }
        session.note(nil)
        // Whoever had the lock may have made it.
        if let facts = FileFacts(of: place) { return facts.byteCount }
        defer { try? Files.remove(draft) }
        let file = try store.doing("write a layer into") { () throws(Errno) in try Files.create(draft) }
        try store.writing(draft) { () throws(Failure) in
            let writer = try ErofsWriter(
                to: file.rawValue, named: "a layer in \(store.path)", memory: memory)
            try fill(writer)
            _ = try writer.finish { () throws(Failure) in try session.check() }
        }
        return try publish(file, as: place)
    }

    /// The name comes after the bytes, so a layer that has one is whole. That the name itself reaches the disk before
    /// those of the images that need it is the business of whoever publishes these.
    private func publish(_ file: borrowing OwnedDescriptor, as place: String) throws(Failure) -> UInt64 {
        try store.doing("write a layer into") { () throws(Errno) in
            _ = try hostCall { fchmod(file.rawValue, 0o400) }
            try Files.synchronize(file.rawValue)
            try Files.rename(draft, to: place)
            return FileFacts(of: file.rawValue)?.byteCount ?? 0
        }
    }
}
