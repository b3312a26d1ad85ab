import Host
import Layers
import SystemPackage
import Tar

/// The files of an image as it came: in a directory, or in a tar that is read in place.
struct SourceFiles: Sendable {
    /// The limit on a manifest: the distribution specification has registries refuse more than 4 MiB.
    private static let manifestByteLimit = 4 << 20
    private static let configurationByteLimit = 8 << 20

    private enum Place: Sendable {
        case directory
        case archive(ArchiveFiles)
    }

    /// The directory or tar, as the user called it.
    let path: String
    /// The start of every error message: "cannot use the image ./debian.tar".
    let complaint: String
    private let place: Place

    /// Opens a directory. Messages call it `name`, or `path` if `name` is nil.
    init(directory path: String, called name: String? = nil) {
        self.path = path
        complaint = "cannot use the image \((name ?? path).printable)"
        place = .directory
    }

    /// Opens a tar. A compressed one is unpacked to a file in the directory `scratch`, which is charged to
    /// `budget`.
    init(archive path: String, scratch: String, budget: ImportBudget) throws(Failure) {
        self.path = path
        complaint = "cannot use the image \(path.printable)"
        place = .archive(try ArchiveFiles(path, scratch: scratch, budget: budget))
    }

    /// Returns the path in a layout of the blob with the given digest.
    static func name(of digest: Digest) -> String { "blobs/sha256/" + digest.hexadecimal }

    func has(_ name: String) -> Bool {
        switch place {
        case .directory: isInDirectory(name)
        case .archive(let archive): archive.has(name)
        }
    }

    /// Whether the directory has the file. A link out of the directory counts: reading it is a failure that
    /// names the link.
    private func isInDirectory(_ name: String) -> Bool {
        do throws(Errno) {
            _ = try OwnedDescriptor(opening: name, beneath: path, flags: OwnedDescriptor.pathOnly)
            return true
        } catch {
            return error == .improperLink
        }
    }

    /// Opens a file. `role` is its purpose, for messages.
    func source(_ name: String, as role: String) throws(Failure) -> FileSource {
        switch place {
        case .archive(let archive): return try archive.source(name, as: role)
        case .directory:
            do throws(Failure) {
                return try FileSource(opening: name, beneath: path, as: role)
            } catch {
                guard error.errno == .noSuchFileOrDirectory else { throw error }
                throw refused("it is incomplete: its \(role) is missing (\(name.printable))")
            }
        }
    }

    func byteCount(of name: String) throws(Failure) -> UInt64 {
        try source(name, as: "layer").byteCount
    }

    /// Reads a JSON file for which there is no digest: the start of the chain of digests.
    func json(_ name: String, as role: String) throws(Failure) -> JSONField {
        let bytes = try bytes(name, as: role, upTo: Self.manifestByteLimit)
        return try document("its \(role), \(name),").root(bytes)
    }

    /// Reads a JSON file and checks its size and digest.
    func json(_ descriptor: Descriptor, as role: String) throws(Failure) -> JSONField {
        let bytes = try verifiedBytes(descriptor, as: role, upTo: Self.manifestByteLimit)
        return try document("its \(role) \(descriptor.digest.short)").root(bytes)
    }

    func configuration(_ descriptor: Descriptor) throws(Failure) -> ConfigurationFile {
        let bytes = try verifiedBytes(descriptor, as: "configuration", upTo: Self.configurationByteLimit)
        return try ConfigurationFile(
            bytes, document: document("its configuration \(descriptor.digest.short)"))
    }

    /// Reads a configuration without a check: only the file's name states its digest.
    func configuration(named name: String) throws(Failure) -> ConfigurationFile {
        let bytes = try bytes(name, as: "configuration", upTo: Self.configurationByteLimit)
        return try ConfigurationFile(bytes, document: document("its configuration"))
    }

    private func document(_ subject: String) -> JSONDocument {
        JSONDocument(complaint: complaint, subject: subject)
    }

    private func verifiedBytes(
        _ descriptor: Descriptor, as role: String, upTo limit: Int
    ) throws(Failure) -> [UInt8] {
        let found = try bytes(Self.name(of: descriptor.digest), as: role, upTo: limit)
        guard UInt64(found.count) == descriptor.byteCount else {
            throw refused(
                "its \(role) \(descriptor.digest.short) has \(found.count) bytes, not \(descriptor.byteCount)"
            )
        }
        let digest = SHA256.digest(of: found)
        guard digest == descriptor.digest else { throw wrongDigest(role, descriptor.digest, digest) }
        return found
    }

    private func bytes(_ name: String, as role: String, upTo limit: Int) throws(Failure) -> [UInt8] {
        var source = try source(name, as: role)
        guard let bytes = try source.bytes(upTo: limit) else {
            throw refused("its \(role) is larger than \(ByteCount.text(UInt64(limit)))")
        }
        return bytes
    }

    func wrongDigest(_ role: String, _ wanted: Digest, _ found: Digest) -> Failure {
        refused(
            "its \(role) \(wanted.short) is damaged: its digest is \(found.short)",
            cure: "Save, copy or pull the image again.")
    }

    /// Makes the failure for a source with several images when the user has named none.
    func several(_ names: [String]) -> Failure {
        refused(
            "it has several images: \(Set(names).sorted().briefList)",
            cure: "Choose one: \(path.brief):NAME")
    }

    func refused(_ why: String, cure: String? = nil) -> Failure {
        Failure(.badInput, complaint, because: why, cure: cure)
    }
}

/// The files in a tar, read in place.
///
/// Safe to share, although `TarIndex` is not Sendable: the index never changes after the initializer, and
/// each source that is returned has its own descriptor and position.
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
