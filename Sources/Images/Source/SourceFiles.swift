import Host
import Layers
import SystemPackage
import Tar

/// The files of an image as it came: in a directory, or in a tar that is read where it lies.
struct SourceFiles: Sendable {
    /// Manifests are small: the distribution specification has registries refuse more than 4 MiB.
    private static let manifestByteLimit = 4 << 20
    private static let configurationByteLimit = 8 << 20

    private enum Place: Sendable {
        case directory
        case archive(ArchiveFiles)
    }

    /// The directory or tar, as the user called it.
    let path: String
    /// "cannot use the image ./debian.tar": how every failure about it begins.
    let complaint: String
    private let place: Place

    /// `name` is for messages.
    init(directory path: String, called name: String? = nil) {
        self.path = path
        complaint = "cannot use the image \((name ?? path).printable)"
        place = .directory
    }

    /// `scratch` is a directory for what a compressed archive unpacks to, which comes out of `budget`.
    init(archive path: String, scratch: String, budget: ImportBudget) throws(Failure) {
        self.path = path
        complaint = "cannot use the image \(path.printable)"
        place = .archive(try ArchiveFiles(path, scratch: scratch, budget: budget))
    }

    /// Where a layout has the blob of that digest.
    static func name(of digest: Digest) -> String { "blobs/sha256/" + digest.hexadecimal }

    func has(_ name: String) -> Bool {
        switch place {
        case .directory: FileStatus(of: "\(path)/\(name)") != nil
        case .archive(let archive): archive.has(name)
        }
    }

    /// The bytes of a file; `role` says what it should be.
    func source(_ name: String, as role: String) throws(Failure) -> FileSource {
        switch place {
        case .archive(let archive): return try archive.source(name, as: role)
        case .directory:
            do throws(Failure) {
                return try FileSource(opening: "\(path)/\(name)", as: role)
            } catch {
                guard error.errno == .noSuchFileOrDirectory else { throw error }
                throw refused("it is not complete: its \(role) is missing (\(name.printable))")
            }
        }
    }

    func byteCount(of name: String) throws(Failure) -> UInt64 {
        try source(name, as: "layer").byteCount
    }

    /// A text that nothing vouches for: where the digests begin.
    func json(_ name: String, as role: String) throws(Failure) -> JSONField {
        let bytes = try bytes(name, as: role, upTo: Self.manifestByteLimit)
        return try document("its \(role), \(name),").root(bytes)
    }

    /// A text whose digest is known.
    func json(_ descriptor: Descriptor, as role: String) throws(Failure) -> JSONField {
        let bytes = try verifiedBytes(descriptor, as: role, upTo: Self.manifestByteLimit)
        return try document("its \(role) \(descriptor.digest.short)").root(bytes)
    }

    func configuration(_ descriptor: Descriptor) throws(Failure) -> ConfigurationFile {
        let bytes = try verifiedBytes(descriptor, as: "configuration", upTo: Self.configurationByteLimit)
        return try ConfigurationFile(
            bytes, document: document("its configuration \(descriptor.digest.short)"))
    }

    /// One whose digest only its name tells.
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

    /// The failure of a source that has several images, where nobody said which.
    func several(_ names: [String]) -> Failure {
        refused(
            "it has several images: \(Set(names).sorted().briefList)",
            cure: "Say which: \(path.brief):NAME")
    }

    func refused(_ why: String, cure: String? = nil) -> Failure {
        Failure(.badInput, complaint, because: why, cure: cure)
    }
}
