import AgentProtocol
import Host
import Images

/// The instructions for the agent.
extension RunOptions {
    func container(
        _ image: ImageConfiguration, hostname: String, writable: WritableLayer, security: SecurityOptions
    ) throws(Failure) -> ContainerSpecification {
        var container = ContainerSpecification(hostname: hostname, writable: writable.layer)
        container.isRootReadOnly = isReadOnly
        container.firstProcessIsInit = runsAsInit
        container.maskedPaths = security.maskedPaths
        container.readOnlyPaths = security.readOnlyPaths
        for text in devices {
            if let device = try DeviceOption(text).device { container.devices.append(device) }
        }
        if isPrivileged { container.mounts.append(.allDevices) }
        for mount in try temporaryMounts() {
            container.mounts.removeAll { $0.target == mount.target }
            container.mounts.append(mount)
        }
        for volume in try image.volumes + anonymousVolumes()
        where !container.mounts.contains(where: { $0.target == volume }) {
            if let mount = mount(volume: volume, writable: writable) { container.mounts.append(mount) }
        }
        return container
    }

    /// Makes the mount of a volume of the image; returns nil if it needs none.
    ///
    /// A volume lies in the writable layer, which belongs to this container alone and ends with it, like an
    /// anonymous volume under `--rm`. A mount is needed only in two cases: a tmpfs if there is no writable
    /// layer, and a bind mount of the volume's path on itself, which stays writable, if the root is
    /// read-only.
    private func mount(volume: String, writable: WritableLayer) -> ContainerSpecification.Mount? {
        guard volume.hasPrefix("/"), volume != "/" else { return nil }
        if case .none = writable.layer {
            return .init(type: "tmpfs", source: "tmpfs", target: volume)
        }
        guard isReadOnly else { return nil }
        return .init(
            type: "bind", source: volume, target: volume, flags: ContainerSpecification.Mount.bind)
    }

    func process(
        _ image: ImageConfiguration, hostname: String, security: SecurityOptions, host: ContainerPlan.Host
    ) throws(Failure) -> ProcessSpecification {
        let capabilities = try capabilities()
        var process = ProcessSpecification(
            arguments: try arguments(image),
            environment: try environment(image, hostname: hostname, host: host),
            capabilities: .init(capabilities.bits))
        process.workingDirectory = try directory(image)
        process.user = user ?? image.user
        process.groups = groups
        for text in resourceLimits { process.limits.append(try .init(parsing: text)) }
        process.noNewPrivileges = security.noNewPrivileges
        process.terminal = hasTerminal ? host.terminalSize ?? TerminalSize(columns: 0, rows: 0) : nil
        process.hasInput = isInteractive
        return process
    }

    func capabilities() throws(Failure) -> CapabilitySet {
        let set = try CapabilitySet(adding: addedCapabilities, dropping: droppedCapabilities)
        return isPrivileged ? .all : set
    }

    /// Returns the entry point and its arguments. `--entrypoint` discards the image's entry point and its
    /// arguments; arguments of the user's replace the image's.
    private func arguments(_ image: ImageConfiguration) throws(Failure) -> [String] {
        let first = entrypoint.map { $0.isEmpty ? [] : [$0] } ?? image.entrypointWords
        let rest = command.isEmpty && entrypoint == nil ? image.command : command
        guard !(first + rest).isEmpty else {
            throw Failure(
                .usage, "cannot run \(self.image)",
                because: "neither it nor the command line says what to run",
                cure: "Name a command after the image.")
        }
        return first + rest
    }

    private func environment(
        _ image: ImageConfiguration, hostname: String, host: ContainerPlan.Host
    ) throws(Failure) -> [String] {
        var variables = ContainerEnvironment(hostname: hostname, hasTerminal: hasTerminal)
        for variable in image.environment { variables.set(variable) }
        for path in environmentFiles {
            let bytes = try host.file(path)
            for variable in try EnvironmentFile.variables(bytes, path: path, host: host.variable) {
                variables.set(variable)
            }
        }
        for text in environment { try variables.add(text, host: host.variable) }
        return variables.list
    }

    private func directory(_ image: ImageConfiguration) throws(Failure) -> String {
        guard let workingDirectory else {
            let own = image.workingDirectory
            return own.hasPrefix("/") ? own : "/" + own
        }
        guard workingDirectory.hasPrefix("/") else {
            throw .invalid(
                workingDirectory, for: "--workdir", because: "the path does not begin with /",
                cure: "Write a path from the container's root.")
        }
        return workingDirectory
    }
}
