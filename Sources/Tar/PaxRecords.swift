import Layers

/// The fields of extended headers for the files that follow (POSIX.1-2001, pax, "pax Extended Header"; GNU
/// tar, "Storing Sparse Files"; star's and libarchive's extended attributes). A record without a value
/// removes an earlier one.
struct PaxRecords {
    /// The limit on a header. No writer needs more for one file: the value of an extended attribute has at
    /// most 64 KiB.
    static let byteLimit = 1 << 20
    private static let attributeLimit = 1000

    enum Problem: Error {
        case malformed
        case tooManyAttributes
        case value(key: [UInt8])
    }

    private(set) var path: [UInt8]?
    private(set) var linkName: [UInt8]?
    private(set) var byteCount: UInt64?
    private(set) var userID: UInt32?
    private(set) var groupID: UInt32?
    private(set) var modified: PaxTime?
    private(set) var sparse = PaxSparseRecords()

    /// The attributes by name, so that a header with a million records does not need a million searches.
    /// `order` keeps their order.
    private var attributesByName: [[UInt8]: (order: Int, value: [UInt8])] = [:]
    private var attributeOrder = 0

    /// The attributes in the order in which they were set.
    var attributes: [ExtendedAttribute] {
        guard !attributesByName.isEmpty else { return [] }
        return attributesByName.sorted { $0.value.order < $1.value.order }.map {
            ExtendedAttribute(name: $0.key, value: $0.value.value)
        }
    }

    /// Adds the records of a header of type `x`.
    mutating func add(_ body: [UInt8]) throws(Problem) {
        try forEachRecord(in: body) { (records: inout PaxRecords, key, value) throws(Problem) in
            try records.set(key, to: value)
        }
    }

    /// Adds the records of a header of type `g`, which apply to all files from there on. Only owners and
    /// times are accepted. Names and sizes cannot be the same for all files, and a few attributes would
    /// become many gigabytes.
    mutating func add(global body: [UInt8]) throws(Problem) {
        try forEachRecord(in: body) { (records: inout PaxRecords, key, value) throws(Problem) in
            guard Self.globalKeys.contains(where: { key.elementsEqual($0.utf8) }) else { return }
            try records.set(key, to: value)
        }
    }

    private static let globalKeys = ["uid", "gid", "mtime"]

    /// Calls `take` with each record: its own length in decimal, a space, the key, `=`, the value, and a
    /// newline.
    private mutating func forEachRecord(
        in body: [UInt8],
        _ take: (inout PaxRecords, ArraySlice<UInt8>, ArraySlice<UInt8>) throws(Problem) -> Void
    ) throws(Problem) {
        var rest = body[...]
        while !rest.isEmpty {
            guard let space = rest.firstIndex(of: UInt8(ascii: " ")),
                let byteCount: Int = DecimalNumber.parse(rest[..<space]),
                byteCount > space - rest.startIndex, byteCount <= rest.count
            else { throw .malformed }
            // Both bounds are within `rest`.
            let record = rest[(space &+ 1)..<(rest.startIndex &+ byteCount)]
            guard record.last == UInt8(ascii: "\n"), let equals = record.firstIndex(of: UInt8(ascii: "=")),
                equals > record.startIndex
            else { throw .malformed }
            try take(&self, record[..<equals], record[(equals &+ 1)...].dropLast())
            rest = rest.dropFirst(byteCount)
        }
    }

    private mutating func set(_ key: ArraySlice<UInt8>, to value: ArraySlice<UInt8>) throws(Problem) {
        switch String(decoding: key, as: UTF8.self) {
        case "path": path = try Self.name(key, value)
        case "linkpath": linkName = try Self.name(key, value)
        case "size": byteCount = try Self.number(key, value)
        case "uid": userID = try Self.optional(key, value, Self.owner)
        case "gid": groupID = try Self.optional(key, value, Self.owner)
        case "mtime": modified = try Self.optional(key, value) { PaxTime(Array($0)) }
        case let name where name.hasPrefix("GNU.sparse."): try sparse.set(key, to: value)
        default: try setAttribute(key, to: value)
        }
    }

    private mutating func setAttribute(
        _ key: ArraySlice<UInt8>, to value: ArraySlice<UInt8>
    ) throws(Problem) {
        guard let (name, content) = try PaxAttribute.parse(key, value) else { return }
        guard let content else {
            attributesByName[name] = nil
            return
        }
        attributeOrder &+= 1
        attributesByName[name] = (attributeOrder, content)
        guard attributesByName.count <= Self.attributeLimit else { throw .tooManyAttributes }
    }

    /// Parses a user or group number with or without a sign.
    private static func owner(_ text: ArraySlice<UInt8>) -> UInt32? {
        let isNegative = text.first == UInt8(ascii: "-")
        let hasSign = isNegative || text.first == UInt8(ascii: "+")
        guard let number: Int64 = DecimalNumber.parse(text.dropFirst(hasSign ? 1 : 0)) else { return nil }
        // `number` is not negative, so its negation does not overflow.
        return TarNumber.owner(isNegative ? 0 &- number : number)
    }

    static func name(_ key: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>) throws(Problem) -> [UInt8]? {
        try optional(key, value) { $0.contains(0) ? nil : Array($0) }
    }

    static func number<Number: FixedWidthInteger>(
        _ key: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>
    ) throws(Problem) -> Number? {
        try optional(key, value) { DecimalNumber.parse($0) }
    }

    /// Parses a value. Returns nil for an empty one; throws if `parse` returns nil.
    private static func optional<Value>(
        _ key: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>, _ parse: (ArraySlice<UInt8>) -> Value?
    ) throws(Problem) -> Value? {
        if value.isEmpty { return nil }
        guard let parsed = parse(value) else { throw .value(key: Array(key)) }
        return parsed
    }
}

/// A time of a pax record: seconds since 1970, possibly negative, possibly with a fraction (POSIX.1-2001,
/// pax, mtime).
struct PaxTime {
    /// The seconds, rounded down, so that the nanoseconds are never negative.
    let seconds: Int64
    let nanoseconds: UInt32

    init?(_ text: [UInt8]) {
        let isNegative = text.first == UInt8(ascii: "-")
        let parts = text.dropFirst(isNegative ? 1 : 0).split(
            separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
        guard let whole: Int64 = DecimalNumber.parse(parts[0]) else { return nil }
        guard let fraction = parts.count > 1 ? Self.nanoseconds(parts[1]) : 0 else { return nil }
        switch (isNegative, fraction) {
        case (false, _): (seconds, nanoseconds) = (whole, fraction)
        case (true, 0): (seconds, nanoseconds) = (-whole, 0)
        // `whole` is not negative, so the subtraction does not overflow.
        case (true, _): (seconds, nanoseconds) = (-whole &- 1, 1_000_000_000 &- fraction)
        }
    }

    /// Parses the first nine digits of a fraction; further digits are finer than any file system's times.
    private static func nanoseconds(_ digits: ArraySlice<UInt8>) -> UInt32? {
        guard digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
        let nine = digits.prefix(9) + Array(repeating: UInt8(ascii: "0"), count: max(0, 9 - digits.count))
        return DecimalNumber.parse(nine)
    }
}
