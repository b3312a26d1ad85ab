import Host
import Layers

/// The configuration of an image (OCI image 1.1, config.md). Its digest identifies the image.
struct ConfigurationFile: Sendable {
    /// The file as it came.
    var bytes: [UInt8]
    var digest: Digest
    var configuration = ImageConfiguration()
    /// The digests of the layers' unpacked tars.
    var layers: [Digest] = []
    /// The time of creation that the image states (RFC 3339); may be empty.
    var created = ""
    var platform: Platform

    init(_ bytes: [UInt8], document: JSONDocument) throws(Failure) {
        self.bytes = bytes
        digest = SHA256.digest(of: bytes)
        let root = try document.root(bytes)
        _ = try root.required(root.value)
        platform = try Platform(root)
        created = try root.member("created").text() ?? ""
        configuration = try ImageConfiguration(try root.member("config"))
        let files = try root.member("rootfs")
        for element in try files.member("diff_ids").elements() {
            guard let digest = Digest(try element.text() ?? "") else {
                throw element.wrong("a SHA-256 digest")
            }
            layers.append(digest)
        }
    }
}

extension ImageConfiguration {
    init(_ field: JSONField) throws(Failure) {
        self.init()
        entrypoint = try field.member("Entrypoint").texts()
        command = try field.member("Cmd").texts()
        environment = try field.member("Env").texts()
        try field.checkCommand(entrypoint + command + environment)
        workingDirectory = try field.member("WorkingDir").text() ?? ""
        user = try field.member("User").text() ?? ""
        stopSignal = try field.member("StopSignal").text() ?? ""
        volumes = try field.member("Volumes").names()
        try field.check(mountCount: volumes.count)
        exposedPorts = try field.member("ExposedPorts").names()
    }
}

extension JSONField {
    /// Reads the names of an object's members, sorted. Go writes a set as such an object.
    fileprivate func names() throws(Failure) -> [String] {
        let names = try object().keys.sorted()
        guard !names.contains(where: { $0.utf8.contains(0) }) else {
            throw wrong("a string without zero bytes")
        }
        return names
    }
}
