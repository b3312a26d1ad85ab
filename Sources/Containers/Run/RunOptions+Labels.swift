import Host

extension RunOptions {
    /// Refuses labels that docker refuses. Labels are checked but not stored, because no command lists
    /// containers.
    func checkLabels(_ file: (String) throws(Failure) -> [UInt8]) throws(Failure) {
        for label in labels { try Self.checkLabel(label, "--label") }
        for path in labelFiles {
            let lines = try file(path).split { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
            for line in lines.map({ String(decoding: $0, as: UTF8.self) }) where !line.hasPrefix("#") {
                try Self.checkLabel(line, "--label-file \(path)")
            }
        }
    }

    private static func checkLabel(_ text: String, _ option: String) throws(Failure) {
        guard text.isEmpty || text.hasPrefix("=") else { return }
        throw .invalid(text, for: option, because: "it has no key", cure: "Write KEY=VALUE, or KEY alone.")
    }
}
