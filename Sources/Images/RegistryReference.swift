import Host
import Layers

/// The complete name of an image in a registry: `docker.io/library/debian:12`.
///
/// The grammar is that of the distribution project's `reference` package. As usual, `alpine` means
/// `docker.io/library/alpine:latest`.
struct RegistryReference: Hashable, Sendable, CustomStringConvertible {
    /// The registry: `docker.io`, `localhost:5000`.
    let registry: String
    /// The repository: `library/debian`.
    let repository: String
    /// The tag; nil if the name has only a digest.
    let tag: String?
    /// The digest: `sha256:...`
    let digest: String?

    init(parsing text: String) throws(Failure) {
        var rest = Substring(text)
        digest = Self.cut(&rest, at: rest.lastIndex(of: "@"))
        let lastName = rest.lastIndex(of: "/") ?? rest.startIndex
        let givenTag = Self.cut(&rest, at: rest[lastName...].lastIndex(of: ":"))
        tag = givenTag ?? (digest == nil ? "latest" : nil)
        (registry, repository) = Self.split(rest)
        if let why = problem { throw Self.refused(text, why) }
    }

    /// Cuts `text` at `index` and returns the rest behind it.
    private static func cut(_ text: inout Substring, at index: Substring.Index?) -> String? {
        guard let index else { return nil }
        defer { text = text[..<index] }
        return String(text[text.index(after: index)...])
    }

    /// Splits a name into registry and repository. The first part is a registry only if it looks like a host;
    /// otherwise the registry is docker.io.
    private static func split(_ name: Substring) -> (String, String) {
        if let slash = name.firstIndex(of: "/") {
            let first = name[..<slash]
            if first == "localhost" || first.contains(where: { $0 == "." || $0 == ":" }) {
                return normal(String(first), String(name[name.index(after: slash)...]))
            }
        }
        return normal("docker.io", String(name))
    }

    private static func normal(_ registry: String, _ repository: String) -> (String, String) {
        guard registry == "docker.io" || registry == "index.docker.io" else { return (registry, repository) }
        return ("docker.io", repository.contains("/") ? repository : "library/" + repository)
    }

    var description: String {
        "\(registry)/\(repository)" + (tag.map { ":\($0)" } ?? "") + (digest.map { "@\($0)" } ?? "")
    }

    private init(registry: String, repository: String, tag: String?, digest: String?) {
        (self.registry, self.repository, self.tag, self.digest) = (registry, repository, tag, digest)
    }

    /// Returns the reference to `digest` in the same repository.
    func with(_ digest: Digest) -> RegistryReference {
        RegistryReference(
            registry: registry, repository: repository, tag: nil, digest: digest.description)
    }

    /// Whether the registry is on this host, where nobody expects a certificate.
    var isLoopback: Bool {
        let host = registry.hasPrefix("[") ? registry.prefix { $0 != "]" } : registry.prefix { $0 != ":" }
        let octets = host.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
        return host == "localhost" || host == "[::1"
            || octets.count == 4 && octets[0] == 127 && !octets.contains(nil)
    }

    static func refused(_ text: String, _ why: String) -> Failure {
        Failure(
            .usage, "cannot use the image name \(text)", because: why,
            cure: "Names look like debian:12 or localhost:5000/team/tool:1.0.")
    }
}

extension RegistryReference {
    /// The part of the name that the grammar forbids, as an error message; nil if there is none.
    private var problem: String? {
        if !isRegistry(registry) { return "'\(registry)' is not a valid registry address" }
        if registry.utf8.count + repository.utf8.count > 255 { return "it is longer than 255 bytes" }
        let names = repository.split(separator: "/", omittingEmptySubsequences: false)
        guard names.allSatisfy(isPathName) else {
            return "'\(repository)' must have lower-case letters and digits, with single . _ - between them"
        }
        if let tag, !isTag(tag) { return "'\(tag)' is not a valid tag" }
        if let digest, !isDigest(digest) { return "'\(digest)' is not a SHA-256 digest" }
        return nil
    }

    /// Whether the name has only lower-case letters and digits, with `.`, `_`, `__` or any number of `-`
    /// between them.
    private func isPathName(_ name: Substring) -> Bool {
        guard let first = name.utf8.first, let last = name.utf8.last, isPlain(first), isPlain(last) else {
            return false
        }
        let separators = name.utf8.split(whereSeparator: isPlain)
        return separators.allSatisfy { run in
            run.elementsEqual(".".utf8) || run.elementsEqual("_".utf8) || run.elementsEqual("__".utf8)
                || run.allSatisfy { $0 == UInt8(ascii: "-") }
        }
    }

    private func isPlain(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || isDigit(byte)
    }

    private func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private func isLetterOrDigit(_ byte: UInt8) -> Bool {
        isPlain(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
    }

    private func isTag(_ tag: String) -> Bool {
        guard let first = tag.utf8.first, tag.utf8.count <= 128 else { return false }
        let underscore = UInt8(ascii: "_")
        return (isLetterOrDigit(first) || first == underscore)
            && tag.utf8.allSatisfy {
                isLetterOrDigit($0) || $0 == underscore || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-")
            }
    }

    private func isDigest(_ digest: String) -> Bool {
        digest.hasPrefix("sha256:") && digest.utf8.count == 71
            && digest.utf8.dropFirst(7).allSatisfy {
                isDigit($0) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
            }
    }

    /// Whether the text is a host name or an address, with or without a port.
    private func isRegistry(_ text: String) -> Bool {
        let isBracketed = text.hasPrefix("[")
        let end =
            isBracketed ? text.firstIndex(of: "]").map { text.index(after: $0) } : text.firstIndex(of: ":")
        let host = text[..<(end ?? text.endIndex)]
        let port = text[(end ?? text.endIndex)...]
        guard port.isEmpty || port.first == ":" && port.count > 1 && port.utf8.dropFirst().allSatisfy(isDigit)
        else {
            return false
        }
        if isBracketed {
            return end != nil && host.utf8.count > 2
                && host.utf8.dropFirst().dropLast().allSatisfy {
                    isLetterOrDigit($0) || $0 == UInt8(ascii: ":")
                }
        }
        return host.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
            !label.isEmpty && !label.hasPrefix("-") && !label.hasSuffix("-")
                && label.utf8.allSatisfy { isLetterOrDigit($0) || $0 == UInt8(ascii: "-") }
        }
    }
}
