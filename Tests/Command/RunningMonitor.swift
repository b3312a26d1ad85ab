import Foundation
import TestSupport

/// A monitor whose vCPUs run.
final class RunningMonitor: Sendable {
    let child: ChildProcess

    init(_ command: [String], input: Int32? = nil, output: Int32? = nil, error: Int32? = nil) throws {
        let child = try ChildProcess(
            command, input: input, output: output, error: error, hasOwnGroup: true)
        self.child = child
        try eventually("the vCPU of \(command)") {
            guard child.isRunning else { throw EndedEarly(ending: child.ending) }
            return Tasks(of: child.identifier).named("vcpu0") != nil
        }
    }

    struct EndedEarly: Error { let ending: ChildProcess.Ending? }

    /// Waits until the guest's first CPU is halted: its thread sleeps, and its CPU time has not changed
    /// between two checks.
    func waitForHalt() throws {
        let tasks = Tasks(of: child.identifier)
        var last: UInt64?
        try eventually("a halted vCPU") {
            guard let task = tasks.named("vcpu0"), tasks.state(of: task) == "S" else {
                last = nil
                return false
            }
            let time = tasks.cpuTime(of: task)
            defer { last = time }
            usleep(20_000)
            return time == last
        }
    }
}

/// The threads of a process, by proc(5).
struct Tasks {
    private let directory: String

    init(of process: pid_t) { directory = "/proc/\(process)" }

    /// Returns the thread ID of the thread `name`; nil if there is none.
    func named(_ name: String) -> String? {
        let tasks = (try? FileManager.default.contentsOfDirectory(atPath: directory + "/task")) ?? []
        return tasks.first { text("task/\($0)/comm") == name + "\n" }
    }

    /// Returns the state letter of a thread: R is running, S is sleeping.
    func state(of task: String) -> String? { fields(task).first }

    /// Returns a thread's CPU time in clock ticks: the sum of utime and stime.
    func cpuTime(of task: String) -> UInt64 {
        let all = fields(task)
        guard all.count > 12 else { return 0 }
        return (UInt64(all[11]) ?? 0) + (UInt64(all[12]) ?? 0)
    }

    /// Returns the value of a line of /proc/PID/status, in kibibytes.
    func kibibytes(_ label: String) -> Int {
        let line = text("status").split(separator: "\n").first { $0.hasPrefix(label + ":") }
        return line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) } ?? 0
    }

    /// Returns the fields of /proc/PID/task/TID/stat, from the third on.
    private func fields(_ task: String) -> [String] {
        let line = text("task/\(task)/stat")
        guard let end = line.lastIndex(of: ")") else { return [] }
        return line[line.index(after: end)...].split(separator: " ").map(String.init)
    }

    private func text(_ path: String) -> String {
        (try? String(contentsOfFile: directory + "/" + path, encoding: .utf8)) ?? ""
    }
}

/// A new mount namespace, for changes that must not affect the host of the tests.
enum Namespace {
    /// Returns the command line that runs the shell lines `preparation` and then `command` in a new mount
    /// namespace.
    static func command(_ preparation: [String], _ command: [String]) -> [String] {
        let script = (["set -e"] + preparation + [#"exec "$@""#]).joined(separator: "\n")
        let flags = geteuid() == 0 ? ["--mount"] : ["--mount", "--map-root-user"]
        return ["unshare"] + flags + ["sh", "-c", script, "sh"] + command
    }
}
