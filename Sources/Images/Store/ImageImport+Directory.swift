import EROFS
import Host
import Layers

extension ImageImport {
    /// Imports a plain directory as an image of one layer. `fingerprint` names the layer; `contents`
    /// describes the image.
    func addDirectory(
        _ path: String, fingerprint: Digest, as contents: Contents
    ) throws(Failure) -> ImageRecord {
        let maker = LayerImport(
            store: store, session: session, draft: staging.file("layer.erofs"), claims: claims)
        return try cleaningUp { () throws(Failure) in
            let byteCount = try maker.make(fingerprint) { writer throws(Failure) in
                try read(path, fingerprint, into: writer)
            }
            return try publish(
                contents, layers: [ImageRecord.Layer(digest: fingerprint, byteCount: byteCount)])
        }
    }

    private func read(_ path: String, _ fingerprint: Digest, into writer: ErofsWriter) throws(Failure) {
        let tree = try DirectoryTree(opening: path)
        var sink = WatchedSink(writer, session: session, counts: true)
        try tree.read(into: &sink)
        guard try tree.fingerprint() == fingerprint else {
            throw Failure(
                .badInput, "cannot use the directory \(path.printable)",
                because: "files in it changed while they were read",
                cure: "Try again while nothing writes to it.")
        }
    }
}
