import CLinux

/// The execution of the program: its search as in execvp(3), and the reasons for a failure.
extension NewProcess {
    private static let usualPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    /// Executes the program. Returns only if that fails, with the reason.
    func execute() -> StartFailure {
        let name = specification.arguments[0]
        var arguments = unsafe specification.arguments.map { unsafe strdup($0) }
        unsafe arguments.append(nil)
        SignalQueue.unblockAll()
        if name.utf8.contains(UInt8(ascii: "/")) {
            unsafe execve(name, arguments, environment())
            return Self.failure(name, lastError())
        }
        var denied: String?
        for directory in Self.directories() where !name.utf8.isEmpty {
            let path = directory + "/" + name
            unsafe execve(path, arguments, environment())
            switch lastError() {
            case ENOENT where !Self.exists(path), ENOTDIR: continue
            case EACCES: if denied == nil, !Self.isDirectory(path) { denied = path }
            case let code: return Self.failure(path, code)
            }
        }
        if let denied { return Self.failure(denied, EACCES) }
        return StartFailure(.notFound, text("\"", name, "\": no such program in the container's PATH"))
    }

    /// Executes `ContainerInit`. Returns only if that fails, with the reason. All signals stay blocked.
    func executeInit() -> StartFailure {
        var arguments = unsafe [strdup(ContainerInit.name.cString), strdup("--")]
        unsafe arguments += specification.arguments.map { unsafe strdup($0) }
        unsafe arguments.append(nil)
        unsafe executeDescriptor(program, arguments, environment())
        return setUpFailure("cannot run ", "the container's init", lastError())
    }

    /// Returns the directories of PATH. An empty element is the working directory: execvp(3).
    private static func directories() -> [String] {
        let path = unsafe getenv("PATH").map { unsafe String(cString: $0) } ?? usualPath
        return path.utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false).map {
            $0.isEmpty ? "." : String(decoding: Array($0), as: UTF8.self)
        }
    }

    private static func failure(_ path: String, _ code: Int32) -> StartFailure {
        let (reason, why): (StartFailure.Reason, String) =
            switch code {
            case ENOENT where exists(path): (.notFound, missingInterpreter(path))
            case ENOENT, ENOTDIR: (.notFound, "no such file in the container")
            case EACCES where isDirectory(path): (.notExecutable, "is a directory")
            case EACCES: (.notExecutable, "permission denied")
            case ENOEXEC: (.notExecutable, text("exec format error: ", ProgramFormat.problem(path)))
            default: (.notExecutable, SystemError(code: code).reason)
            }
        return StartFailure(reason, text("\"", path, "\": ", why))
    }

    /// Returns the message for a file that exists and whose interpreter does not: execve(2), ENOENT.
    private static func missingInterpreter(_ path: String) -> String {
        guard let name = ProgramFormat.interpreter(path) else {
            return "its dynamic loader is not in the container"
        }
        return text("its interpreter \"", name, "\" is not in the container")
    }

    private static func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

    private static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return unsafe stat(path, &status) == 0 && status.st_mode & mode_t(S_IFMT) == mode_t(S_IFDIR)
    }
}
