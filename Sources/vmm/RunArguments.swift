import Containers
import Host

extension RunOptions {
    /// Reads a command line as docker's users write it: options up to the image, all the rest is the command's. Nil for
    /// one that asks for help or that is not understood; ArgumentParser knows what to say about it.
    ///
    /// As `BootArguments.init(plain:)`, this is here because ArgumentParser's reflection costs more than all the rest of
    /// a start; `RunArgumentsTests` holds the two against each other.
    init?(plain arguments: ArraySlice<String>) throws(Failure) {
        self.init()
        var rest = arguments
        while let word = rest.first, word.hasPrefix("-"), word != "-" {
            rest.removeFirst()
            if word == "--" { break }
            let isRead = word.hasPrefix("--") ? try long(word, &rest) : try short(word, &rest)
            if !isRead { return nil }
        }
        guard let image = rest.popFirst(), !image.isEmpty else { return nil }
        self.image = image
        command = Array(rest)
    }

    /// `--name`, `--name value`, `--name=value`.
    private mutating func long(_ word: String, _ rest: inout ArraySlice<String>) throws(Failure) -> Bool {
        let text = word.dropFirst(2)
        let name = String(text.prefix { $0 != "=" })
        try RunRefusal.check("--" + name)
        if let flag = RunFlag(rawValue: name), name.utf8.count == text.utf8.count {
            set(flag)
            return true
        }
        guard let option = RunOption(rawValue: name) else { return false }
        let joined = name.utf8.count < text.utf8.count ? String(text.dropFirst(name.count + 1)) : nil
        guard let value = joined ?? rest.popFirst() else { return false }
        set(option, to: value)
        return true
    }

    /// `-i`, `-it`, `-ite A=B`, `-eA=B`: letters that take no value, then perhaps one that does.
    private mutating func short(_ word: String, _ rest: inout ArraySlice<String>) throws(Failure) -> Bool {
        var letters = word.dropFirst()
        while let letter = letters.popFirst() {
            try RunRefusal.check("-\(letter)")
            if let flag = RunFlag(letter: letter) {
                set(flag)
                continue
            }
            guard let option = RunOption(letter: letter) else { return false }
            guard let value = letters.isEmpty ? rest.popFirst() : String(letters) else { return false }
            set(option, to: value)
            return true
        }
        return true
    }

    private mutating func set(_ flag: RunFlag) {
        switch flag {
        case .interactive: isInteractive = true
        case .terminal: hasTerminal = true
        case .remove, .initProcess: break
        case .readOnly: isReadOnly = true
        case .noInit: runsAsInit = true
        case .allowEmulation: allowsEmulation = true
        }
    }

    private mutating func set(_ option: RunOption, to value: String) {
        switch option {
        case .name: name = value
        case .environment: environment.append(value)
        case .environmentFile: environmentFiles.append(value)
        case .workingDirectory: workingDirectory = value
        case .user: user = value
        case .group: groups.append(value)
        case .hostname: hostname = value
        case .memory: memory = value
        case .cpus: cpus = value
        case .processLimit: processLimit = value
        case .temporary: temporaryFileSystems.append(value)
        case .addedCapability: addedCapabilities.append(value)
        case .droppedCapability: droppedCapabilities.append(value)
        case .limit: resourceLimits.append(value)
        case .securityOption: securityOptions.append(value)
        case .stopSignal: stopSignal = value
        case .entrypoint: entrypoint = value
        case .writable: writable = value
        case .kernel: kernel = value
        case .initrd: initramfs = value
        case .append: append = value
        case .pull: pull = value
        case .timings: timings = value
        case .logLevel: logLevel = value
        }
    }
}

/// Options without a value.
private enum RunFlag: String {
    case interactive
    case terminal = "tty"
    /// A container leaves nothing behind, whoever asks for it.
    case remove = "rm"
    case readOnly = "read-only"
    /// There is one unless it is refused.
    case initProcess = "init"
    case noInit = "no-init"
    case allowEmulation = "allow-emulation"

    init?(letter: Character) {
        switch letter {
        case "i": self = .interactive
        case "t": self = .terminal
        default: return nil
        }
    }
}

/// Options with a value.
private enum RunOption: String {
    case name
    case environment = "env"
    case environmentFile = "env-file"
    case workingDirectory = "workdir"
    case user
    case group = "group-add"
    case hostname
    case memory
    case cpus
    case processLimit = "pids-limit"
    case temporary = "tmpfs"
    case addedCapability = "cap-add"
    case droppedCapability = "cap-drop"
    case limit = "ulimit"
    case securityOption = "security-opt"
    case stopSignal = "stop-signal"
    case entrypoint
    case writable
    case kernel
    case initrd
    case append
    case pull
    case timings
    case logLevel = "log-level"

    init?(letter: Character) {
        switch letter {
        case "e": self = .environment
        case "w": self = .workingDirectory
        case "u": self = .user
        case "m": self = .memory
        default: return nil
        }
    }
}
