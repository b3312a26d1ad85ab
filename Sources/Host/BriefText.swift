extension String {
    /// The text for a message: at most 100 characters, and none that a terminal might obey.
    public var brief: String {
        // Scalars are counted, because a single character may have any number of them.
        let start = unicodeScalars.prefix(101)
        guard start.count > 100 else { return printable }
        return String(start.prefix(97)).printable + "..."
    }
}

extension Sequence<String> {
    /// The list for a message: the first few elements and the number of the others.
    public var briefList: String {
        var (names, rest, byteCount) = ([String](), 0, 0)
        for name in self {
            let brief = name.brief
            byteCount += brief.utf8.count + 2
            if byteCount > 200, !names.isEmpty { rest += 1 } else { names.append(brief) }
        }
        return names.joined(separator: ", ") + (rest == 0 ? "" : " and \(rest) more")
    }
}

extension String {
    /// The text, or nil if it is empty.
    public var orNil: String? { isEmpty ? nil : self }
}
