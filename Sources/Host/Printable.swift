/// Text from a stranger: the author of an image, of a file, of a registry or of a guest.
enum StrangersText {
    /// The largest number of characters of a stranger's text in a message.
    static let characterLimit = 200
}

extension StringProtocol {
    /// The text without anything that a terminal might obey, cut to 200 characters: a longer text loses its
    /// middle. Every text of a stranger passes through this property before it is printed.
    public var printable: String { String(self).shortened(to: StrangersText.characterLimit).harmless }
}

extension String {
    /// The text without anything that a terminal might obey.
    var harmless: String {
        String(String.UnicodeScalarView(unicodeScalars.map { $0.isPrintable ? $0 : "?" }))
    }

    /// Returns the beginning and the end of a text of more than `limit` characters, with dots between them,
    /// and a shorter text unchanged. A character is a Unicode scalar here, because one grapheme may have any
    /// number of scalars.
    func shortened(to limit: Int) -> String {
        // Most texts are short, and the number of bytes is known without a scan.
        guard utf8.count > limit, unicodeScalars.count > limit else { return self }
        let kept = max(0, limit - 3)
        let (head, tail) = (unicodeScalars.prefix(kept - kept / 2), unicodeScalars.suffix(kept / 2))
        return String(String.UnicodeScalarView(Array(head) + Array("...".unicodeScalars) + Array(tail)))
    }
}

extension Unicode.Scalar {
    /// Whether a terminal shows the scalar as it is: it is neither a control character nor one that changes
    /// the direction or the lines of a text.
    public var isPrintable: Bool {
        switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .unassigned, .privateUse:
            false
        default: true
        }
    }
}

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
