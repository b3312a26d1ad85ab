import Foundation
import TestSupport
import Testing

/// The built program and what it is tried with. `make test` builds both first.
enum Monitor {
    static let program = Package.path("build/vmm")

    /// The image of a tiny guest, an ELF kernel.
    static func guest(_ name: String) -> String { Package.path("build/firmware/\(name).elf") }

    /// The command line that boots a tiny guest, also where KVM has no hardware virtualization.
    static func boot(_ guest: String, _ more: String...) -> [String] {
        [program, "boot", "--allow-emulation", "--kernel", self.guest(guest)] + more
    }

    /// The same with any kernel.
    static func boot(kernel: String, _ more: String...) -> [String] {
        [program, "boot", "--allow-emulation", "--kernel", kernel] + more
    }

    static func run(_ arguments: String...) throws -> ProgramRun { try ProgramRun([program] + arguments) }
}

/// A directory of its own, gone with its owner, that tells whether something in it has changed.
final class Scratch: Sendable {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appending(path: "vmm-test-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    }

    /// A file with that content.
    func file(_ name: String, _ bytes: [UInt8] = []) throws -> String {
        let at = path + "/" + name
        try Data(bytes).write(to: URL(filePath: at))
        return at
    }

    /// A sparse file of zeroes.
    func file(_ name: String, byteCount: Int) throws -> String {
        let at = try file(name)
        try #require(unsafe truncate(at, byteCount) == 0)
        return at
    }

    func directory(_ name: String) throws -> String {
        try FileManager.default.createDirectory(atPath: path + "/" + name, withIntermediateDirectories: false)
        return path + "/" + name
    }

    /// What is there: each name with its size, the storage it takes and when it was changed last.
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

/// Runs `command`, which must be refused with `status` and one or two lines that hold every one of `words`; nothing in
/// `scratch` may change.
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
