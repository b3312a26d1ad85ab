/// A record of /dev/kmsg: `PRIORITY,SEQUENCE,TIME,FLAGS;MESSAGE` (Linux, Documentation/ABI/testing/dev-kmsg).
public struct KernelRecord: Sendable {
    private let message: ArraySlice<UInt8>

    /// Nil for what a process has written there: such a record has another facility than the kernel's, 0.
    public init?(_ record: ArraySlice<UInt8>) {
        let priority = record.prefix { $0 != UInt8(ascii: ",") }
        guard priority.count == 1, let level = priority.first,
            (UInt8(ascii: "0")...UInt8(ascii: "7")).contains(level),
            let start = record.firstIndex(of: UInt8(ascii: ";"))
        else { return nil }
        message = record[start...].dropFirst().prefix { $0 != UInt8(ascii: "\n") }
    }

    /// The name of the process that was killed because the machine's memory was spent; nil for all other messages. Where the
    /// memory of a cgroup was spent, who made the group knows.
    public var killedProcess: [UInt8]? {
        // "Out of memory: Killed process 12 (tail) total-vm:..."; the name may have parentheses itself.
        guard message.starts(with: "Out of memory".utf8), let start = end(of: ": Killed process ", message)
        else {
            return nil
        }
        let rest = message[start...].drop { $0 != UInt8(ascii: "(") }.dropFirst()
        guard let end = end(of: ") total-vm:", rest) else { return nil }
        return Array(rest[..<end].dropLast(") total-vm:".utf8.count))
    }

    /// Where the first `text` in `bytes` ends.
    private func end(of text: String, _ bytes: ArraySlice<UInt8>) -> Int? {
        var rest = bytes
        while !rest.isEmpty {
            if rest.starts(with: text.utf8) { return rest.startIndex &+ text.utf8.count }
            rest = rest.dropFirst()
        }
        return nil
    }
}
