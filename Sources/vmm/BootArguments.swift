/// The options of `vmm boot`, as the user wrote them.
struct BootArguments: Equatable {
    var kernel = ""
    var initrd: [String] = []
    var cmdline: String?
    var append: String?
    var memory = "256M"
    var cpus = "1"
    var disk: [String] = []
    var pmem: [String] = []
    var console = "auto"
    var timings: String?
    var logLevel = "warning"
    var allowEmulation = false
    var allowAnyKernel = false
}

extension BootArguments {
    /// Parses a plain, valid command line. Returns nil for any other one: ArgumentParser then parses it, and
    /// prints the help or the message.
    ///
    /// ArgumentParser finds its options by reflection. That costs about 12 million instructions, more than
    /// the rest of a start, and starts are the figure by which this program is judged. `BootArgumentsTests`
    /// checks that both parsers agree.
    init?(plain arguments: ArraySlice<String>) {
        self.init()
        var rest = arguments
        while let word = rest.popFirst() {
            if word == "--allow-emulation" {
                allowEmulation = true
                continue
            }
            if word == "--allow-any-kernel" {
                allowAnyKernel = true
                continue
            }
            guard word.hasPrefix("--"), let option = Option(rawValue: String(word.dropFirst(2))),
                let value = rest.popFirst(), value != "--", option.takesAnything || !value.hasPrefix("-")
            else { return nil }
            set(option, to: value)
        }
        if kernel.isEmpty { return nil }
    }

    private enum Option: String {
        case kernel, initrd, cmdline, append, memory, cpus, disk, pmem, console, timings
        case logLevel = "log-level"

        /// Whether the value may begin with a hyphen.
        var takesAnything: Bool {
            switch self {
            case .cmdline, .append, .memory, .cpus: true
            default: false
            }
        }
    }

    private mutating func set(_ option: Option, to value: String) {
        switch option {
        case .kernel: kernel = value
        case .initrd: initrd.append(value)
        case .cmdline: cmdline = value
        case .append: append = value
        case .memory: memory = value
        case .cpus: cpus = value
        case .disk: disk.append(value)
        case .pmem: pmem.append(value)
        case .console: console = value
        case .timings: timings = value
        case .logLevel: logLevel = value
        }
    }
}
