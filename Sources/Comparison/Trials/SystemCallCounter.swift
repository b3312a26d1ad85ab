import CHost
import CMeasure
import Host
import Measure
import SystemPackage

/// Counts the system calls of all processes on this host, by the tracepoint raw_syscalls:sys_enter.
struct SystemCallCounter: ~Copyable {
    private let counters: [Int32]

    /// Starts counting. Throws a failure with the reason if this host does not support it.
    init() throws(Failure) {
        guard let identifier = Self.identifier() else {
            throw Failure(
                .unavailable, "cannot count system calls",
                because: "tracefs does not show raw_syscalls:sys_enter",
                cure: "As root: mount -t tracefs none /sys/kernel/tracing")
        }
        var counters: [Int32] = []
        for cpu in 0..<Int32(clamping: sysconf(Int32(_SC_NPROCESSORS_ONLN))) {
            let counter = cmeasure_count_tracepoint(identifier, cpu)
            guard counter >= 0 else {
                for opened in counters { close(opened) }
                throw Failure("cannot count system calls", errno: .init(rawValue: -counter))
            }
            counters.append(counter)
        }
        self.counters = counters
    }

    private static func identifier() -> UInt64? {
        let places = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"]
        func find() -> UInt64? {
            places.lazy.compactMap { KernelFile.number($0 + "/events/raw_syscalls/sys_enter/id") }.first
        }
        if let found = find() { return found }
        // The mount is visible only in this process's mount namespace.
        _ = unsafe CMeasure.mount("tracefs", places[0], "tracefs", 0, nil)
        return find()
    }

    /// The number of system calls so far.
    var count: UInt64 {
        counters.reduce(0) { sum, counter in
            var value: UInt64 = 0
            return unsafe read(counter, &value, 8) == 8 ? sum &+ value : sum
        }
    }

    deinit {
        for counter in counters { close(counter) }
    }
}
