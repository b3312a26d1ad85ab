import Host

/// A file of variables in the format of docker's `--env-file`.
///
/// A line is NAME=VALUE, with the value taken literally to the end of the line, or NAME alone for the
/// caller's value, if there is one. Lines that begin with # are comments.
enum EnvironmentFile {
    /// Parses the file and returns its variables as NAME=VALUE.
    static func variables(_ bytes: [UInt8], path: String, host: (String) -> String?) throws(Failure)
        -> [String]
    {
        var variables: [String] = []
        let content = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes.dropFirst(3) : bytes[...]
        let lines = content.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() {
            guard let text = text(line), let variable = try variable(text, "\(path), line \(index + 1)", host)
            else { continue }
            variables.append(variable)
        }
        return variables
    }

    /// Strips leading white space and a trailing carriage return; returns nil for an empty line or a comment.
    private static func text(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        let ended = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
        let text = ended.drop(while: isSpace)
        return text.isEmpty || text.first == UInt8(ascii: "#") ? nil : text
    }

    private static func variable(
        _ line: ArraySlice<UInt8>, _ place: String, _ host: (String) -> String?
    ) throws(Failure) -> String? {
        guard let text = String(validating: line, as: UTF8.self), !line.contains(0) else {
            throw bad(place, "the line is not valid UTF-8")
        }
        let name = String(decoding: line.prefix { $0 != UInt8(ascii: "=") }, as: UTF8.self)
        if name.isEmpty { throw bad(place, "the line has no name before =") }
        if name.utf8.contains(where: isSpace) { throw bad(place, "the name '\(name)' contains white space") }
        if name.utf8.count < text.utf8.count { return text }
        return host(name).map { name + "=" + $0 }
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || (9...13).contains(byte)
    }

    private static func bad(_ place: String, _ why: String) -> Failure {
        Failure(.badInput, "cannot read the environment from \(place)", because: why)
    }
}
