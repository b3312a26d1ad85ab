import AgentProtocol
public import Host
public import Images

/// The parts of a bundle's configuration that an image's configuration does not have (OCI runtime 1.2,
/// config.md). A bundle's `process.terminal` is ignored: as with every image, the user decides whether the
/// process has a terminal.
extension BundleConfiguration {
    /// The destinations that every container mounts anyway; a bundle's mounts on them are ignored.
    private static let usualMounts = [
        "/proc", "/sys", "/sys/fs/cgroup", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue",
    ]

    /// Refuses mounts that the bundle asks for and a container cannot have, and a host name that is not
    /// valid.
    ///
    /// Reads nothing but the bundle's configuration, so an import can call it first.
    public func check() throws(Failure) {
        for mount in mounts where !Self.usualMounts.contains(mount.destination) {
            _ = try ContainerSpecification.Mount(mount)
        }
        guard hostname.isEmpty || HostName.isValid(hostname) else {
            throw Failure(
                .badInput, "cannot use the host name '\(hostname.brief)' of the bundle's config.json",
                because: HostName.rule)
        }
    }

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

    /// The types of file systems that a bundle may mount: those that show a container only its own data.
    /// `none` and `bind` are for directories of the host, and a stranger's bundle may not choose a file
    /// system on a disk of the VM.
    fileprivate static let mountTypes = ["proc", "sysfs", "tmpfs", "devpts", "mqueue", "cgroup", "cgroup2"]
}

extension BundleConfiguration.Capabilities {
    fileprivate func sets() throws(Failure) -> ProcessSpecification.Capabilities {
        var sets = ProcessSpecification.Capabilities(try CapabilitySet(only: bounding).bits)
        sets.effective = try CapabilitySet(only: effective).bits
        sets.permitted = try CapabilitySet(only: permitted).bits
        sets.inheritable = try CapabilitySet(only: inheritable).bits
        sets.ambient = try CapabilitySet(only: ambient).bits
        try Self.check(sets.bounding | sets.effective | sets.permitted | sets.inheritable | sets.ambient)
        // `runc spec` writes ambient capabilities that are not inheritable. Linux refuses these
        // (capabilities(7), Ambient), and runc starts the process without them.
        sets.ambient &= sets.permitted & sets.inheritable
        return sets
    }

    /// Refuses capabilities outside the usual set: only the user may add these.
    private static func check(_ bits: UInt64) throws(Failure) {
        let unusual = CapabilitySet.names(bits & ~CapabilitySet.usual.bits)
        guard !unusual.isEmpty else { return }
        throw Failure(
            .badInput, "cannot grant the capabilities that the bundle requests",
            because: "containers do not have \(unusual.map { "CAP_" + $0 }.briefList) by default",
            cure: unusual.count > 8
                ? "Grant all capabilities: --cap-add ALL"
                : "Grant these: " + unusual.map { "--cap-add " + $0 }.joined(separator: " "))
    }
}

extension ProcessSpecification.ResourceLimit {
    fileprivate init(_ limit: BundleConfiguration.ResourceLimit) throws(Failure) {
        let name = limit.type.lowercased()
        let what = "cannot set the bundle's resource limit \(limit.type.brief)"
        guard name.hasPrefix("rlimit_"), let number = Self.number(of: name.dropFirst(7)) else {
            throw Failure(.badInput, what, because: "Linux has no such limit")
        }
        guard limit.soft <= limit.hard else {
            throw Failure(.badInput, what, because: "the soft limit exceeds the hard limit")
        }
        self.init(resource: number, soft: limit.soft, hard: limit.hard)
    }
}

extension ContainerSpecification.Mount {
    fileprivate init(_ mount: BundleConfiguration.Mount) throws(Failure) {
        let isBind = mount.type == "bind" || mount.options.contains { $0 == "bind" || $0 == "rbind" }
        guard !isBind, mount.destination.hasPrefix("/") else {
            throw Self.refused(mount, "sharing directories of the host is not supported yet")
        }
        guard BundleConfiguration.mountTypes.contains(mount.type) else {
            throw Self.refused(mount, "a bundle may not mount file systems of type '\(mount.type.brief)'")
        }
        self.init(type: mount.type, source: mount.source, target: mount.destination)
        let own = mount.options.filter { !take($0) && !Self.isPropagation($0) }
        options = own.joined(separator: ",")
    }

    private static func refused(_ mount: BundleConfiguration.Mount, _ why: String) -> Failure {
        Failure(
            .badInput, "cannot mount \(mount.source.brief) on \(mount.destination.brief)", because: why,
            cure: "Remove the mount from the bundle's config.json.")
    }

    /// Whether `word` is a propagation option, which is ignored: in a VM there is no other mount namespace to
    /// propagate to.
    private static func isPropagation(_ word: String) -> Bool {
        ["private", "rprivate", "slave", "rslave", "shared", "rshared", "unbindable"].contains(word)
    }
}

extension ImageStore {
    /// Opens the user's store. It refuses to import bundles that ask for what a container cannot have.
    public static func openForContainers(at path: String? = nil) throws(Failure) -> ImageStore {
        var store = try open(at: path)
        store.bundleCheck = { (bundle) throws(Failure) in try bundle.check() }
        return store
    }
}
