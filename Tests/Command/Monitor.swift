import Foundation
import TestSupport
import Testing

/// The built program and its test guests. `make test` builds both first.
enum Monitor {
    static let program = Package.path("build/vmm")

    /// Returns the path of a test guest, an ELF kernel.
    static func guest(_ name: String) -> String { Package.path("build/firmware/\(name).elf") }

    /// Returns the command line that boots a test guest, with or without hardware virtualization.
    static func boot(_ guest: String, _ more: String...) -> [String] {
        [program, "boot", "--allow-emulation", "--kernel", self.guest(guest)] + more
    }

    /// Returns the command line that boots any kernel, with or without hardware virtualization.
    static func boot(kernel: String, _ more: String...) -> [String] {
        [program, "boot", "--allow-emulation", "--kernel", kernel] + more
    }

    static func run(_ arguments: String...) throws -> ProgramRun { try ProgramRun([program] + arguments) }
}

/// A temporary directory that reports changes; it is removed when its owner releases it.
final class Scratch: Sendable {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appending(path: "vmm-test-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    }

    /// Makes a file with the content `bytes`.
    func file(_ name: String, _ bytes: [UInt8] = []) throws -> String {
        let at = path + "/" + name
        try Data(bytes).write(to: URL(filePath: at))
        return at
    }

    /// Makes a sparse file of zeroes.
    func file(_ name: String, byteCount: Int) throws -> String {
        let at = try file(name)
        try #require(unsafe truncate(at, byteCount) == 0)
        return at
    }

    func directory(_ name: String) throws -> String {
        try FileManager.default.createDirectory(atPath: path + "/" + name, withIntermediateDirectories: false)
        return path + "/" + name
    }

    /// Returns the names in the directory, each with its size, storage, mode and times.
    func state() throws -> [String: [Int]] {
        var found: [String: [Int]] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: path) {
            var status = stat()
            try #require(unsafe lstat(path + "/" + name, &status) == 0)
            found[name] = [
                Int(status.st_size), Int(status.st_blocks), Int(status.st_mode), status.st_mtim.tv_sec,
                status.st_mtim.tv_nsec, status.st_ctim.tv_sec, status.st_ctim.tv_nsec,
            ]
        }
        return found
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// Expects that `command` fails with `status` and one or two lines that contain all of `words`, and that
/// nothing in `scratch` changes.
func expectRefusal(
    _ command: [String], _ status: Int32, _ words: String..., in scratch: Scratch? = nil,
    at location: SourceLocation = #_sourceLocation
) throws {
    let before = try scratch?.state()
    let run = try ProgramRun(command)
    #expect(run.ending == .exited(status), "\(run.error)", sourceLocation: location)
    let lines = run.error.split(separator: "\n")
    #expect((1...2).contains(lines.count), "one or two lines: \(run.error)", sourceLocation: location)
    #expect(run.error.hasPrefix("vmm: "), "\(run.error)", sourceLocation: location)
    for word in words {
        let isThere = run.error.lowercased().contains(word.lowercased())
        #expect(isThere, "'\(word)' in: \(run.error)", sourceLocation: location)
    }
    for trace in ["Fatal", "Stack", "Thread", "Failure("] {
        #expect(!run.error.contains(trace), "\(run.error)", sourceLocation: location)
    }
    #expect(run.output.isEmpty, sourceLocation: location)
    #expect(try scratch?.state() == before, "nothing on disk changed", sourceLocation: location)
}
