import Glibc
import Host
import Layers
import SystemPackage

/// A client for registries that runs skopeo(1), which knows their protocols, their certificates and the
/// user's passwords.
struct Skopeo {
    /// The image's name in the layout that it is copied to.
    static let imageName = "image"

    /// The part to copy of a list of images for several platforms.
    enum Selection {
        /// The list alone, without the images that it lists.
        case listAlone
        /// The first image for x86-64, whatever its variant.
        case usualPlatform

        fileprivate var options: [String] {
            switch self {
            case .listAlone: ["--multi-arch", "index-only"]
            case .usualPlatform: ["--override-os", "linux", "--override-arch", "amd64"]
            }
        }
    }

    let session: ImportSession
    /// A descriptor that skopeo holds open while it runs.
    let kept: Int32

    /// Copies the image `reference` into the OCI layout `directory`, as its only image. Returns false if this
    /// version of skopeo does not support the selection.
    func copy(
        _ reference: RegistryReference, _ selection: Selection, to directory: String
    ) throws(Failure) -> Bool {
        guard !directory.contains(":") else {
            throw Failure(
                .usage, "cannot pull \(reference)",
                because: "the store's path contains a colon, which skopeo does not accept",
                cure: "Set VMM_STORE to a path without a colon.")
        }
        var command = ["skopeo", "copy"] + selection.options
        // docker's rule: a registry on this machine may have no certificate, or no TLS at all.
        if reference.isLoopback { command.append("--src-tls-verify=false") }
        // skopeo accepts a tag or a digest, not both; the digest is more precise.
        command += ["docker://\(reference.forSkopeo)", "oci:\(directory):\(Self.imageName)"]
        let program = try start(command)
        let output = Result { () throws(Failure) in
            try collectOutput(
                of: program, directory, ImportDownload(of: reference, to: kept, budget: session.budget))
        }
        // skopeo must not write any more: the budget is spent.
        if case .failure = output { program.send(SIGKILL) }
        let ending = program.wait()
        try session.check()
        let line = lastLine(of: try output.get())
        if ending == .exited(0) { return true }
        if case .listAlone = selection, line.contains("unknown flag") { return false }
        throw failure(reference, line, ending)
    }

    private func start(_ command: [String]) throws(Failure) -> ChildProgram {
        do throws(Errno) {
            return try ChildProgram(command, keeping: kept)
        } catch {
            guard error == .noSuchFileOrDirectory else { throw Failure("cannot start skopeo", errno: error) }
            throw Failure(
                .unavailable, "cannot pull images", because: "skopeo is not installed",
                cure: "Install it (apt-get install skopeo), or import the image from a file.")
        }
    }

    /// Collects skopeo's output until skopeo ends, and reports the number of bytes received to the session
    /// and to `download`, which throws if there are too many. Ends skopeo when the session ends, and kills it
    /// if that is urgent: skopeo must not outlive this process.
    private func collectOutput(
        of program: borrowing ChildProgram, _ directory: String, _ download: ImportDownload
    ) throws(Failure) -> [UInt8] {
        var download = download
        var output: [UInt8] = []
        var hasSentSignal = false
        while let more = program.output(waiting: 200) {
            output = (output + more).suffix(4096)
            if session.endingSignal != nil, !hasSentSignal {
                program.send(SIGTERM)
                hasSentSignal = true
            }
            if session.mustEndAtOnce {
                program.send(SIGKILL)
                break
            }
            let byteCount = Files.allocatedByteCount(below: directory)
            session.note("\(ByteCount.text(byteCount)) received")
            try download.grow(to: byteCount)
        }
        try download.grow(to: Files.allocatedByteCount(below: directory))
        session.note(nil)
        return output
    }

    private func lastLine(of output: [UInt8]) -> String {
        let lines = String(decoding: output, as: UTF8.self).split(whereSeparator: \.isNewline)
        guard let last = lines.last else { return "skopeo failed without a message" }
        // A line of skopeo's log: time="..." level=fatal msg="..."
        guard let start = last.firstRange(of: "msg=\"")?.upperBound, last.hasSuffix("\"") else {
            return String(last).printable
        }
        return last[start...].dropLast().replacing("\\\"", with: "\"").printable
    }

    private func failure(
        _ reference: RegistryReference, _ line: String, _ ending: ChildProgram.Ending
    ) -> Failure {
        let kind: Failure.Kind = line.contains("manifest unknown") ? .missingInput : .unavailable
        return Failure(
            kind, "cannot pull \(reference)", because: line,
            cure: "Check the name and the network, or log in: skopeo login \(reference.registry)")
    }
}

extension RegistryReference {
    fileprivate var forSkopeo: String {
        "\(registry)/\(repository)" + (digest.map { "@\($0)" } ?? tag.map { ":\($0)" } ?? "")
    }
}

/// The download of an image that another program writes. The budget limits it, because a registry may send
/// without end, whatever its manifests say.
struct ImportDownload {
    private let reference: RegistryReference
    /// A descriptor on the file system that the download is written to.
    private let place: Int32
    private let budget: ImportBudget
    private var byteCount: UInt64 = 0

    init(of reference: RegistryReference, to place: Int32, budget: ImportBudget) {
        self.reference = reference
        self.place = place
        self.budget = budget
    }

    /// Charges the budget for the bytes added since the last call. `byteCount` is the size of the download
    /// now.
    mutating func grow(to byteCount: UInt64) throws(Failure) {
        guard byteCount > self.byteCount else { return }
        let more = byteCount - self.byteCount
        self.byteCount = byteCount
        try budget.write(more, to: place, "cannot pull \(reference)")
    }
}
