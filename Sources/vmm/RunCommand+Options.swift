import ArgumentParser
import Containers
import Host

extension RunCommand {
    /// Returns the options as `RunOptions.init(plain:)` returns them for the same command line.
    func options() throws -> RunOptions {
        var options = RunOptions()
        setProcess(&options)
        setMachine(&options)
        // ArgumentParser leaves everything from the first unknown word on in `words`.
        guard try options.read(words[...]) else { throw CleanExit.helpRequest(self) }
        return options
    }

    private func setProcess(_ options: inout RunOptions) {
        options.isInteractive = interactive
        options.hasTerminal = tty
        options.environment = env
        options.environmentFiles = envFile
        options.workingDirectory = workdir
        options.user = user
        options.groups = groupAdd
        options.entrypoint = entrypoint
        options.addedCapabilities = capAdd
        options.droppedCapabilities = capDrop
        options.resourceLimits = ulimit
        options.securityOptions = securityOpt
        options.isPrivileged = privileged
        options.devices = device
        options.sysctls = sysctl
        options.domainname = domainname
        options.stopSignal = stopSignal
        options.runsAsInit = noInit
        options.name = name
        options.hostname = hostname
        options.labels = label
        options.labelFiles = labelFile
    }

    private func setMachine(_ options: inout RunOptions) {
        options.isReadOnly = readOnly
        options.temporaryFileSystems = tmpfs
        options.sharedMemory = shmSize
        options.mounts = mount
        options.volumes = volume
        options.storageOptions = storageOpt
        options.writable = writable
        options.memory = memory
        options.memorySwap = memorySwap
        options.cpus = cpus
        options.processLimit = pidsLimit
        options.kernel = kernel
        options.initramfs = initrd
        options.append = append
        options.allowsEmulation = allowEmulation
        options.allowsOutsideRoot = allowOutsideRoot
        options.pull = pull
        options.isQuiet = quiet
        options.maxImportSize = maxImportSize
        options.timings = timings
        options.logLevel = logLevel
    }
}
