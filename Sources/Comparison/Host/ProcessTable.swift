/// The processes of this host, from /proc.
enum ProcessTable {
    static func all() -> [Int32] { Files.names(in: "/proc").compactMap { Int32($0) } }

    /// Returns `leaders` and all their descendants. A descendant whose parent has ended is missed.
    static func descendants(of leaders: [Int32]) -> [Int32] {
        var children: [Int32: [Int32]] = [:]
        for process in all() {
            if let parent = parent(of: process) { children[parent, default: []].append(process) }
        }
        var found: [Int32] = []
        var waiting = leaders
        while let next = waiting.popLast() {
            found.append(next)
            waiting += children[next] ?? []
        }
        return found
    }

    private static func parent(of process: Int32) -> Int32? {
        // The process's name, in brackets, may contain any character, brackets too.
        guard let text = Files.text("/proc/\(process)/stat"), let end = text.lastIndex(of: ")") else {
            return nil
        }
        return text[end...].split(separator: " ").dropFirst(2).first.flatMap { Int32($0) }
    }

    static func threadCount(_ process: Int32) -> Int { Files.names(in: "/proc/\(process)/task").count }

    /// Returns the proportional set size; nil if the process has ended or may not be inspected.
    static func pssByteCount(_ process: Int32) -> Int? {
        let line = Files.text("/proc/\(process)/smaps_rollup")?.split(separator: "\n").first {
            $0.hasPrefix("Pss:")
        }
        return line?.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 << 10 }
    }
}
