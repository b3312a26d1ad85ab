import Foundation
import TestSupport
import Testing

/// A directory of one test, and the tools that make things in it.
final class ToolDirectory {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appending(path: "vmm-layers-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    /// Runs a command in the directory; a test whose tools fail has failed.
    func run(_ command: [String], sourceLocation: SourceLocation = #_sourceLocation) throws {
        let run = try ProgramRun(["env", "-C", path] + command)
        try #require(run.status == 0, "\(command): \(run.error)", sourceLocation: sourceLocation)
    }

    func shell(_ script: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
        try run(["bash", "-euc", script], sourceLocation: sourceLocation)
    }

    func python(_ script: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
        try run(["python3", "-c", script], sourceLocation: sourceLocation)
    }

    func bytes(_ name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(filePath: path + "/" + name)))
    }

    func write(_ bytes: [UInt8], to name: String) throws {
        try Data(bytes).write(to: URL(filePath: path + "/" + name))
    }
}
