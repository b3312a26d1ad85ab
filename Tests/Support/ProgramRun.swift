public import Foundation

/// A program that was run to its end: its end and its output.
public struct ProgramRun: Sendable {
    public let ending: ChildProcess.Ending
    public let output: String
    public let error: String

    /// Runs `command` with `input` on standard input, or with /dev/null if `input` is nil.
    public init(
        _ command: [String], input: [UInt8]? = nil,
        environment: [String: String] = ProcessInfo.processInfo.environment,
        seconds: Int = Int(WatchdogExpired.milliseconds / 1000)
    ) throws {
        // Files instead of pipes: no write blocks on a full one.
        let (given, said, complained) = (
            try TemporaryFile(input ?? []), try TemporaryFile(), try TemporaryFile()
        )
        let streams = [given, said, complained].enumerated().map { index, file in
            unsafe open(file.path, (index == 0 ? O_RDONLY : O_WRONLY | O_APPEND) | O_CLOEXEC)
        }
        defer { for stream in streams { close(stream) } }
        let child = try ChildProcess(
            command, input: input == nil ? nil : streams[0], output: streams[1], error: streams[2],
            environment: environment)
        ending = try child.wait(seconds: seconds)
        output = String(decoding: try said.bytes(), as: UTF8.self)
        error = String(decoding: try complained.bytes(), as: UTF8.self)
    }

    /// The exit status; nil after a signal.
    public var status: Int32? {
        if case .exited(let status) = ending { status } else { nil }
    }
}

extension ProgramRun {
    /// Runs make in the package, without the variables of a make that runs the tests. Make treats the target
    /// `made` as up to date: everything that tests need is built before them.
    public static func make(_ words: String..., made: String, seconds: Int = 60) throws -> ProgramRun {
        let environment = ProcessInfo.processInfo.environment.filter {
            !["MAKEFLAGS", "MFLAGS", "MAKELEVEL"].contains($0.key)
        }
        return try ProgramRun(
            ["make", "-C", Package.root, "--no-print-directory", "--old-file=\(made)"] + words,
            environment: environment, seconds: seconds)
    }
}

/// The package's directories, relative to this source file.
public enum Package {
    public static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    /// Returns the path of a file of the package.
    public static func path(_ relative: String) -> String { root + "/" + relative }
}
