/// Archives made by hand, right ones and wrong ones.
struct TarWriter {
    var bytes: [UInt8] = []

    /// A header as it should be; a test changes what it wants to be wrong.
    struct Header {
        var name: [UInt8] = Array("file".utf8)
        var mode = "0000644\0"
        var userID = "0001750\0"
        var groupID = "0001751\0"
        var size: [UInt8] = octal(0)
        var time: [UInt8] = octal(1_700_000_000)
        var checksum: String?
        var type = UInt8(ascii: "0")
        var linkName: [UInt8] = []
        var magic = "ustar\u{0}00"
        var major = "0000000\0"
        var minor = "0000000\0"
        var prefix: [UInt8] = []

        init(_ name: String, type: Character = "0", size: Int = 0, linkName: String = "") {
            self.name = Array(name.utf8)
            self.type = type.asciiValue!
            self.size = TarWriter.octal(size)
            self.linkName = Array(linkName.utf8)
        }

        var block: [UInt8] {
            var block = [UInt8](repeating: 0, count: 512)
            func put(_ bytes: some Sequence<UInt8>, _ offset: Int, _ limit: Int) {
                for (index, byte) in bytes.enumerated() where index < limit { block[offset + index] = byte }
            }
            put(name, 0, 100)
            put(mode.utf8, 100, 8)
            put(userID.utf8, 108, 8)
            put(groupID.utf8, 116, 8)
            put(size, 124, 12)
            put(time, 136, 12)
            put(Array("        ".utf8), 148, 8)
            block[156] = type
            put(linkName, 157, 100)
            put(magic.utf8, 257, 8)
            put(major.utf8, 329, 8)
            put(minor.utf8, 337, 8)
            put(prefix, 345, 155)
            let sum = block.reduce(0) { $0 + Int($1) }
            put((checksum ?? String(sum, radix: 8) + "\0 ").utf8, 148, 8)
            return block
        }
    }

    static func octal(_ number: Int, digits: Int = 11) -> [UInt8] {
        let text = String(number, radix: 8)
        return Array((String(repeating: "0", count: max(0, digits - text.count)) + text).utf8) + [0]
    }

    /// Base 256 in twelve bytes.
    static func base256(_ number: Int64, byteCount: Int = 12) -> [UInt8] {
        var bytes = (0..<byteCount).map { index in
            UInt8(truncatingIfNeeded: number >> Int64(8 * (byteCount - 1 - index)))
        }
        bytes[0] = number < 0 ? 0xFF : 0x80
        return bytes
    }

    mutating func add(_ header: Header, data: [UInt8] = []) {
        bytes += header.block
        add(data: data)
    }

    /// Data, padded.
    mutating func add(data: [UInt8]) {
        bytes += data
        bytes += [UInt8](repeating: 0, count: (512 - data.count % 512) % 512)
    }

    /// A regular file.
    mutating func add(_ name: String, _ data: [UInt8] = []) {
        add(Header(name, size: data.count), data: data)
    }

    /// An extended header.
    mutating func add(records: [(String, String)], type: Character = "x") {
        let body = records.flatMap { Self.record(Array($0.0.utf8), Array($0.1.utf8)) }
        add(Header("PaxHeader", type: type, size: body.count), data: body)
    }

    static func record(_ key: [UInt8], _ value: [UInt8]) -> [UInt8] {
        let rest = [UInt8(ascii: " ")] + key + [UInt8(ascii: "=")] + value + [UInt8(ascii: "\n")]
        var count = rest.count
        while String(count).utf8.count + rest.count != count { count = String(count).utf8.count + rest.count }
        return Array(String(count).utf8) + rest
    }

    /// The archive with its end.
    var archive: [UInt8] { bytes + [UInt8](repeating: 0, count: 1024) }

    static func archive(_ write: (inout TarWriter) -> Void) -> [UInt8] {
        var writer = TarWriter()
        write(&writer)
        return writer.archive
    }
}
