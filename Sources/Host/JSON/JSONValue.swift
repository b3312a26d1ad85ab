/// A JSON text (RFC 8259).
///
/// Foundation's decoder would make the executable 7 MB larger and every start slower; the documents of images
/// need no more than this reader.
public enum JSONValue: Hashable, Sendable {
    case null
    case boolean(Bool)
    /// The number's text; the reader of the field converts it.
    case number(String)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])
}

/// An error of syntax in a JSON text.
struct JSONError: Error, Hashable {
    /// The position of the error, in bytes from the start of the text.
    public var offset: Int
    /// The reason: "unterminated string".
    public var why: String
}
