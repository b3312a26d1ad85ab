import Foundation

/// A Markdown document of the project, as far as tests compare it with the code.
public struct Document: Sendable, CustomStringConvertible {
    public let name: String
    /// The code blocks: the text between two lines of three backticks.
    public let blocks: [String]
    /// The code spans: the text between single backticks outside of blocks.
    public let spans: [String]
    /// The targets of the links.
    public let links: [String]
    /// The tables: rows of cells, without the line below the header.
    public let tables: [[[String]]]

    public init(_ name: String) throws {
        let text = try String(contentsOfFile: Package.path(name), encoding: .utf8)
        let parts = text.components(separatedBy: "\n```")
        self.name = name
        blocks = parts.enumerated().filter { $0.offset % 2 == 1 }.map { Self.block($0.element) }
        let prose = parts.enumerated().filter { $0.offset % 2 == 0 }.map(\.element).joined(separator: "\n")
        spans = prose.matches(of: /`([^`\n]+)`/).map { String($0.output.1) }
        links = prose.matches(of: /\]\(([^)\n]+)\)/).map { String($0.output.1) }
        tables = Self.tables(prose)
    }

    /// Reads all documents: those at the top, and every page below `docs`.
    public static func all() throws -> [Document] {
        let above = [
            "README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SPECIFICATION.md", "CHANGELOG.md",
            "SECURITY.md",
        ]
        let below = try FileManager.default.subpathsOfDirectory(atPath: Package.path("docs"))
        return try (above + below.filter { $0.hasSuffix(".md") }.sorted().map { "docs/" + $0 }).map(
            Document.init)
    }

    public var description: String { name }

    /// All code spans and blocks.
    public var code: [String] { spans + blocks }

    /// Removes the first line of a code block, which names its language.
    private static func block(_ part: String) -> String {
        part.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false).dropFirst().joined()
    }

    private static func tables(_ prose: String) -> [[[String]]] {
        prose.split(separator: "\n", omittingEmptySubsequences: false)
            .split { !$0.hasPrefix("|") }
            .map { rows in rows.map(cells).filter { !$0.allSatisfy { $0.hasPrefix("---") } } }
    }

    private static func cells(_ row: Substring) -> [String] {
        row.split(separator: "|", omittingEmptySubsequences: false).dropFirst().dropLast()
            .map { $0.trimmingCharacters(in: .whitespaces) }
    }

    /// Returns the meaning of each status in the table whose header is `head`. Odd columns hold one or more
    /// statuses, and the column after each holds their meanings.
    public func exitStatuses(_ head: [String]) -> [String: String] {
        guard let table = tables.first(where: { $0.first == head }) else { return [:] }
        var meanings: [String: String] = [:]
        for row in table.dropFirst() {
            for column in stride(from: 0, to: row.count - 1, by: 2) where !row[column].isEmpty {
                let statuses = row[column].components(separatedBy: ", ")
                let words =
                    statuses.count == 1 ? [row[column + 1]] : row[column + 1].components(separatedBy: "; ")
                for (status, word) in zip(statuses, words) { meanings[status] = word }
            }
        }
        return meanings
    }
}
