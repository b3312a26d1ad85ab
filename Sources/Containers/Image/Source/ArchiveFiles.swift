import Host
import Layers

/// The files in a tar, read where they lie.
final class ArchiveFiles: Sendable {
    init(_ path: String, complaint: String) throws(Failure) {}
    func has(_ name: String) -> Bool { false }
    func source(_ name: String, as role: String) throws(Failure) -> FileSource { fatalError() }
}
