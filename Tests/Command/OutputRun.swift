import Foundation
import TestSupport

/// A program that was run to its end with a standard output that accepts no data.
struct OutputRun {
    enum Output {
        /// Every write fails with ENOSPC.
        case full
        /// A pipe whose read end is closed.
        case gone
    }

    let ending: ChildProcess.Ending
    let error: String

    init(
        _ command: [String], output: Output,
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws {
        let descriptor = try Self.descriptor(output)
        defer { close(descriptor) }
        let said = try TemporaryFile()
        let errors = unsafe open(said.path, O_WRONLY | O_CLOEXEC)
        defer { close(errors) }
        let child = try ChildProcess(command, output: descriptor, error: errors, environment: environment)
        ending = try child.wait()
        error = String(decoding: try said.bytes(), as: UTF8.self)
    }

    private static func descriptor(_ output: Output) throws -> Int32 {
        switch output {
        case .full: return unsafe open("/dev/full", O_WRONLY | O_CLOEXEC)
        case .gone:
            // `pipe` closes its read end at the end of this scope.
            let pipe = try TestPipe()
            return withExtendedLifetime(pipe) { fcntl(pipe.writeEnd, F_DUPFD_CLOEXEC, 10) }
        }
    }
}
