import Arguments
import CompareOptions
import Containers
import Host

/// The root command.
struct VMM: CommandGroup {
    static let commandName = "vmm"

    static var page: Page {
        Page(
            "Run containers and kernels in micro-VMs on Linux KVM.",
            """
            vmm run feels like docker run, and gives the container a kernel of its own. vmm boot boots a Linux \
            kernel. Both need /dev/kvm; vmm doctor checks whether this host has all they need.
            """)
    }

    static func declare(_ commands: inout Subcommands) {
        commands.add(RunOptions.self)
        commands.add(ImageCommand.self)
        commands.add(BootOptions.self)
        commands.add(CompareArguments.self)
        commands.add(DoctorOptions.self)
    }

    static func equivalent(of word: String) -> String? {
        switch word {
        case "images": "vmm image list"
        case "pull": "vmm image import NAME"
        case "load": "vmm image import FILE"
        case "rmi": "vmm image remove NAME"
        case "info": "vmm doctor"
        case "version": "vmm --version"
        default: nil
        }
    }
}

/// The exit statuses that commands share. README.md and SPECIFICATION.md have the same texts, and a test
/// compares them.
extension ExitStatus {
    static let usage = ExitStatus(.usage, "usage error")
    static let badInput = ExitStatus(.badInput, "a file cannot be used")
    static let missingInput = ExitStatus(.missingInput, "a file does not exist")
    static let unavailable = ExitStatus(.unavailable, "KVM is missing or lacks a feature")
    static let software = ExitStatus(.software, "vmm failed")
    static let host = ExitStatus(.host, "the host refused a call")
    static let output = ExitStatus(.output, "the output cannot be written")
    static let inUse = ExitStatus(.inUse, "a disk is in use")
    static let notPermitted = ExitStatus(.notPermitted, "not permitted")
    static let endedByUser = ExitStatus("130", "ended by the user")
}

/// The entry point. Runs a command, and turns its failure into one or two lines and an exit status of
/// sysexits.h.
@main
enum Main {
    static func main() {
        do throws(Failure) {
            try StandardDescriptors.openMissing()
            Signals.ignoreBrokenPipes()
            ThisProcess.shareOneMemoryPool()
            try VMM.start(CommandLine.arguments.dropFirst(), version: CompareArguments.version)
        } catch {
            StandardError.write("vmm: \(error)\n")
            // The status of `vmm run` is the container's, so a failure of vmm needs a status of its own.
            let isContainer = CommandLine.arguments.dropFirst().first == RunOptions.commandName
            ThisProcess.end(with: isContainer ? Run.failureStatus : error.kind.rawValue)
        }
    }
}
