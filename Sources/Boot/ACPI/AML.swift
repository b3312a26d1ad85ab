/// A piece of ACPI Machine Language: definitions, one after another (ACPI 6.5, chapter 20).
///
/// The functions below are named after the terms of ASL, so that a table of ours reads like its disassembly.
struct AML {
    fileprivate(set) var bytes: [UInt8] = []

    init(@AMLBuilder _ body: () -> AML) { self = body() }

    fileprivate init(bytes: [UInt8]) { self.bytes = bytes }
}

@resultBuilder
enum AMLBuilder {
    static func buildExpression(_ term: AML) -> AML { term }
    static func buildBlock(_ terms: AML...) -> AML { joined(terms) }
    static func buildArray(_ terms: [AML]) -> AML { joined(terms) }
    static func buildOptional(_ term: AML?) -> AML { term ?? AML(bytes: []) }

    private static func joined(_ terms: [AML]) -> AML {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(terms.reduce(0) { $0 + $1.bytes.count })
        for term in terms { bytes.append(contentsOf: term.bytes) }
        return AML(bytes: bytes)
    }
}

// Named objects (20.2.5.1, 20.2.5.2).

func Scope(_ path: String, @AMLBuilder _ body: () -> AML) -> AML {
    AML(package: [0x10], AMLName.encode(path), body())
}

func Device(_ name: String, @AMLBuilder _ body: () -> AML) -> AML {
    AML(package: [0x5B, 0x82], AMLName.encode(name), body())
}

func Name(_ name: String, _ value: AMLValue) -> AML {
    AML(bytes: [0x08] + AMLName.encode(name) + value.bytes)
}

/// `flags`: the number of arguments; serialized methods are not ours.
func Method(_ name: String, arguments: UInt8, @AMLBuilder _ body: () -> AML) -> AML {
    AML(package: [0x14], AMLName.encode(name) + [arguments], body())
}

// Statements (20.2.5.3).

func If(_ condition: AMLValue, @AMLBuilder _ body: () -> AML) -> AML {
    AML(package: [0xA0], condition.bytes, body())
}

/// Tells the driver of `path` that `value` happened to its device (5.6.6).
func Notify(_ path: String, _ value: AMLValue) -> AML {
    AML(bytes: [0x86] + AMLName.encode(path) + value.bytes)
}

extension AML {
    /// A term whose length stands behind its opcode (20.2.4).
    fileprivate init(package opcode: [UInt8], _ head: [UInt8], _ body: AML) {
        let content = head.count + body.bytes.count
        bytes.reserveCapacity(opcode.count + 4 + content)
        bytes += opcode
        bytes += AMLPackageLength.encode(contentByteCount: content)
        bytes += head
        bytes += body.bytes
    }
}

/// PkgLength: one byte up to 63, otherwise a byte whose top two bits count those that follow; the length includes its
/// own bytes (20.2.4).
enum AMLPackageLength {
    static func encode(contentByteCount: Int) -> [UInt8] {
        if contentByteCount + 1 < 1 << 6 { return [UInt8(contentByteCount + 1)] }
        let following = (1...3).first { contentByteCount + 1 + $0 < 1 << (4 + 8 * $0) }
        guard let following else { preconditionFailure("a term of AML has less than 256 MiB") }
        let total = contentByteCount + 1 + following
        let rest = (0..<following).map { UInt8(truncatingIfNeeded: total >> (4 + 8 * $0)) }
        return [UInt8(following << 6 | total & 0xF)] + rest
    }
}

/// NameString: `\` for the root, then four-character segments between dots, short ones filled up with `_` (20.2.2).
enum AMLName {
    static func encode(_ path: String) -> [UInt8] {
        var rest = Substring(path)
        var bytes: [UInt8] = []
        if rest.first == "\\" { bytes.append(UInt8(ascii: rest.removeFirst().unicodeScalars.first!)) }
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
