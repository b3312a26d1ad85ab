/// Writes ACPI Machine Language (ACPI 6.5, chapter 20), term after term, into one buffer. The methods have
/// the names of ASL's terms, so that the code of a table reads like its disassembly.
struct AMLWriter {
    typealias Body = (inout AMLWriter) -> Void

    private(set) var bytes: [UInt8] = []

    init(capacity: Int) {
        bytes.reserveCapacity(capacity)
    }

    /// Opens a name space (20.2.5.1).
    mutating func scope(_ path: String, _ body: Body) {
        bytes.append(0x10)
        package {
            $0.append(path: path)
            body(&$0)
        }
    }

    /// Opens a device, which contains the terms of `body` (20.2.5.2).
    mutating func device(_ name: String, _ body: Body) {
        bytes.append(0x5B)
        bytes.append(0x82)
        package {
            $0.append(path: name)
            body(&$0)
        }
    }

    /// Defines a method that need not be serialized (20.2.5.2).
    mutating func method(_ name: String, arguments: UInt8, _ body: Body) {
        bytes.append(0x14)
        package {
            $0.append(path: name)
            $0.bytes.append(arguments)
            body(&$0)
        }
    }

    /// Gives a value a name (20.2.5.1).
    mutating func name(_ name: String, _ value: AMLValue) {
        bytes.append(0x08)
        append(path: name)
        append(value)
    }

    /// Gives a name to a package of `count` values, which `body` appends (20.2.5.4).
    mutating func name(_ name: String, packageOf count: UInt8, _ body: Body) {
        bytes.append(0x08)
        append(path: name)
        bytes.append(0x12)
        package {
            $0.bytes.append(count)
            body(&$0)
        }
    }

    /// Gives a buffer a name (20.2.5.4).
    mutating func name(_ name: String, buffer: [UInt8]) {
        bytes.append(0x08)
        append(path: name)
        bytes.append(0x11)
        package {
            $0.append(.integer(UInt64(buffer.count)))
            $0.bytes.append(contentsOf: buffer)
        }
    }

    /// Executes `body` if two values are equal (20.2.5.3, 20.2.5.4).
    mutating func ifEqual(_ left: AMLValue, _ right: AMLValue, _ body: Body) {
        bytes.append(0xA0)
        package {
            $0.bytes.append(0x93)
            $0.append(left)
            $0.append(right)
            body(&$0)
        }
    }

    /// Notifies the driver of the device at `path` of an event (20.2.5.3; values: 5.6.6).
    mutating func notify(_ path: String, _ value: AMLValue) {
        bytes.append(0x86)
        append(path: path)
        append(value)
    }

    /// Appends the low `byteCount` bytes of a number.
    mutating func append(_ number: UInt64, byteCount: Int) {
        for index in 0..<byteCount { bytes.append(UInt8(truncatingIfNeeded: number >> (8 * index))) }
    }
}

extension AMLWriter {
    /// Appends a package: its length, and then the terms of `body`.
    ///
    /// The length always has three bytes, so that no byte moves when it becomes known. It counts its own
    /// bytes, and the top two bits of the first byte are the number of bytes that follow (PkgLength, 20.2.4).
    private mutating func package(_ body: Body) {
        let start = bytes.count
        append(0, byteCount: 3)
        body(&self)
        let length = bytes.count - start
        precondition(length < 1 << 20, "a term of ours has less than 1 MiB")
        bytes[start] = UInt8(2 << 6 | length & 0xF)
        bytes[start + 1] = UInt8(truncatingIfNeeded: length >> 4)
        bytes[start + 2] = UInt8(truncatingIfNeeded: length >> 12)
    }

    /// Appends a NameString: `\` for the root, then segments of four characters between dots. Short segments
    /// are padded with `_`, and a prefix marks a path of two segments (20.2.2). No path in these tables has
    /// more.
    private mutating func append(path: String) {
        var width = 0
        for character in path.utf8 {
            switch character {
            case UInt8(ascii: "\\"):
                bytes.append(character)
                if path.utf8.contains(UInt8(ascii: ".")) { bytes.append(0x2E) }
            case UInt8(ascii: "."):
                fillSegment(from: width)
                width = 0
            default:
                bytes.append(character)
                width += 1
            }
        }
        fillSegment(from: width)
    }

    private mutating func fillSegment(from width: Int) {
        precondition(width <= 4, "a segment of an AML name has four characters")
        for _ in width..<4 { bytes.append(UInt8(ascii: "_")) }
    }
}
