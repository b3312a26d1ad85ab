import Foundation

/// A program that a test could not start. What tests use is installed by `make test`.
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
    /// Where tests find programs: under `make test`, those that it installs and no others (scripts/programs.sh).
    public static var searchPath: String { ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin" }
}

extension ProgramRun {
    /// The lines of standard error in which a shell, or a program that starts another, says that there is no such program.
    public var missingPrograms: [String] {
        error.split(whereSeparator: \.isNewline).map(String.init).filter { line in
            line.hasSuffix(": command not found") || line.hasSuffix(": not found")
                || line.contains(
                    /: (failed to (run command|execute)|cannot run) .*: No such file or directory$/)
        }
    }
}
