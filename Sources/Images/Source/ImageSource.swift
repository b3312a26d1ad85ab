import Glibc
import Host
import Layers
import SystemPackage

/// A file or directory that holds an image. Its content decides which kind it is, unless the user states the
/// kind.
enum ImageSource: Hashable, Sendable {
    /// An OCI layout directory, and the image's tag in it.
    case layout(path: String, tag: String?)
    /// A tar. `kind` is the kind that the user stated, if any.
    case archive(path: String, tag: String?, kind: ImageName.PathKind?)
    case rootFileSystem(path: String)
    /// An OCI bundle: a `config.json` and a root file system beside it.
    case bundle(path: String)

    /// Finds the file or directory for `text`, a path which `:TAG` may follow. Returns nil if it does not
    /// exist.
    init?(_ text: String, kind: ImageName.PathKind?) throws(Failure) {
        guard let (path, tag) = Self.split(text) else { return nil }
        let complaint = "cannot use the image \(text.printable)"
        let isDirectory = FileStatus(of: path)?.isDirectory == true
        switch kind {
        case .layout: self = .layout(path: path, tag: tag)
        case .layoutArchive, .dockerArchive: self = .archive(path: path, tag: tag, kind: kind)
        case .rootFileSystem: self = .rootFileSystem(path: path)
        case nil where isDirectory: self = try Self.directory(path, tag: tag, complaint)
        case nil: self = .archive(path: path, tag: tag, kind: nil)
        }
        try check(isDirectory: isDirectory, tag: tag, complaint)
    }

    /// Splits a text into a path that exists and a tag. Tries the longest path first, because a file's name
    /// may contain colons.
    static func split(_ text: String) -> (path: String, tag: String?)? {
        if FileStatus(of: text) != nil { return (text, nil) }
        for colon in text.indices.reversed() where text[colon] == ":" {
            let path = String(text[..<colon])
            if FileStatus(of: path) != nil { return (path, String(text[text.index(after: colon)...])) }
        }
        return nil
    }

    private static func directory(_ path: String, tag: String?, _ complaint: String) throws(Failure)
        -> ImageSource
    {
        if FileStatus(of: path + "/oci-layout") != nil { return .layout(path: path, tag: tag) }
        if FileStatus(of: path + "/config.json")?.isRegular == true { return .bundle(path: path) }
        let signs = ["bin", "sbin", "usr", "etc", "lib"]
        if signs.contains(where: { FileStatus(of: "\(path)/\($0)") != nil }) {
            return .rootFileSystem(path: path)
        }
        throw Failure(
            .badInput, complaint, because: "it is neither an OCI layout nor a bundle nor a root file system",
            cure: "To use it as a root file system anyway, write rootfs:\(path.printable)")
    }

    private func check(isDirectory: Bool, tag: String?, _ complaint: String) throws(Failure) {
        switch self {
        case .archive(let path, _, _):
            if path == "/dev/stdin", isatty(STDIN_FILENO) != 0 {
                throw Failure(
                    .usage, complaint, because: "standard input is a terminal",
                    cure: "Pipe an archive into it: docker save NAME | vmm image import -")
            }
            if isDirectory { throw Failure(complaint, errno: .isDirectory) }
        case .layout:
            if !isDirectory { throw Failure(complaint, errno: .notDirectory) }
        case .rootFileSystem, .bundle:
            if !isDirectory { throw Failure(complaint, errno: .notDirectory) }
            if let tag {
                throw Failure(
                    .usage, complaint, because: "a root file system has no tag, such as '\(tag.printable)'")
            }
        }
    }

    var path: String {
        switch self {
        case .layout(let path, _), .archive(let path, _, _), .rootFileSystem(let path), .bundle(let path):
            path
        }
    }

    private var tag: String? {
        switch self {
        case .layout(_, let tag), .archive(_, let tag, _): tag
        case .rootFileSystem, .bundle: nil
        }
    }

    /// The file that changes when the image does.
    var stampedFile: String {
        if case .layout(let path, _) = self { path + "/index.json" } else { path }
    }

    /// Returns the image's name in the store, the same from every working directory. Returns nil for an
    /// archive from a pipe, which cannot be read again.
    func storeName() throws(Failure) -> String? {
        if case .archive = self, FileStatus(of: path)?.isStream == true { return nil }
        let kind =
            switch self {
            case .layout: "oci"
            case .archive(_, _, let kind): kind?.rawValue ?? "archive"
            case .rootFileSystem: "rootfs"
            case .bundle: "bundle"
            }
        return "\(kind):\(try Self.resolved(path))" + (tag.map { ":\($0)" } ?? "")
    }

    private static func resolved(_ path: String) throws(Failure) -> String {
        do throws(Errno) { return try Files.resolved(path) } catch {
            throw Failure("cannot use the image \(path.printable)", errno: error)
        }
    }

    /// Reads the manifests and the configuration of the image in a layout or an archive. A compressed archive
    /// is unpacked to a file in the directory `scratch`, which is charged to `budget`.
    func image(scratch: String, budget: ImportBudget = ImportBudget()) throws(Failure) -> SourceImage {
        if case .layout(let path, let tag) = self {
            var source = LayoutSource(SourceFiles(directory: path))
            return try source.image(name: tag)
        }
        let files = try SourceFiles(archive: path, scratch: scratch, budget: budget)
        var kind: ImageName.PathKind?
        if case .archive(_, _, let announced) = self { kind = announced }
        // Archives of docker 25 are both: a layout and a Docker archive.
        if kind != .dockerArchive, files.has("oci-layout") {
            var source = LayoutSource(files)
            return try source.image(name: tag)
        }
        if kind != .layoutArchive, files.has("manifest.json") {
            return try DockerArchiveSource(files: files).image(name: tag)
        }
        let missing =
            switch kind {
            case .layoutArchive: "no oci-layout"
            case .dockerArchive: "no manifest.json"
            default: "neither oci-layout nor manifest.json"
            }
        throw files.refused(
            "it contains \(missing)", cure: "Save the image with podman save, docker save or skopeo copy.")
    }
}
