/// The parsed options of a tmpfs mount: tmpfs(5).
public struct TmpfsOptions: Sendable {
    public private(set) var mode: UInt32 = 0o1777
    public private(set) var user: UInt32 = 0
    public private(set) var group: UInt32 = 0
    /// The requested size in bytes; nil for none, which `size=0` means too.
    public private(set) var byteCount: UInt64?
    private var hasInodeLimit = false
    /// Whether a directory of another tmpfs can replace the mount: it has no options but mode, user and
    /// group.
    public private(set) var isPlain = true
    /// All options but the size, with a comma after each.
    private var rest: [UInt8] = []

    /// Parses the options. Percentages are of `memoryByteCount`.
    public init(_ text: String, memoryByteCount: UInt64) {
        let text = Array(text.utf8)
        for word in text.split(separator: UInt8(ascii: ",")) where !setSize(word, memoryByteCount) {
            if !setOwner(word) {
                isPlain = false
                if word.starts(with: "nr_inodes=".utf8) { hasInodeLimit = true }
            }
            rest += word
            rest.append(UInt8(ascii: ","))
        }
        if byteCount != nil { isPlain = false }
    }

    /// Returns the options with the size `byteCount`, and with the limit `inodeCount` unless they have a
    /// limit of inodes.
    public func text(byteCount: UInt64, inodeCount: UInt64) -> String {
        var text = rest
        if !hasInodeLimit {
            text += "nr_inodes=".utf8
            text += String(inodeCount).utf8
            text.append(UInt8(ascii: ","))
        }
        text += "size=".utf8
        text += String(byteCount).utf8
        return String(decoding: text, as: UTF8.self)
    }

    /// Stores the size if `word` is a size or a number of blocks. Returns false for another option, and for a
    /// value that only the kernel understands.
    private mutating func setSize(_ word: ArraySlice<UInt8>, _ memoryByteCount: UInt64) -> Bool {
        let size: UInt64
        if let value = Self.value(word, "size=") {
            if value.last == UInt8(ascii: "%") {
                guard let percent = Self.number(value.dropLast(), base: 10) else { return false }
                // A guest has less than 2^40 bytes.
                size = memoryByteCount / 100 &* min(percent, 1 << 20)
            } else {
                guard let scaled = Self.scaled(value) else { return false }
                size = scaled
            }
        } else {
            guard let value = Self.value(word, "nr_blocks="), let count = Self.scaled(value) else {
                return false
            }
            size = min(count, 1 << 40) &* 4096
        }
        byteCount = size == 0 ? nil : size
        return true
    }

    private mutating func setOwner(_ word: ArraySlice<UInt8>) -> Bool {
        // The largest 32-bit number means no user or no group to the kernel.
        if let value = Self.value(word, "mode="), let number = Self.number(value, base: 8), number < 1 << 32 {
            mode = UInt32(truncatingIfNeeded: number) & 0o7777
        } else if let value = Self.value(word, "uid="), let number = Self.number(value, base: 10),
            number < 0xFFFF_FFFF
        {
            user = UInt32(truncatingIfNeeded: number)
        } else if let value = Self.value(word, "gid="), let number = Self.number(value, base: 10),
            number < 0xFFFF_FFFF
        {
            group = UInt32(truncatingIfNeeded: number)
        } else {
            return false
        }
        return true
    }

    private static func value(_ word: ArraySlice<UInt8>, _ name: String) -> ArraySlice<UInt8>? {
        word.starts(with: name.utf8) ? word.dropFirst(name.utf8.count) : nil
    }

    /// Parses a number with a binary suffix, as the kernel's memparse() reads it. A number that is too large
    /// becomes the largest one.
    private static func scaled(_ text: ArraySlice<UInt8>) -> UInt64? {
        guard let last = text.last else { return nil }
        let shift: UInt64 =
            switch last | 0x20 {
            case UInt8(ascii: "k"): 10
            case UInt8(ascii: "m"): 20
            case UInt8(ascii: "g"): 30
            case UInt8(ascii: "t"): 40
            case UInt8(ascii: "p"): 50
            default: 0
            }
        guard let number = number(shift == 0 ? text : text.dropLast(), base: 10) else { return nil }
        return number > UInt64.max >> shift ? .max : number << shift
    }

    private static func number(_ digits: ArraySlice<UInt8>, base: UInt64) -> UInt64? {
        guard !digits.isEmpty, digits.count <= 19 else { return nil }
        var number: UInt64 = 0
        for digit in digits {
            let value = UInt64(digit &- UInt8(ascii: "0"))
            guard value < base else { return nil }
            // At most 19 digits: below 10^19, which is less than 2^64.
            number = number &* base &+ value
        }
        return number
    }
}
