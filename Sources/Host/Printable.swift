/// Text that a stranger wrote: whoever made an image, a file, a registry or a guest.
enum StrangersText {
    /// How much of it a message carries.
    static let characterLimit = 200
}

extension StringProtocol {
    /// The text without anything that a terminal might obey, and no more than 200 characters of it: where there are more, its
    /// middle is left out. What strangers wrote is not printed otherwise.
    public var printable: String { String(self).shortened(to: StrangersText.characterLimit).harmless }
}

extension String {
    /// The text without anything that a terminal might obey.
    var harmless: String {
        String(String.UnicodeScalarView(unicodeScalars.map { $0.isHarmless ? $0 : "?" }))
    }

    /// The beginning and the end of a text of more than `limit` characters, with dots between; else all of it. A character is
    /// a Unicode scalar here: of what a reader takes for one there may be any number.
    func shortened(to limit: Int) -> String {
        // Most texts are short, and bytes are counted already.
        guard utf8.count > limit, unicodeScalars.count > limit else { return self }
        let kept = max(0, limit - 3)
        let (head, tail) = (unicodeScalars.prefix(kept - kept / 2), unicodeScalars.suffix(kept / 2))
        return String(String.UnicodeScalarView(Array(head) + Array("...".unicodeScalars) + Array(tail)))
    }
}

extension Unicode.Scalar {
    /// Neither a control character nor one that changes the direction or the lines of a text.
    fileprivate var isHarmless: Bool {
        switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .unassigned, .privateUse:
            false
        default: true
        }
    }
}
