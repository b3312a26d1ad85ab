import Glibc
import Host
import Layers
import SystemPackage

/// Fetches images from registries by skopeo(1), which knows their protocols, their certificates and the user's passwords.
struct Skopeo {
    /// The image's name in the layout that it is copied to.
    static let imageName = "image"

    /// The part to copy of a list of images for several platforms.
    enum Selection {
        /// The list and nothing that it lists.
        case listAlone
        /// The first that is for x86-64, whatever its variant.
        case usualPlatform

        fileprivate var options: [String] {
            switch self {
            case .listAlone: ["--multi-arch", "index-only"]
            case .usualPlatform: ["--override-os", "linux", "--override-arch", "amd64"]
            }
        }
    }

    let session: ImportSession
    /// A descriptor that skopeo holds open while it lives.
    let kept: Int32

    /// Copies the image `reference` into the OCI layout `directory`, as its only image. False where this skopeo is too old for
    /// such a selection.
    func copy(
        _ reference: RegistryReference, _ selection: Selection, to directory: String
    ) throws(Failure) -> Bool {
        guard !directory.contains(":") else {
            throw Failure(
                .usage, "cannot pull \(reference)",
                because: "the store's path has a colon, where skopeo takes a path to end",
                cure: "Set VMM_STORE to a directory without one.")
        }
        var command = ["skopeo", "copy"] + selection.options
        // As docker has it: a registry on this machine may have no certificate, or no TLS at all.
        if reference.isLoopback { command.append("--src-tls-verify=false") }
        // skopeo takes a tag or a digest, not both; the digest says more.
        command += ["docker://\(reference.forSkopeo)", "oci:\(directory):\(Self.imageName)"]
        let program = try start(command)
        let words = Result { () throws(Failure) in
            try listen(
                to: program, directory, ImportDownload(of: reference, to: kept, budget: session.budget))
        }
        // What it would still write is too much.
        if case .failure = words { program.send(SIGKILL) }
        let ending = program.wait()
        try session.check()
        let line = lastLine(of: try words.get())
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

    /// Collects skopeo's output until it ends. Tells the session how much has come, and `download` too, which throws when that is
    /// too much. Ends skopeo when the session ends, and kills it if that is urgent: it must not go on without us.
    private func listen(
        to program: borrowing ChildProgram, _ directory: String, _ download: ImportDownload
    ) throws(Failure) -> [UInt8] {
        var download = download
        var words: [UInt8] = []
        var isTold = false
        while let more = program.output(waiting: 200) {
            words = (words + more).suffix(4096)
            if session.endingSignal != nil, !isTold {
                program.send(SIGTERM)
                isTold = true
            }
            if session.mustEndAtOnce {
                program.send(SIGKILL)
                break
            }
            let byteCount = Files.allocatedByteCount(below: directory)
            session.note("\(ByteCount.text(byteCount)) came")
            try download.grow(to: byteCount)
        }
        try download.grow(to: Files.allocatedByteCount(below: directory))
        session.note(nil)
        return words
    }

    private func lastLine(of words: [UInt8]) -> String {
        let lines = String(decoding: words, as: UTF8.self).split(whereSeparator: \.isNewline)
        guard let last = lines.last else { return "skopeo said nothing" }
        // time="..." level=fatal msg="..."
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
            cure: "Check the name, the network, and skopeo login \(reference.registry).")
    }
}

extension RegistryReference {
    fileprivate var forSkopeo: String {
        "\(registry)/\(repository)" + (digest.map { "@\($0)" } ?? tag.map { ":\($0)" } ?? "")
    }
}
