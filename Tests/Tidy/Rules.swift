/// The rules, as functions from a file to what breaks them.
enum Rules {
    static let width = 110
    static let functionLength = 40

    /// The formatter holds code to the same width; it leaves comments and texts alone.
    static func tooWide(_ file: SourceFile) -> [String] {
        file.lines.indices.filter { index in
            let line = file.lines[index]
            guard line.count > width, let comment = line.firstRange(of: "// ") else { return false }
            // Two slashes within a text are no comment.
            return line[..<comment.lowerBound].count(where: { $0 == "\"" }).isMultiple(of: 2)
        }.map { "\(file):\($0 + 1)" }
    }

    static func tooLong(_ file: SourceFile) -> [String] {
        file.functions.filter { $0.lineCount > functionLength }
            .map { "\(file):\($0.line): \($0.name) has \($0.lineCount) lines" }
    }

    /// Openings of abstracts that are neither a verb phrase nor a noun phrase.
    private static let clauses = [
        "What", "Where", "Of", "The same", "Once", "As", "How", "Who", "Whose", "Whom", "Whatever", "Whoever",
        "When",
    ]

    static func nounClauses(_ file: SourceFile) -> [String] {
        file.abstracts.filter { abstract in
            clauses.contains { abstract.text.hasPrefix($0 + " ") }
        }.map { "\(file):\($0.line): \($0.text)" }
    }

    /// Private words, and the field's in their place.
    private static let glossary = [
        "WindowBus": "MMIOBus", "popOrWait": "popOrRearm", "BellWatch": "DoorbellWatch",
        "KernelWords": "KernelLog", "VirtioPort": "VirtioSerialPort", "FileFacts": "FileStatus",
        "ActiveConsole": "ConsoleQueues", "ActivePort": "PortQueues", "ActivePmem": "PmemQueues",
        "ActiveRng": "RngQueues", "Workshop": "StagingDirectory", "HostileBench": "HostileFixture",
        "RunSessionBench": "RunSessionFixture", "StoreBench": "StoreFixture", "ImageBench": "ImageFixture",
        "BootMark": "BootMarker", "Patience": "Timeouts",
    ]

    static func replacedWords(_ file: SourceFile) -> [String] {
        file.lines.indices.flatMap { index in
            words(file.lines[index]).compactMap { word in
                glossary[String(word)].map { "\(file):\(index + 1): \(word): write \($0)" }
            }
        }
    }

    /// The directories whose names and messages are checked.
    static let plainRooms = ["Sources", "guest"]

    /// Private words within names such as `serveBell`, and the field's in their place.
    private static let replacedParts = [
        "bell": "doorbell or event", "heed": "handle", "news": "progress", "patience": "timeout",
        "told": "notified or reported", "untold": "pending", "workshop": "staging directory",
        "crowd": "footprint",
    ]

    static func replacedParts(_ file: SourceFile) -> [String] {
        file.lines.indices.flatMap { index in
            code(file.lines[index]).matches(of: /[A-Z]?[a-z]+/).compactMap { match in
                let part = match.output.lowercased()
                return replacedParts[part].map { "\(file):\(index + 1): \(part): write \($0)" }
            }
        }
    }

    /// Returns the line without its comment and the content of its texts.
    private static func code(_ line: Substring) -> String {
        String(line).replacing(/"(?:[^"\\]|\\.)*"/, with: "\"\"").replacing(/\/\/.*/, with: "")
    }

    /// Turns of phrase that a reader has to read twice.
    private static let riddles = [
        "makes no sense", "it is no ", "that is no ", "as good as none", "not at hand", "which there is not",
        "that there is not", "are the most", "is not there yet", "are not there yet",
    ]

    static func riddles(_ file: SourceFile) -> [String] {
        file.lines.indices.flatMap { index in
            let line = file.lines[index]
            guard !line.drop(while: { $0 == " " }).hasPrefix("//") else { return [String]() }
            return riddles.filter { line.contains($0) }.map { "\(file):\(index + 1): \($0)" }
        }
    }

    private static func words(_ line: Substring) -> [Substring] {
        line.split { !$0.isLetter && !$0.isNumber && $0 != "_" }
    }

    /// The rooms of a manifest, each with the rooms and C modules that it may import.
    static func rooms(_ manifest: String) -> [String: Set<String>] {
        var rooms: [String: Set<String>] = [:]
        for match in manifest.matches(of: /room\(\s*"(\w+)",\s*\[([^\]]*)\]\)/) {
            rooms[String(match.output.1)] = Set(
                match.output.2.matches(of: /"(\w+)"/).map { String($0.output.1) })
        }
        return rooms
    }

    /// The modules that a file imports.
    static func imports(_ file: SourceFile) -> Set<String> {
        Set(
            file.lines.compactMap { line in
                line.firstMatch(of: /^ *(\w+ )?import (\w+)$/).map { String($0.output.2) }
            })
    }

    /// The rooms and C modules that the program `name` of a manifest is linked from, however far away.
    static func parts(of name: String, in manifest: String) -> Set<String> {
        var arrows = rooms(manifest)
        let program = /\.executableTarget\(\s*name: "([\w-]+)",\s*dependencies: \[([^\]]*)\]/
        for match in manifest.matches(of: program) {
            arrows[String(match.output.1)] = Set(
                match.output.2.matches(of: /"(\w+)"/).map { String($0.output.1) })
        }
        var (parts, waiting): (Set<String>, [String]) = ([], [name])
        while let next = waiting.popLast() {
            waiting += (arrows[next] ?? []).filter { parts.insert($0).inserted }
        }
        return parts
    }

    /// The names of the functions that a header declares or defines.
    static func declaredFunctions(_ header: String) -> [String] {
        header.matches(of: /(?m)^[a-z][^\n(;#]*?\b(\w+)\(/).map { String($0.output.1) }
    }
}
