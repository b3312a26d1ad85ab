import Foundation

/// Programs that a test writes and then runs.
public enum ExecutableFile {
    /// Puts a program with that content at `path`.
    ///
    /// A process of its own does the writing. Were it done in this one, a child that another thread starts meanwhile
    /// would hold the file open for writing until it execs, and running the program would fail with ETXTBSY.
    public static func write(_ bytes: [UInt8], to path: String) throws {
        let source = try TemporaryFile(bytes)
        let install = try ProgramRun(["install", "-m", "755", source.path, path])
        guard install.status == 0 else { throw NotWritten(reason: install.error) }
    }

    private struct NotWritten: Error { let reason: String }
}
