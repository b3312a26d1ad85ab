/// Writes archives in the format of image layers (POSIX.1-1988 ustar), malformed ones included.
public struct TarWriter {
    public private(set) var bytes: [UInt8] = []

    public init() {}

    /// Adds a member of any type; `0` is a file.
    public mutating func member(
        _ name: String, type: Character = "0", _ content: [UInt8] = [], link: String = "", mode: Int = 0o644,
        owner: Int = 0, group: Int = 0, seconds: Int = 1_700_000_000, major: Int = 0, minor: Int = 0,
        byteCount: Int? = nil
    ) {
        var header = [UInt8](repeating: 0, count: 512)
        func put(_ text: String, at offset: Int) {
            for (index, byte) in text.utf8.enumerated() { header[offset + index] = byte }
        }
        func number(_ value: Int, at offset: Int, digits: Int) {
            let text = String(value, radix: 8)
            put(String(repeating: "0", count: digits - text.count) + text, at: offset)
        }
        put(name, at: 0)
        number(mode, at: 100, digits: 7)
        number(owner, at: 108, digits: 7)
        number(group, at: 116, digits: 7)
        number(byteCount ?? content.count, at: 124, digits: 11)
        number(seconds, at: 136, digits: 11)
        put("        ", at: 148)
        put(String(type), at: 156)
        put(link, at: 157)
        put("ustar\u{0}00", at: 257)
        number(major, at: 329, digits: 7)
        number(minor, at: 337, digits: 7)
        number(header.reduce(0) { $0 + Int($1) }, at: 148, digits: 6)
        header[154] = 0
        bytes += header + content
        bytes += [UInt8](repeating: 0, count: -content.count & 511)
    }

    public mutating func directory(_ name: String, mode: Int = 0o755) {
        member(name + "/", type: "5", mode: mode)
    }

    public mutating func file(_ name: String, _ content: String, mode: Int = 0o644) {
        member(name, Array(content.utf8), mode: mode)
    }

    /// Returns the archive with its end marker.
    public func finished() -> [UInt8] { bytes + [UInt8](repeating: 0, count: 1024) }
}
