import Arguments
import Doctor
import Host

/// `vmm doctor`: reports what this host offers, and how to repair what is missing.
struct DoctorOptions: Command {
    static let commandName = "doctor"

    static var page: Page {
        Page(
            "Check what this host offers to micro-VMs.",
            statuses: [
                ExitStatus("0", "this host can boot Linux"), .usage, .unavailable, .output,
            ])
    }

    var json = false

    mutating func declare(_ options: inout Options) {
        options.flag("json", "Print JSON.", to: &json)
    }

    func run() throws(Failure) {
        let report = HostReport.ofThisHost()
        try StandardOutput.write(json ? report.json() : report.text(inColour: StandardOutput.takesColour))
        if !report.canBoot { ThisProcess.end(with: Failure.Kind.unavailable.rawValue) }
    }
}
