import Host
import Layers

struct DirectoryTree: Sendable {
    var fingerprint: Digest
    init(_ path: String) throws(Failure) { fatalError() }
}
extension ImageImport {
    func add(_ tree: DirectoryTree) throws(Failure) -> ImageRecord { fatalError() }
}
