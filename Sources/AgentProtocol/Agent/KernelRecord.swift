/// A record of /dev/kmsg: `PRIORITY,SEQUENCE,TIME,FLAGS;MESSAGE` (Linux, Documentation/ABI/testing/dev-kmsg).
public struct KernelRecord: Sendable {
    private let message: ArraySlice<UInt8>

    /// Parses a record. Nil for a message that a process has written: such a record has a facility other than
    /// the kernel's, 0.
    public init?(_ record: ArraySlice<UInt8>) {
        let priority = record.prefix { $0 != UInt8(ascii: ",") }
        guard priority.count == 1, let level = priority.first,
            (UInt8(ascii: "0")...UInt8(ascii: "7")).contains(level),
            let start = record.firstIndex(of: UInt8(ascii: ";"))
        else { return nil }
        message = record[start...].dropFirst().prefix { $0 != UInt8(ascii: "\n") }
    }

    /// The name of the process that the kernel killed because the machine's memory was exhausted; nil for all
    /// other messages. A message about an exhausted cgroup does not count: the owner of the cgroup sees that
    /// end itself.
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

    /// Returns the index after the first `text` in `bytes`.
    private func end(of text: String, _ bytes: ArraySlice<UInt8>) -> Int? {
        var rest = bytes
        while !rest.isEmpty {
            if rest.starts(with: text.utf8) { return rest.startIndex &+ text.utf8.count }
            rest = rest.dropFirst()
        }
        return nil
    }
}
