/// A place in a JSON document, with its path, which the messages of failures name.
public struct JSONField {
    /// The value, or nil if the member is missing or null: most tools do not distinguish the two.
    public let value: JSONValue?
    /// The path of the place: "config.Env[2]"; empty for the document itself.
    public let path: String
    public let document: JSONDocument

    public init(_ value: JSONValue?, _ path: String, in document: JSONDocument) {
        self.value = value == .null ? nil : value
        self.path = path
        self.document = document
    }

    /// Returns the member `name` of an object. Go's readers accept `Layers` for `layers`: a document with
    /// such a member would mean one image to them and another to vmm, so it is refused.
    public func member(_ name: String) throws(Failure) -> JSONField {
        let members = try object()
        for other in members.keys where other != name && other.isTaken(for: name) {
            let place = path.isEmpty ? "" : " in \(path)"
            throw document.refused(
                "\(document.subject) has '\(other.brief)'\(place), which other programs read as '\(name)'")
        }
        return JSONField(members[name], path.isEmpty ? name : "\(path).\(name)", in: document)
    }

    /// Returns the members of an object; empty if the place has no value.
    public func object() throws(Failure) -> [String: JSONValue] {
        switch value {
        case .object(let members): return members
        case nil: return [:]
        default: throw wrong("an object")
        }
    }

    /// Returns the elements of an array; empty if the place has no value.
    public func elements() throws(Failure) -> [JSONField] {
        guard let value else { return [] }
        guard case .array(let values) = value else { throw wrong("an array") }
        return values.enumerated().map { JSONField($1, "\(path)[\($0)]", in: document) }
    }

    /// Returns a text without zero bytes: all texts end up in paths, arguments and other C strings.
    public func text() throws(Failure) -> String? {
        guard let value else { return nil }
        guard case .string(let text) = value else { throw wrong("a string") }
        guard !text.utf8.contains(0) else { throw wrong("a string without zero bytes") }
        return text
    }

    public func texts() throws(Failure) -> [String] {
        var found: [String] = []
        for element in try elements() { found.append(try element.required(try element.text())) }
        return found
    }

    public func boolean() throws(Failure) -> Bool? {
        guard let value else { return nil }
        guard case .boolean(let flag) = value else { throw wrong("true or false") }
        return flag
    }

    /// Returns a whole number from 0 up.
    public func integer() throws(Failure) -> UInt64? {
        guard let value else { return nil }
        guard case .number(let text) = value, let number = UInt64(text) else {
            throw wrong("a whole number of at least 0")
        }
        return number
    }

    /// Returns a number, which may have a fraction.
    public func number() throws(Failure) -> Double? {
        guard let value else { return nil }
        guard case .number(let text) = value, let number = Double(text), number.isFinite else {
            throw wrong("a number")
        }
        return number
    }

    /// Returns `found`, or throws a failure if it is nil.
    public func required<Value>(_ found: Value?) throws(Failure) -> Value {
        guard let found else { throw document.refused("\(document.subject) has no \(path)") }
        return found
    }

    public func wrong(_ wanted: String) -> Failure {
        document.refused("\(path.isEmpty ? "" : "\(path) of ")\(document.subject) is not \(wanted)")
    }
}

/// A JSON file, with the beginnings of the messages of its failures.
public struct JSONDocument: Sendable {
    /// The beginning of a message: "cannot use the image debian.tar".
    public let complaint: String
    /// The name of the file in a message: "its manifest sha256:0123456789ab".
    public let subject: String

    public init(complaint: String, subject: String) {
        (self.complaint, self.subject) = (complaint, subject)
    }

    /// Parses the whole document.
    public func root(_ bytes: [UInt8]) throws(Failure) -> JSONField {
        do throws(JSONError) {
            return JSONField(try JSONReader.value(of: bytes), "", in: self)
        } catch {
            throw refused("\(subject) is not valid JSON: \(error.why) at byte \(error.offset)")
        }
    }

    public func refused(_ why: String) -> Failure {
        Failure(.badInput, complaint, because: why)
    }
}

extension String {
    /// Whether encoding/json of Go takes this name for `name`, which is ASCII. encoding/json ignores case,
    /// even that of the letters beyond ASCII whose other case is ASCII (U+017F is an `s`, U+212A a `k`).
    fileprivate func isTaken(for name: String) -> Bool {
        // The lengths differ for most names: those two letters have three bytes at the most.
        guard (name.utf8.count...name.utf8.count * 3).contains(utf8.count) else { return false }
        return uppercased().lowercased() == name.lowercased()
    }
}
