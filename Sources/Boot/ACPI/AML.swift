/// A piece of ACPI Machine Language (ACPI 6.5, chapter 20). The terms are named after those of ASL, so that a table of
/// ours reads like its disassembly.
protocol AMLTerm {
    var bytes: [UInt8] { get }
}

/// Terms, one after another.
struct AMLTermList: AMLTerm {
    let bytes: [UInt8]

    init(@AMLBuilder _ body: () -> AMLTermList) { self = body() }

    fileprivate init(bytes: [UInt8]) { self.bytes = bytes }
}

@resultBuilder
enum AMLBuilder {
    static func buildExpression(_ term: some AMLTerm) -> AMLTermList { AMLTermList(bytes: term.bytes) }
    static func buildBlock(_ terms: AMLTermList...) -> AMLTermList { joined(terms) }
    static func buildArray(_ terms: [AMLTermList]) -> AMLTermList { joined(terms) }
    static func buildOptional(_ term: AMLTermList?) -> AMLTermList { term ?? AMLTermList(bytes: []) }

    private static func joined(_ terms: [AMLTermList]) -> AMLTermList {
        AMLTermList(bytes: terms.flatMap(\.bytes))
    }
}

/// Opens a name space (20.2.5.1).
struct Scope: AMLTerm {
    let bytes: [UInt8]

    init(_ path: String, @AMLBuilder _ body: () -> AMLTermList) {
        bytes = AMLPackage.encode([0x10], AMLName.encode(path) + body().bytes)
    }
}

/// Gives a value a name (20.2.5.1).
struct Name: AMLTerm {
    let bytes: [UInt8]

    init(_ name: String, _ value: AMLValue) {
        bytes = [0x08] + AMLName.encode(name) + value.bytes
    }
}

/// A device, with what it has (20.2.5.2).
struct Device: AMLTerm {
    let bytes: [UInt8]

    init(_ name: String, @AMLBuilder _ body: () -> AMLTermList) {
        bytes = AMLPackage.encode([0x5B, 0x82], AMLName.encode(name) + body().bytes)
    }
}

/// A method that need not be serialized (20.2.5.2).
struct Method: AMLTerm {
    let bytes: [UInt8]

    init(_ name: String, arguments: UInt8, @AMLBuilder _ body: () -> AMLTermList) {
        bytes = AMLPackage.encode([0x14], AMLName.encode(name) + [arguments] + body().bytes)
    }
}

/// A condition (20.2.5.3).
struct If: AMLTerm {
    let bytes: [UInt8]

    init(_ condition: AMLValue, @AMLBuilder _ body: () -> AMLTermList) {
        bytes = AMLPackage.encode([0xA0], condition.bytes + body().bytes)
    }
}

/// Tells the driver of the device at `path` that something happened to it (20.2.5.3; values: 5.6.6).
struct Notify: AMLTerm {
    let bytes: [UInt8]

    init(_ path: String, _ value: AMLValue) {
        bytes = [0x86] + AMLName.encode(path) + value.bytes
    }
}

/// A term whose length stands behind its opcode.
enum AMLPackage {
    static func encode(_ opcode: [UInt8], _ content: [UInt8]) -> [UInt8] {
        opcode + length(ofContent: content.count) + content
    }

    /// PkgLength: one byte up to 63, otherwise a byte whose top two bits count those that follow; the length includes
    /// its own bytes (20.2.4).
    static func length(ofContent byteCount: Int) -> [UInt8] {
        if byteCount + 1 < 1 << 6 { return [UInt8(byteCount + 1)] }
        let following = (1...3).first { byteCount + 1 + $0 < 1 << (4 + 8 * $0) }
        guard let following else { preconditionFailure("a term of AML has less than 256 MiB") }
        let total = byteCount + 1 + following
        let rest = (0..<following).map { UInt8(truncatingIfNeeded: total >> (4 + 8 * $0)) }
        return [UInt8(following << 6 | total & 0xF)] + rest
    }
}

/// NameString: `\` for the root, then four-character segments between dots, short ones filled up with `_` (20.2.2).
enum AMLName {
    static func encode(_ path: String) -> [UInt8] {
        var rest = Substring(path)
        var bytes: [UInt8] = []
        if rest.first == "\\" {
            bytes.append(UInt8(ascii: "\\"))
            rest.removeFirst()
        }
        let segments = rest.split(separator: ".").map(segment)
        switch segments.count {
        case 0: bytes.append(0x00)
        case 1: break
        case 2: bytes.append(0x2E)
        default: bytes += [0x2F, UInt8(segments.count)]
        }
        return bytes + segments.joined()
    }

    private static func segment(_ text: Substring) -> [UInt8] {
        precondition(text.utf8.count <= 4, "a segment of an AML name has four characters")
        return Array(text.utf8) + Array(repeating: UInt8(ascii: "_"), count: 4 - text.utf8.count)
    }
}
