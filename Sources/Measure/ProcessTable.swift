import CMeasure
import Glibc
import Host

/// The processes of this host, from /proc.
public enum ProcessTable {
    public static func all() -> [Int32] { names("/proc").compactMap { Int32($0) } }

    private static func names(_ directory: String) -> [String] { (try? Files.names(in: directory)) ?? [] }

    /// Returns `leaders` and all their descendants. A descendant whose parent has ended is missed.
    public static func descendants(of leaders: [Int32]) -> [Int32] {
        var children: [pid_t: [pid_t]] = [:]
        for process in all() {
            if let parent = parent(of: process) { children[parent, default: []].append(process) }
        }
        var found: [pid_t] = []
        var waiting = leaders
        while let next = waiting.popLast() {
            found.append(next)
            waiting += children[next] ?? []
        }
        return found
    }

    private static func parent(of process: pid_t) -> pid_t? {
        statistics(process).dropFirst().first.flatMap { pid_t($0) }
    }

    /// Returns the fields of /proc/PID/stat from the state on, the third field (proc(5)). The process's name,
    /// in brackets before them, may contain any character, brackets too.
    private static func statistics(_ process: pid_t) -> [Substring] {
        guard let text = KernelFile.text("/proc/\(process)/stat"), let end = text.lastIndex(of: ")") else {
            return []
        }
        return text[end...].split(separator: " ").dropFirst().map { $0 }
    }

    /// Returns the user and system time in clock ticks: utime and stime, the fields 14 and 15.
    public static func cpuTicks(_ process: Int32) -> Int {
        statistics(process).dropFirst(11).prefix(2).reduce(0) { $0 + (Int($1) ?? 0) }
    }

    /// Returns the children of the main thread of `process`, zombies too.
    public static func children(of process: Int32) -> [Int32] {
        let text = KernelFile.text("/proc/\(process)/task/\(process)/children") ?? ""
        return text.split(whereSeparator: \.isWhitespace).compactMap { pid_t($0) }
    }

    public static func threadCount(_ process: Int32) -> Int { names("/proc/\(process)/task").count }

    public static func descriptorCount(_ process: Int32) -> Int { names("/proc/\(process)/fd").count }

    /// Returns a sum over all mappings, such as "Pss", the proportional set size; nil if the process has
    /// ended or may not be inspected.
    public static func kibibytes(_ label: String, of process: Int32) -> Int? {
        KernelFile.number(after: label, in: "/proc/\(process)/smaps_rollup").map { Int($0) }
    }
}

/// This process.
public enum OwnProcess {
    /// Returns the environment, as NAME=VALUE.
    public static func environment() -> [String] {
        (KernelFile.text("/proc/self/environ") ?? "").split(separator: "\0").map(String.init)
    }

    /// Makes this process the parent of all its descendants whose own parents end
    /// (PR_SET_CHILD_SUBREAPER). Returns false if that failed.
    public static func adoptOrphans() -> Bool { cmeasure_adopt_orphans() == 0 }
}
