import Glibc
import Host
import SystemPackage

/// Fetches images from registries by skopeo(1), which knows their protocols, their certificates and the user's passwords.
struct Skopeo {
    let session: ImportSession

    /// Copies the image `reference` into the OCI layout `directory`, as its only image. `kept` is a descriptor that skopeo
    /// holds open while it lives.
    func copy(_ reference: RegistryReference, to directory: String, keeping kept: Int32) throws(Failure) {
        var command = ["skopeo", "copy", "--override-os", "linux", "--override-arch", "amd64"]
        if reference.isLoopback { command.append("--src-tls-verify=false") }
        // skopeo takes a tag or a digest, not both; the digest says more.
        command += ["docker://\(reference.forSkopeo)", "oci:\(directory):image"]
        let program = try start(command, keeping: kept)
        let words = listen(to: program, directory)
        if session.endingSignal != nil { program.send(SIGTERM) }
        let ending = program.wait()
        try session.check()
        guard ending == .exited(0) else { throw failure(reference, lastLine(of: words), ending) }
    }

    private func start(_ command: [String], keeping kept: Int32) throws(Failure) -> ChildProgram {
        do throws(Errno) {
            return try ChildProgram(command, keeping: kept)
        } catch {
            guard error == .noSuchFileOrDirectory else { throw Failure("cannot start skopeo", errno: error) }
            throw Failure(
                .unavailable, "cannot pull images", because: "skopeo is not installed",
                cure: "Install it (apt-get install skopeo), or import the image from a file.")
        }
    }

    /// What it says until it ends or shall end; meanwhile the session learns how much has come.
    private func listen(to program: borrowing ChildProgram, _ directory: String) -> [UInt8] {
        var words: [UInt8] = []
        while session.endingSignal == nil, let more = program.output(waiting: 200) {
            words = (words + more).suffix(4096)
            let byteCount = Files.allocatedByteCount(below: directory)
            session.note("\(ByteCount.text(byteCount)) came")
        }
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
