import Comparison
import Doctor
import Host

/// The monitor that a comparison measures.
enum MonitorProgram {
    /// The option by which `vmm compare` names itself, before all that the user wrote.
    private static let option = "--monitor"

    /// The places of `vmm`, relative to the directory of this program: beside it, and the one where
    /// `make install` puts it.
    private static let places = ["vmm", "../../bin/vmm"]

    /// Returns whether the monitor can be measured on this host. `path` is the monitor that the user or
    /// `vmm compare` named; nil to look for it.
    static func state(_ path: String?, _ doctor: HostReport) -> MonitorState {
        guard doctor.canBoot else {
            let missing = doctor.checks.first { $0.verdict == .missing }
            return .unusable(
                why: missing?.finding ?? "this host cannot boot Linux in a micro-VM",
                cure: missing?.cure ?? "vmm doctor")
        }
        guard let program = path ?? find() else {
            return .unusable(
                why: "no vmm is beside vmm-compare", cure: "Name it: vmm-compare --monitor FILE")
        }
        return .usable(program: (try? Files.resolved(program)) ?? program)
    }

    private static func find() -> String? {
        guard let own = try? Files.resolved("/proc/self/exe"), let slash = own.lastIndex(of: "/") else {
            return nil
        }
        return places.map { "\(own[...slash])\($0)" }.first { FileStatus(of: $0)?.isRegular == true }
    }

    /// Returns the command line by which the user can repeat the comparison.
    static func repetition(_ words: [String]) -> [String] {
        let isCalledByMonitor = words.count > 2 && words[1] == option
        return ["vmm", "compare"] + words.dropFirst(isCalledByMonitor ? 3 : 1)
    }
}
