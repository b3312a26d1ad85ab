import AgentProtocol
import Host

/// What a bundle says beyond an image's configuration (OCI runtime 1.2, config.md). Whether the process has a terminal is
/// for the user to say, as with every other image.
extension BundleConfiguration {
    /// What every container has there anyway.
    private static let usualMounts = [
        "/proc", "/sys", "/sys/fs/cgroup", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue",
    ]

    func complete(_ container: inout ContainerSpecification) throws(Failure) {
        container.isRootReadOnly = container.isRootReadOnly || isRootReadOnly
        container.maskedPaths = maskedPaths
        container.readOnlyPaths = readOnlyPaths
        for mount in mounts where !Self.usualMounts.contains(mount.destination) {
            guard !container.mounts.contains(where: { $0.target == mount.destination }) else { continue }
            container.mounts.append(try ContainerSpecification.Mount(mount))
        }
    }

    func complete(_ process: inout ProcessSpecification, _ options: RunOptions) throws(Failure) {
        if options.user == nil { process.groups = user.additionalGroupIDs.map { "\($0)" } + process.groups }
        process.noNewPrivileges = process.noNewPrivileges || noNewPrivileges
        for limit in limits {
            let limit = try ProcessSpecification.ResourceLimit(limit)
            if !process.limits.contains(where: { $0.resource == limit.resource }) {
                process.limits.append(limit)
            }
        }
        if let capabilities, options.addedCapabilities.isEmpty, options.droppedCapabilities.isEmpty {
            process.capabilities = try capabilities.sets()
        }
    }
}

extension BundleConfiguration.Capabilities {
    fileprivate func sets() throws(Failure) -> ProcessSpecification.Capabilities {
        var sets = ProcessSpecification.Capabilities(try CapabilitySet(only: bounding).bits)
        sets.effective = try CapabilitySet(only: effective).bits
        sets.permitted = try CapabilitySet(only: permitted).bits
        sets.inheritable = try CapabilitySet(only: inheritable).bits
        sets.ambient = try CapabilitySet(only: ambient).bits
        return sets
    }
}

extension ProcessSpecification.ResourceLimit {
    fileprivate init(_ limit: BundleConfiguration.ResourceLimit) throws(Failure) {
        let name = limit.type.lowercased()
        guard name.hasPrefix("rlimit_"), let number = Self.number(of: name.dropFirst(7)),
            limit.soft <= limit.hard
        else {
            throw Failure(
                .badInput, "cannot set the limit \(limit.type.printable)",
                because: "the bundle names one that there is not, or a soft limit above the hard one")
        }
        self.init(resource: number, soft: limit.soft, hard: limit.hard)
    }
}

extension ContainerSpecification.Mount {
    fileprivate init(_ mount: BundleConfiguration.Mount) throws(Failure) {
        let isBind = mount.type == "bind" || mount.options.contains { $0 == "bind" || $0 == "rbind" }
        guard !isBind, mount.destination.hasPrefix("/") else {
            throw Failure(
                .badInput, "cannot mount \(mount.source.printable) on \(mount.destination.printable)",
                because: "directories that are shared with the host are not there yet",
                cure: "Take the mount out of the bundle's config.json.")
        }
        self.init(type: mount.type, source: mount.source, target: mount.destination)
        let own = mount.options.filter { !take($0) && !Self.isPropagation($0) }
        options = own.joined(separator: ",")
    }

    /// A machine has nothing that mounts could be propagated to.
    private static func isPropagation(_ word: String) -> Bool {
        ["private", "rprivate", "slave", "rslave", "shared", "rshared", "unbindable"].contains(word)
    }
}
