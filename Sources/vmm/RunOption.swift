import Containers

/// An option of `vmm run` without a value.
enum RunFlag: String, CaseIterable {
    case interactive
    case terminal = "tty"
    /// No effect: a container is always removed.
    case remove = "rm"
    case readOnly = "read-only"
    /// On by default; `--init=false` switches it off.
    case initProcess = "init"
    case noInit = "no-init"
    case privileged
    case quiet
    case allowEmulation = "allow-emulation"
    case allowOutsideRoot = "allow-outside-root"

    init?(letter: Character) {
        switch letter {
        case "i": self = .interactive
        case "t": self = .terminal
        case "q": self = .quiet
        default: return nil
        }
    }
}

/// An option of `vmm run` with a value.
enum RunOption: String, CaseIterable {
    case name
    case environment = "env"
    case environmentFile = "env-file"
    case workingDirectory = "workdir"
    case user
    case group = "group-add"
    case hostname
    case label
    case labelFile = "label-file"
    case memory
    case memorySwap = "memory-swap"
    case cpus
    case processLimit = "pids-limit"
    case temporary = "tmpfs"
    case sharedMemory = "shm-size"
    case mount
    case volume
    case storageOption = "storage-opt"
    case addedCapability = "cap-add"
    case droppedCapability = "cap-drop"
    case limit = "ulimit"
    case securityOption = "security-opt"
    case device
    case sysctl
    case domainname
    case stopSignal = "stop-signal"
    case entrypoint
    case writable
    case kernel
    case initrd
    case append
    case pull
    case maxImportSize = "max-import-size"
    case timings
    case logLevel = "log-level"

    init?(letter: Character) {
        switch letter {
        case "e": self = .environment
        case "h": self = .hostname
        case "l": self = .label
        case "w": self = .workingDirectory
        case "u": self = .user
        case "v": self = .volume
        case "m": self = .memory
        default: return nil
        }
    }
}

extension RunOptions {
    mutating func set(_ flag: RunFlag, to isOn: Bool) {
        switch flag {
        case .interactive: isInteractive = isOn
        case .terminal: hasTerminal = isOn
        case .remove: break
        case .readOnly: isReadOnly = isOn
        case .initProcess: if !isOn { runsAsInit = true }
        case .noInit: runsAsInit = isOn
        case .privileged: isPrivileged = isOn
        case .quiet: isQuiet = isOn
        case .allowEmulation: allowsEmulation = isOn
        case .allowOutsideRoot: allowsOutsideRoot = isOn
        }
    }

    mutating func set(_ option: RunOption, to value: String) {
        switch option {
        case .name: name = value
        case .environment: environment.append(value)
        case .environmentFile: environmentFiles.append(value)
        case .workingDirectory: workingDirectory = value
        case .user: user = value
        case .group: groups.append(value)
        case .hostname: hostname = value
        case .label: labels.append(value)
        case .labelFile: labelFiles.append(value)
        case .memory: memory = value
        case .memorySwap: memorySwap = value
        case .cpus: cpus = value
        case .processLimit: processLimit = value
        case .temporary: temporaryFileSystems.append(value)
        case .sharedMemory: sharedMemory = value
        case .mount: mounts.append(value)
        case .volume: volumes.append(value)
        case .storageOption: storageOptions.append(value)
        case .addedCapability: addedCapabilities.append(value)
        case .droppedCapability: droppedCapabilities.append(value)
        case .limit: resourceLimits.append(value)
        case .securityOption: securityOptions.append(value)
        case .device: devices.append(value)
        case .sysctl: sysctls.append(value)
        case .domainname: domainname = value
        case .stopSignal: stopSignal = value
        case .entrypoint: entrypoint = value
        case .writable: writable = value
        case .kernel: kernel = value
        case .initrd: initramfs = value
        case .append: append = value
        case .pull: pull = value
        case .maxImportSize: maxImportSize = value
        case .timings: timings = value
        case .logLevel: logLevel = value
        }
    }
}
