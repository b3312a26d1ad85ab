import Foundation

/// Programs that a test writes and then runs.
public enum ExecutableFile {
    /// Writes a program with the content `bytes` to `path`.
    ///
    /// A child process writes the file. If this process did, a child that another thread starts meanwhile
    /// would hold the file open for writing until its exec, and running the program would fail with ETXTBSY.
    public static func write(_ bytes: [UInt8], to path: String) throws {
        let source = try TemporaryFile(bytes)
        let install = try ProgramRun(["install", "-m", "755", source.path, path])
        guard install.status == 0 else { throw NotWritten(reason: install.error) }
    }

    private struct NotWritten: Error { let reason: String }
}
