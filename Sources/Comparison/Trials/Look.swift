import CHost
import CMeasure
import Host
import Measure

/// The command's own view of its surroundings, reported from inside.
enum Look {
    static func run() {
        say("kernel release", Kernel.release())
        say("processes in sight", "\(ProcessTable.all().count)")
        say("memory in sight", Decimal.bytes(Double(MemoryInfo.kibibytes("MemTotal") ?? 0) * 1024))
        say("CPUs in sight", "\(sysconf(Int32(_SC_NPROCESSORS_ONLN)))")
        say("device nodes", devices())
        say("disks", names("/sys/block"))
        say("network interfaces", names("/sys/class/net"))
        say("kernel log", kernelLog())
        say("kernel modules", modules())
        say("effective capabilities", capabilities())
        say("system call filter", filter())
        say("user IDs", users())
        say("kernel settings", access("/proc/sys/kernel/core_pattern"))
        say("reboot and panic by /proc/sysrq-trigger", access("/proc/sysrq-trigger"))
    }

    private static func say(_ name: String, _ value: String) {
        InsideProgram.say("see:" + name, value)
    }

    private static func names(_ directory: String) -> String {
        let names = (try? Files.names(in: directory)) ?? []
        if names.isEmpty { return FileStatus(of: directory) == nil ? "not shown" : "none" }
        let shown = names.prefix(6).joined(separator: " ")
        return names.count > 6 ? "\(shown) and \(names.count - 6) more" : shown
    }

    private static func devices() -> String {
        func isDevice(_ name: String) -> Bool { FileStatus(of: "/dev/" + name)?.isDevice == true }
        let count = ((try? Files.names(in: "/dev")) ?? []).count(where: isDevice)
        let notable = ["kmsg", "mem", "kvm", "fuse"].filter(isDevice)
        return notable.isEmpty ? "\(count)" : "\(count), \(notable.joined(separator: ", ")) among them"
    }

    /// Reports whether the kernel log can be read: SYSLOG_ACTION_SIZE_UNREAD needs the same permission as
    /// reading.
    private static func kernelLog() -> String {
        let size = cmeasure_kernel_log_size()
        return size < 0 ? "refused" : "can be read"
    }

    private static func modules() -> String {
        guard let text = KernelFile.text("/proc/modules") else {
            return "not shown: a kernel without modules"
        }
        let count = text.split(separator: "\n").count
        return count == 0 ? "none in sight" : "\(count) in sight"
    }

    private static func status(_ label: String) -> String? {
        let line = KernelFile.text("/proc/self/status")?.split(separator: "\n").first {
            $0.hasPrefix(label + ":")
        }
        return line?.split(whereSeparator: \.isWhitespace).dropFirst().first.map(String.init)
    }

    private static func capabilities() -> String {
        guard let text = status("CapEff"), let set = UInt64(text, radix: 16) else { return "not shown" }
        let notable = [
            (21, "SYS_ADMIN"), (16, "SYS_MODULE"), (17, "SYS_RAWIO"), (22, "SYS_BOOT"), (19, "SYS_PTRACE"),
        ]
        let names = notable.filter { set >> UInt64($0.0) & 1 == 1 }.map(\.1)
        let count = "\(set.nonzeroBitCount)"
        return names.isEmpty ? count : "\(count), with \(names.joined(separator: ", "))"
    }

    private static func filter() -> String {
        switch status("Seccomp") {
        case "0": "none"
        case "2": "seccomp"
        case let mode?: "mode \(mode)"
        case nil: "not shown"
        }
    }

    private static func users() -> String {
        let map =
            KernelFile.text("/proc/self/uid_map")?.split(whereSeparator: \.isWhitespace).map(String.init)
            ?? []
        return map.count == 3 && map[0] == "0" && map[1] == "0"
            ? "root is root of this kernel" : "mapped to others"
    }

    private static func access(_ path: String) -> String {
        let file = unsafe chost_open(path, O_WRONLY, 0)
        if file < 0 { return "refused" }
        close(file)
        return "can be written"
    }
}
