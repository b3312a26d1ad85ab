import Glibc
import Host
import Measure

/// The memory of a monitor by /proc/PID/smaps, in KiB.
struct MonitorMemory {
    /// Pages that belong to no file, without those of the guest.
    var anonymous = 0
    /// Resident pages of the guest's memory.
    var guest = 0
    /// All resident pages.
    var resident = 0

    /// A mapping of the process. Consecutive mappings without a gap may be pieces of the guest's memory.
    private struct Mapping {
        let start: UInt64
        let end: UInt64
        var isGuest: Bool
        var resident = 0
        var anonymous = 0
    }
}

extension MonitorMemory {
    /// Reads the memory of the process `monitor`.
    init(of monitor: pid_t, guestByteCount: UInt64) throws(Failure) {
        let smaps = try WholeFile.read("/proc/\(monitor)/smaps", upTo: 64 << 20)
        self.init(smaps: String(decoding: smaps, as: UTF8.self), guestByteCount: guestByteCount)
    }

    /// Adds up the mappings of a smaps file (proc(5)).
    ///
    /// The guest's memory is every mapping whose name contains "guest" (a memfd or a named anonymous
    /// mapping); every one of at least `guestByteCount` bytes; every row of mappings without a gap of exactly
    /// that size, because files that are mapped over parts of the memory cut it into pieces; and every
    /// mapping between two of these.
    init(smaps text: String, guestByteCount: UInt64) {
        var mappings = Self.mappings(text, guestByteCount)
        Self.findPieces(&mappings, guestByteCount)
        Self.closeGaps(&mappings)
        for mapping in mappings {
            resident += mapping.resident
            if mapping.isGuest { guest += mapping.resident } else { anonymous += mapping.anonymous }
        }
    }

    private static func mappings(_ text: String, _ guestByteCount: UInt64) -> [Mapping] {
        var mappings: [Mapping] = []
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: " ", omittingEmptySubsequences: true)
            if let mapping = Self.mapping(fields, guestByteCount) {
                mappings.append(mapping)
            } else if !mappings.isEmpty, fields.count > 1, let kibibytes = Int(fields[1]) {
                if fields[0] == "Rss:" { mappings[mappings.count - 1].resident = kibibytes }
                if fields[0] == "Anonymous:" { mappings[mappings.count - 1].anonymous = kibibytes }
            }
        }
        return mappings
    }

    /// Parses the first line of a mapping: "start-end permissions offset device inode name".
    private static func mapping(_ fields: [Substring], _ guestByteCount: UInt64) -> Mapping? {
        let ends = fields[0].split(separator: "-")
        guard fields.count >= 5, ends.count == 2, let start = UInt64(ends[0], radix: 16),
            let end = UInt64(ends[1], radix: 16), end > start
        else { return nil }
        let name = fields.dropFirst(5).joined(separator: " ")
        let isNamed = name.contains("guest") && (name.contains("memfd:") || name.hasPrefix("["))
        return Mapping(start: start, end: end, isGuest: end - start >= guestByteCount || isNamed)
    }

    /// Finds the pieces of guest memory that have no telling name.
    private static func findPieces(_ mappings: inout [Mapping], _ guestByteCount: UInt64) {
        for first in mappings.indices {
            let end = mappings[first].start &+ guestByteCount
            var last = first
            while last + 1 < mappings.count, mappings[last].end < end,
                mappings[last + 1].start == mappings[last].end
            { last += 1 }
            if mappings[last].end == end { for index in first...last { mappings[index].isGuest = true } }
        }
    }

    /// A piece between two pieces of guest memory, without a gap, is guest memory with a file mapped over it.
    private static func closeGaps(_ mappings: inout [Mapping]) {
        var last: Int?
        for index in mappings.indices {
            if index > 0, mappings[index].start != mappings[index - 1].end { last = nil }
            guard mappings[index].isGuest else { continue }
            if let last { for between in last..<index { mappings[between].isGuest = true } }
            last = index
        }
    }
}
