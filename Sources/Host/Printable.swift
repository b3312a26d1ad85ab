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
        String(String.UnicodeScalarView(unicodeScalars.map { $0.isHarmless ? $0 : "?" }))
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
    /// Whether the scalar is neither a control character nor one that changes the direction or the lines of a
    /// text.
    fileprivate var isHarmless: Bool {
        switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .unassigned, .privateUse:
            false
        default: true
        }
    }
}
