public import Arguments
public import CompareOptions
import Glibc
public import Host
import SystemPackage

/// `vmm compare`: its options are read here for the help and for mistakes; `vmm-compare` reads them again and
/// runs the comparison.
extension CompareArguments: Command {
    public func run() throws(Failure) {
        try ComparisonProgram.run(CommandLine.arguments.dropFirst(2))
    }
}

/// The program that `vmm compare` runs in place of this one. It is a program of its own because it does what
/// a monitor must not be able to do: it counts the system calls of the host and plays the hostile guest.
enum ComparisonProgram {
    private static let name = "vmm-compare"

    /// The directories of the program, relative to that of this one. No other is searched: what lies in the
    /// working directory or on PATH may be a stranger's.
    private static let directories = ["", "../libexec/vmm/", "../lib/vmm/"]

    /// Replaces this process by the program. `arguments` are those of `vmm compare`.
    static func run(_ arguments: some Sequence<String>) throws(Failure) -> Never {
        let monitor: String
        do throws(Errno) { monitor = try Files.resolved("/proc/self/exe") } catch {
            throw Failure(
                "cannot find \(name)", errno: error, cure: "It is searched beside vmm; is /proc mounted?")
        }
        let program = try find(beside: monitor)
        let cause = replaceProcess(program, [name, "--monitor", monitor] + arguments)
        throw Failure("cannot run \(program)", errno: cause)
    }

    private static func find(beside monitor: String) throws(Failure) -> String {
        let home = monitor[..<(monitor.lastIndex(of: "/") ?? monitor.startIndex)]
        let places = directories.map { "\(home)/\($0)\(name)" }
        guard let place = places.first(where: { FileStatus(ofLink: $0) != nil }) else {
            throw Failure(
                .unavailable, "cannot compare",
                because: "\(name) is not in \(home), nor in ../libexec/vmm or ../lib/vmm from there",
                cure: "`make` builds it beside vmm, and `make install` installs both.")
        }
        guard isTrusted(place, like: monitor) else {
            throw Failure(
                .notPermitted, "cannot run \(place)", because: "another user can change it",
                cure: "It must belong to root, to you, or to the owner of \(monitor).")
        }
        return place
    }

    /// Whether nobody but root, this user and the owner of the monitor can have made `path`: the directory
    /// may be one in which everybody may write, such as /tmp.
    private static func isTrusted(_ path: String, like monitor: String) -> Bool {
        guard let link = FileStatus(ofLink: path), let file = FileStatus(of: path) else { return false }
        let owners = [0, geteuid(), FileStatus(of: monitor)?.status.st_uid ?? 0]
        return file.isRegular && file.status.st_mode & S_IWOTH == 0
            && owners.contains(link.status.st_uid) && owners.contains(file.status.st_uid)
    }

    /// Executes `program` (execv(3)). Returns only with the reason why that failed.
    private static func replaceProcess(_ program: String, _ words: [String]) -> Errno {
        var strings = unsafe words.map { unsafe strdup($0) }
        unsafe strings.append(nil)
        unsafe execv(program, strings)
        return .current
    }
}
