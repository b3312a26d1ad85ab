import ArgumentParser
import Doctor
import Host
import Machine

/// `vmm doctor`: reports what this host offers, and how to repair what is missing.
struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Say what this host offers to micro-VMs.",
        discussion: """
            Exit status: 0 when Linux can be booted here, 69 when something is missing, 74 when the output cannot be \
            written.
            """)

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        let report = HostReport.ofThisHost()
        let text = json ? report.json() : report.text(inColour: StandardOutput.takesColour)
        try StandardOutput.write(text)
        if !report.canBoot { throw ExitCode(Failure.Kind.unavailable.rawValue) }
    }
}
