import Glibc
import Host
import SystemPackage

/// A group that this process made and joined, and where it was before.
struct CgroupPlace: Sendable {
    static let prefix = "vmm-"

    private let group: String
    private let origin: String

    /// Makes the group `name` in `parent`, moves this process there, and gives it `limits` after `prepare`.
    init(
        in parent: String, called name: String, from origin: String, limits: [CgroupLimit],
        prepare: () throws(Errno) -> Void = {}
    ) throws(CgroupError) {
        Self.sweep(parent)
        group = parent + "/" + name
        self.origin = origin
        do throws(Errno) {
            try CgroupDirectory.make(group)
            try CgroupDirectory.write("\(getpid())", to: group + "/cgroup.procs")
            try prepare()
            for setting in limits.flatMap(\.settings) {
                try CgroupDirectory.write(setting.value, to: group + "/" + setting.file)
            }
        } catch {
            leave()
            throw CgroupError("\(group): \(error.description.lowercased())")
        }
    }

    /// Removes what monitors left behind that were killed. A group with somebody in it cannot be removed.
    private static func sweep(_ parent: String) {
        for name in CgroupDirectory.names(in: parent, prefix: prefix) {
            let digits = name.dropFirst(prefix.count).prefix { $0 != "-" }
            guard let owner = pid_t(digits), kill(owner, 0) < 0, Errno.current == .noSuchProcess else {
                continue
            }
            CgroupDirectory.remove(parent + "/" + name)
        }
    }

    /// Goes back and removes the group. Where the way back is barred, because the group that we came from gives
    /// controllers to groups below it now, the empty group stays for its manager or the next monitor to remove.
    func leave() {
        try? CgroupDirectory.write("\(getpid())", to: origin + "/cgroup.procs")
        CgroupDirectory.remove(group)
    }
}

/// Why a group could not be had, in a line.
struct CgroupError: Error {
    let text: String

    init(_ text: String) { self.text = text }
}
