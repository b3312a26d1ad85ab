import Foundation

/// The error of a program that a test could not start. `make test` installs the programs that tests use.
public struct ProgramNotStarted: Error, CustomStringConvertible {
    public let program: String
    public let errno: Int32

    public var description: String {
        let cause = unsafe String(cString: strerror(errno))
        guard errno == ENOENT else { return "cannot run \(program): \(cause)" }
        return
            "cannot run \(program): \(cause); no set of scripts/packages.sh that `make test` installs provides it"
    }
}

extension ChildProcess {
    /// The directories in which tests find programs: under `make test`, only the programs that it installs
    /// (scripts/programs.sh).
    public static var searchPath: String { ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin" }
}

extension ProgramRun {
    /// The lines of standard error in which a shell, or another program that starts programs, reports that a
    /// program does not exist.
    public var missingPrograms: [String] {
        error.split(whereSeparator: \.isNewline).map(String.init).filter { line in
            line.hasSuffix(": command not found") || line.hasSuffix(": not found")
                || line.contains(
                    /: (failed to (run command|execute)|cannot run) .*: No such file or directory$/)
        }
    }
}
