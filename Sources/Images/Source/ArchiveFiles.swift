import Host
import Layers
import Tar

/// The files in a tar, read where they lie.
///
/// Threads may share it: nothing in it ever changes, and the sources that it gives have descriptors and places of their own.
final class ArchiveFiles: @unchecked Sendable {
    private let index: TarIndex

    /// `scratch` is a directory for what a compressed one unpacks to.
    init(_ path: String, scratch: String, budget: ImportBudget) throws(Failure) {
        index = try TarIndex(opening: path, scratch: scratch, budget: budget)
    }

    func has(_ name: String) -> Bool { index.has(name) }

    func source(_ name: String, as role: String) throws(Failure) -> FileSource {
        try index.source(of: name, as: role)
    }
}
