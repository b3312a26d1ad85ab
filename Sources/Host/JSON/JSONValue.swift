/// A JSON text (RFC 8259).
///
/// Foundation's decoder would make the executable 7 MB larger and every start of it slower; what images say needs this
/// much and no more.
public enum JSONValue: Hashable, Sendable {
    case null
    case boolean(Bool)
    /// As it was written; what it is worth, its reader decides.
    case number(String)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])
}

/// Where a text stops to be JSON.
struct JSONError: Error, Hashable {
    /// In bytes from the start of the text.
    public var offset: Int
    /// "a string has no end".
    public var why: String
}
