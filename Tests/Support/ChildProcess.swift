public import Foundation

/// A child process of a test. It is killed and reaped when its owner releases it.
public final class ChildProcess: @unchecked Sendable {
    /// The end of a process.
    public enum Ending: Hashable, Sendable {
        case exited(Int32)
        case signalled(Int32)
    }

    public let identifier: pid_t
    private let lock = NSLock()
    private var known: Ending?

    /// A lock that is held while descriptors are made that no child may inherit, and while a child starts.
    static let inheritance = NSLock()

    /// Starts `command`, a path and its arguments.
    ///
    /// A stream that is nil is /dev/null; the caller remains the owner of the descriptors. In the child all
    /// signals have their defaults and none is blocked. `hasOwnGroup` makes a process group for the child, as
    /// a shell does for a job, so that SIGTSTP stops it, whoever started the tests.
    public init(
        _ command: [String], input: Int32? = nil, output: Int32? = nil, error: Int32? = nil,
        environment: [String: String] = ProcessInfo.processInfo.environment, hasOwnGroup: Bool = false
    ) throws {
        let plan = SpawnPlan(streams: [input, output, error], hasOwnGroup: hasOwnGroup)
        var number: pid_t = 0
        let result = unsafe withCStrings(command) { arguments in
            unsafe withCStrings(environment.map { "\($0)=\($1)" }) { variables in
                Self.inheritance.withLock {
                    unsafe posix_spawnp(
                        &number, command[0], &plan.actions, &plan.attributes, arguments, variables)
                }
            }
        }
        guard result == 0 else { throw ProgramNotStarted(program: command[0], errno: result) }
        identifier = number
    }

    /// The end of the process; nil while it runs.
    public var ending: Ending? {
        lock.withLock {
            if known == nil {
                var status: Int32 = 0
                if unsafe waitpid(identifier, &status, WNOHANG) == identifier {
                    known = Ending(waitStatus: status)
                }
            }
            return known
        }
    }

    public var isRunning: Bool { ending == nil }

    /// The state letter of proc(5); T means stopped.
    public var state: String? {
        let text = (try? String(contentsOfFile: "/proc/\(identifier)/stat", encoding: .utf8)) ?? ""
        guard let end = text.lastIndex(of: ")") else { return nil }
        return text[text.index(after: end)...].split(separator: " ").first.map(String.init)
    }

    /// Waits for the end of the process.
    @discardableResult
    public func wait(seconds: Int = Int(WatchdogExpired.milliseconds / 1000)) throws -> Ending {
        try eventually("the end of process \(identifier)", seconds: seconds) { self.ending }
    }

    public func send(_ signal: Int32) {
        // After the end the kernel may have given the process ID to another process.
        if isRunning { kill(identifier, signal) }
    }

    deinit {
        guard isRunning else { return }
        kill(identifier, SIGKILL)
        waitpid(identifier, nil, 0)
    }
}

extension ChildProcess.Ending {
    /// Decodes the status of wait(2): the low seven bits are the signal; if they are 0, the next byte is the
    /// exit status.
    fileprivate init(waitStatus: Int32) {
        let signal = waitStatus & 0x7F
        self = signal == 0 ? .exited(waitStatus >> 8 & 0xFF) : .signalled(signal)
    }
}

/// The actions of posix_spawn(3) in the child before the program starts.
@safe
private final class SpawnPlan {
    var actions = unsafe posix_spawn_file_actions_t()
    var attributes = posix_spawnattr_t()

    init(streams: [Int32?], hasOwnGroup: Bool) {
        unsafe posix_spawn_file_actions_init(&actions)
        for (number, stream) in streams.enumerated() {
            if let stream {
                unsafe posix_spawn_file_actions_adddup2(&actions, stream, Int32(number))
            } else {
                unsafe posix_spawn_file_actions_addopen(&actions, Int32(number), "/dev/null", O_RDWR, 0)
            }
        }
        unsafe posix_spawnattr_init(&attributes)
        var (none, all) = (sigset_t(), sigset_t())
        unsafe sigemptyset(&none)
        unsafe sigfillset(&all)
        unsafe posix_spawnattr_setsigmask(&attributes, &none)
        unsafe posix_spawnattr_setsigdefault(&attributes, &all)
        let group = hasOwnGroup ? POSIX_SPAWN_SETPGROUP : 0
        unsafe posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | group))
    }

    deinit {
        unsafe posix_spawn_file_actions_destroy(&actions)
        unsafe posix_spawnattr_destroy(&attributes)
    }
}

/// Calls `body` with `strings` as a null-terminated array of C strings.
private func withCStrings<Result>(
    _ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
) -> Result {
    let copies = unsafe strings.map { unsafe strdup($0) } + [nil]
    defer { unsafe copies.forEach({ unsafe free($0) }) }
    return unsafe body(copies)
}

/// Calls `answer` repeatedly until it returns a value. Throws `WatchdogExpired` after `seconds`.
public func eventually<Answer>(
    _ what: @autoclosure () -> String, seconds: Int = Int(WatchdogExpired.milliseconds / 1000),
    _ answer: () throws -> Answer?
) throws -> Answer {
    for _ in 0..<(seconds * 500) {
        if let found = try answer() { return found }
        usleep(2000)
    }
    if let found = try answer() { return found }
    throw WatchdogExpired(what())
}

/// Waits until `condition` holds.
public func eventually(_ what: @autoclosure () -> String, until condition: () throws -> Bool) throws {
    let _: Void = try eventually(what()) { try condition() ? () : nil }
}
