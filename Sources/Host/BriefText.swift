extension String {
    /// The text for a message: nothing that a terminal might obey, and at most 100 characters of it.
    public var brief: String {
        // Scalars are counted, because a single character may have any number of them.
        let start = unicodeScalars.prefix(101)
        guard start.count > 100 else { return printable }
        return String(start.prefix(97)).printable + "..."
    }
}

extension Sequence<String> {
    /// A list for a message: the first few, and how many more there are.
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
