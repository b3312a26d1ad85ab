import Glibc
import Host
import SystemPackage

/// A group that this process made and joined, and where it was before.
struct CgroupPlace: Sendable {
    static let prefix = "vmm-"

    /// The group that it was made in.
    let parent: String
    /// The controllers that limit it.
    let controllers: [String]

    private let group: String
    private let origin: String
    /// What bars the way back: the controllers that the group we came from was made to give to this one.
    private var given: [String] = []

    /// Makes the group `name` in `parent`, moves this process there, and gives it `limits` after `prepare`, which returns
    /// what has to be taken back from the group `origin` before this process can go back to it.
    init(
        in parent: String, called name: String, from origin: String, limits: [CgroupLimit],
        prepare: () throws(Errno) -> [String] = { [] }
    ) throws(Errno) {
        Self.sweep(parent)
        self.parent = parent
        controllers = limits.map(\.controller)
        group = parent + "/" + name
        self.origin = origin
        do throws(Errno) {
            try CgroupDirectory.make(group)
            try CgroupDirectory.write("\(getpid())", to: group + "/cgroup.procs")
            given = try prepare()
            for setting in limits.flatMap(\.settings) {
                try CgroupDirectory.write(setting.value, to: group + "/" + setting.file)
            }
        } catch {
            leave()
            throw error
        }
    }

    /// Removes what monitors left behind that were killed. A group with somebody in it cannot be removed.
    private static func sweep(_ parent: String) {
        for name in CgroupDirectory.groups(in: parent) where name.hasPrefix(prefix) {
            let digits = name.dropFirst(prefix.count).prefix { $0 != "-" }
            guard let owner = pid_t(digits), kill(owner, 0) < 0, Errno.current == .noSuchProcess else {
                continue
            }
            CgroupDirectory.remove(parent + "/" + name)
        }
    }

    /// Goes back and removes the group. Where the way back stays barred, because others live by what the group that we
    /// came from gives, the empty group stays for its manager or the next monitor to remove.
    func leave() {
        if !given.isEmpty, CgroupDirectory.groups(in: origin).count == 1 {
            try? CgroupDirectory.take(given, from: origin)
        }
        try? CgroupDirectory.write("\(getpid())", to: origin + "/cgroup.procs")
        CgroupDirectory.remove(group)
    }
}

/// Why a group could not be had, in a line.
struct CgroupError: Error {
    let text: String

    init(_ text: String) { self.text = text }

    /// No group can be made in `parent`.
    init(_ parent: String, _ cause: Errno) { text = "\(parent): \(cause.description.lowercased())" }
}
