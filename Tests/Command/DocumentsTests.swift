import Containers
import Foundation
import TestSupport
import Testing

@testable import Arguments
@testable import vmm

/// The documents mention only commands, options and files that exist. Other tests check that these behave as
/// documented.
@Suite("The documents")
struct DocumentsTests {
    /// A command line of `vmm` in a document: its command, and the words after it.
    private struct Line {
        let command: [String]
        let words: [String]

        /// Parses a command line; `a|b` stands for both `a` and `b`.
        static func all(_ text: String) throws -> [Line] {
            var words = text.split(separator: " ").map(String.init)
            let commands = try Self.commands([])
            guard let first = words.first, !first.hasPrefix("-"), first != "IMAGE" else {
                return [Line(command: [], words: words)]
            }
            words.removeFirst()
            #expect(commands.contains(first), "vmm \(first)")
            let below = try Self.commands([first])
            guard !below.isEmpty, let second = words.first else {
                return [Line(command: [first], words: words)]
            }
            return second.split(separator: "|").map { word in
                #expect(below.contains(String(word)), "vmm \(first) \(word)")
                return Line(command: [first, String(word)], words: Array(words.dropFirst()))
            }
        }

        /// Returns the commands below `command` that its help lists.
        private static func commands(_ command: [String]) throws -> Set<String> {
            let help = try DocumentsTests.help(command)
            guard let list = help.components(separatedBy: "\nCommands:\n").dropFirst().first else {
                return []
            }
            let names = list.components(separatedBy: "\n\n")[0].matches(of: /(?m)^  ([a-z]+)/)
            return Set(names.map { String($0.output.1) })
        }
    }

    private static func help(_ command: [String]) throws -> String {
        let run = try ProgramRun([Monitor.program] + command + ["--help"])
        try #require(run.status == 0, "\(command): \(run.error)")
        return run.output
    }

    /// Returns the options that a help text lists.
    private static func options(_ help: String) -> Set<String> {
        Set(
            help.matches(of: /(?m)^  (    |-[a-z], )(--[-a-z]+)/).flatMap {
                [$0.output.1.prefix(2), $0.output.2].map(String.init)
            })
    }

    /// Returns the command lines of `vmm` in a document, without the program's name.
    private func lines(_ document: Document) -> [String] {
        let joined = document.blocks.map { $0.replacing(/\n  +/, with: " ") }
        let lines = joined.flatMap { $0.components(separatedBy: "\n") } + document.spans
        return lines.flatMap { line in
            line.components(separatedBy: "   ").compactMap { part in
                part.wholeMatch(of: /\ *(?:\$ )?(?:build\/)?vmm (.*)/).map { String($0.output.1) }
            }
        }
    }

    @Test("name commands and options of vmm that there are")
    func commandLines() throws {
        for line in try Document.all().flatMap(lines).flatMap(Line.all) {
            let known = Self.options(try Self.help(line.command))
            for word in line.words {
                for option in Self.options(in: word) {
                    #expect(known.contains(option), "vmm \(line.command.joined(separator: " ")) \(option)")
                }
            }
        }
    }

    /// Returns the options in a word of a command line or synopsis, such as `[--initrd` or `-it`.
    private static func options(in word: String) -> [String] {
        if let long = word.wholeMatch(of: /\[?(--[a-z][-a-z]*).*/) { return [String(long.output.1)] }
        guard let short = word.wholeMatch(of: /-([a-z]+)/) else { return [] }
        return short.output.1.map { "-\($0)" }
    }

    @Test("name options that some command has")
    func options() throws {
        var known: Set<String> = []
        for command in [["run"], ["boot"], ["doctor"], ["compare"], ["image", "import"], ["image", "list"]] {
            known.formUnion(Self.options(try Self.help(command)))
        }
        known.formUnion(RunOptions.options.map { "--" + $0.name })
        known.formUnion(HelpCommand.options.map { "--" + $0.name })
        // Options of the build, in ARCHITECTURE.md.
        let build = try String(contentsOfFile: Package.path("Makefile"), encoding: .utf8)
        for span in try Document.all().flatMap(\.spans) where span.hasPrefix("--") {
            let option = String(span.prefix { $0 != " " && $0 != "=" })
            #expect(known.contains(option) || build.contains(option + " "), "\(span)")
        }
    }

    @Test("name targets that make has")
    func targets() throws {
        let text = try String(contentsOfFile: Package.path("Makefile"), encoding: .utf8)
        let targets = Set(text.matches(of: /(?m)^([a-z]+):/).map { String($0.output.1) })
        for code in try Document.all().flatMap(\.code) {
            for match in code.matches(of: /(?m)(?:^|[ (])make ([a-z]+)/) {
                #expect(targets.contains(String(match.output.1)), "make \(match.output.1)")
            }
        }
    }

    @Test("lead to files that are there")
    func links() throws {
        for document in try Document.all() {
            let directory = URL(filePath: Package.path(document.name)).deletingLastPathComponent().path
            for link in document.links where !link.contains("://") {
                let path = directory + "/" + link.prefix { $0 != "#" }
                #expect(FileManager.default.fileExists(atPath: path), "\(document): \(link)")
            }
        }
    }

    @Test("name files that are there")
    func files() throws {
        let words = try Document.all().flatMap(\.code).flatMap { $0.split { " \n(),".contains($0) } }
        for word in Set(words.map(String.init)) where Self.isOurFile(word) {
            #expect(try Self.isThere(word), "\(word)")
        }
    }

    /// Whether `word` looks like a source file or a path below one of the package's directories.
    private static func isOurFile(_ word: String) -> Bool {
        guard word.wholeMatch(of: /[A-Za-z0-9_.\/-]+/) != nil, !word.hasPrefix("/") else { return false }
        if word.wholeMatch(of: /.+\.(swift|sh|py|md|c|h|S)/) != nil { return true }
        let rooms = ["Sources", "Tests", "Benchmarks", "docs", "firmware", "guest", "scripts", "build"]
        return word.contains("/") && rooms.contains(String(word.prefix { $0 != "/" }))
    }

    /// Whether the package has the file. A name without a directory may be anywhere; a file in `build` exists
    /// if a makefile or script mentions it.
    private static func isThere(_ word: String) throws -> Bool {
        if word.hasPrefix("build/") {
            return try word == "build/"
                || ProgramRun([
                    "grep", "-rqsF", word, Package.path("Makefile"), Package.path("scripts"),
                    Package.path("Benchmarks"),
                ]).status == 0
        }
        let places = [Package.root, Package.path("Sources")]
        if places.contains(where: { FileManager.default.fileExists(atPath: $0 + "/" + word) }) { return true }
        let rooms = ["Sources", "Tests", "Benchmarks", "guest", "scripts"].map(Package.path)
        return try !word.contains("/") && !ProgramRun(["find"] + rooms + ["-name", word]).output.isEmpty
    }
}
