import AgentProtocol
import Testing

@Suite("Records of the kernel's log")
struct KernelRecordTests {
    private func killed(_ record: String) -> String? {
        KernelRecord(Array(record.utf8)[...])?.killedProcess.map { String(decoding: $0, as: UTF8.self) }
    }

    private static let end =
        " total-vm:64016kB, anon-rss:61800kB, file-rss:4kB, UID:0 pgtables:160kB oom_score_adj:0\n"

    @Test("a process killed for lack of memory is named, whatever its name contains")
    func killed() {
        for name in ["tail", "a b", "(x) total", ") (", "", "\\x1b[2J"] {
            let record = "3,339,5140900,-;Out of memory: Killed process 12 (\(name))" + Self.end
            #expect(killed(record) == name, "\(record)")
        }
        let allocating = "3,1,2,-;Out of memory (oom_kill_allocating_task): Killed process 5 (sh)" + Self.end
        #expect(killed(allocating) == "sh")
    }

    @Test(
        "all other records are ignored",
        arguments: [
            "", ";", "3", "3,1,2,-;", "6,1,2,-;Linux version 6.12",
            "x,1,2,-;Out of memory: Killed process 1 (a) total-vm:",
            // Written by a process: facility LOG_USER.
            "11,1,2,-;Out of memory: Killed process 12 (forged)" + end,
            // A cgroup that the container made itself.
            "3,1,2,-;Memory cgroup out of memory: Killed process 12 (tail)" + end,
            "3,1,2,-;said: Out of memory: Killed process 12 (tail)" + end,
            "3,1,2,-;Out of memory: Killed process 12 (tail",
            "3,1,2,-;Out of memory: Killed process 12\n (x) total-vm:",
        ])
    func others(record: String) { #expect(killed(record) == nil) }
}
