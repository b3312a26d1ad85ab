import Host
import Layers
import Tar

/// The files in a tar, read in place.
///
/// Threads may share a value: it never changes, and each source that it returns has its own descriptor and
/// position.
final class ArchiveFiles: @unchecked Sendable {
    private let index: TarIndex

    /// Opens a tar. If the tar is compressed, unpacks it to a file in the directory `scratch`.
    init(_ path: String, scratch: String, budget: ImportBudget) throws(Failure) {
        index = try TarIndex(opening: path, scratch: scratch, budget: budget)
    }

    func has(_ name: String) -> Bool { index.has(name) }

    func source(_ name: String, as role: String) throws(Failure) -> FileSource {
        try index.source(of: name, as: role)
    }
}
