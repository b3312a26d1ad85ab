import Foundation
import TestSupport

/// A Swift file of the project, as far as the tidy rules look at it.
struct SourceFile: CustomStringConvertible {
    let path: String
    let lines: [Substring]

    var description: String { path }

    init(_ path: String, _ text: String) {
        self.path = path
        lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    }

    /// Reads every Swift file below `directories`, in the order of their paths.
    static func all(below directories: [String]) throws -> [SourceFile] {
        try directories.flatMap { directory in
            try FileManager.default.subpathsOfDirectory(atPath: Package.path(directory))
                .filter { $0.hasSuffix(".swift") }.sorted()
                .map { name in
                    let path = "\(directory)/\(name)"
                    return SourceFile(path, try String(contentsOfFile: Package.path(path), encoding: .utf8))
                }
        }
    }

    /// The abstracts of the doc comments: the first line of each, without its slashes.
    var abstracts: [(line: Int, text: Substring)] {
        lines.indices.compactMap { index in
            let text = Self.docText(lines[index])
            guard let text, index == 0 || Self.docText(lines[index - 1]) == nil else { return nil }
            return (index + 1, text)
        }
    }

    private static func docText(_ line: Substring) -> Substring? {
        let line = line.drop { $0 == " " }
        guard line.hasPrefix("///") else { return nil }
        return line.dropFirst(3).drop { $0 == " " }
    }

    /// Every function and initializer that has a body, with its number of lines from its first to its closing
    /// brace.
    var functions: [(line: Int, name: String, lineCount: Int)] {
        lines.indices.compactMap { index in
            let line = lines[index]
            guard let match = line.firstMatch(of: /^( *)(?:[@a-z]+(?:\([a-z]+\))? )*(func [^ (<]+|init\b)/),
                let end = lines[index...].firstIndex(where: { $0 == match.output.1 + "}" })
            else { return nil }
            // A declaration without a body ends before the brace of whatever it stands in.
            let isOver = lines[(index + 1)..<end].contains { line in
                !line.isEmpty && line.prefix { $0 == " " }.count <= match.output.1.count && line.last != "{"
            }
            return isOver ? nil : (index + 1, String(match.output.2), end - index + 1)
        }
    }
}
