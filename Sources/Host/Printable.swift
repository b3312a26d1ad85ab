extension StringProtocol {
    /// The text without anything that a terminal might obey; what strangers wrote is not printed otherwise.
    public var printable: String {
        String(String.UnicodeScalarView(unicodeScalars.map { $0.isHarmless ? $0 : "?" }))
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
