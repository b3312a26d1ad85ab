import Arguments
import Host

/// A program with a command of each kind, for the tests.
struct SampleProgram: CommandGroup {
    static let commandName = "tool"
    static let page = Page("Do things.", "A paragraph.\n\n  a  verbatim\n  line")

    static func declare(_ commands: inout Subcommands) {
        commands.add(SampleCommand.self)
        commands.add(SampleGroup.self)
        commands.add(HiddenCommand.self)
    }

    static func equivalent(of word: String) -> String? { word == "begin" ? "tool start IMAGE" : nil }
}

struct SampleGroup: CommandGroup {
    static let commandName = "image"
    static let page = Page("Manage images.")

    static func declare(_ commands: inout Subcommands) { commands.add(ListCommand.self) }
}

struct ListCommand: Command {
    static let commandName = "list"
    static let aliases = ["ls"]
    static let page = Page("List images.")
    var isQuiet = false
    var names: [String] = []
    static let operands = Operands("NAME...", count: 1...2)

    mutating func declare(_ options: inout Options) {
        options.flag("quiet", letter: "q", "Print names only.", to: &isQuiet)
    }

    mutating func take(_ operands: [String]) { names = operands }

    func run() throws(Failure) { throw Failure(.software, "ran", because: "\(self)") }
}

struct HiddenCommand: Command {
    static let commandName = "secret"
    static let isHidden = true
    static let page = Page("Keep a secret.")

    mutating func declare(_ options: inout Options) {}

    func run() throws(Failure) {}
}

/// A command that has every kind of option, and whose options end at its first operand.
struct SampleCommand: Command, Equatable {
    enum Colour: String, CaseIterable {
        case red, green
    }

    static let commandName = "start"
    static let operands = Operands(
        "IMAGE [COMMAND]...", count: 1...Int.max, endOptions: true, value: .image("IMAGE"))

    static var page: Page {
        Page(
            "Start something.",
            "It's \"quoted\", has `code`, and C:\\back.\n\n.hidden\nfiles\n\n    verbatim -x",
            statuses: [ExitStatus("0", "well"), ExitStatus(.usage, "usage error")])
    }

    var isInteractive = false
    var hasTerminal = false
    var isInit = true
    var environment: [String] = []
    var name: String?
    var kernel = ""
    var directory = "/tmp"
    var count = 3
    var colour = Colour.red
    var operands: [String] = []

    mutating func declare(_ options: inout Options) {
        options.group("Process")
        options.flag("interactive", letter: "i", "Connect the input: yours.", to: &isInteractive)
        options.flag("tty", letter: "t", "Allocate a terminal.", to: &hasTerminal)
        options.flag("no-init", "Leave the init out.") { isInit = !$0 }
        options.value(
            "env", letter: "e", .text("NAME=VALUE"), "Set a variable [of many].", to: &environment)
        options.group("Machine")
        options.value("name", letter: "h", .text("NAME"), "Give it a name.", to: &name)
        options.value("kernel", .file("FILE"), "Boot this kernel, which is not vmm's own.", to: &kernel)
        options.value("directory", .directory("DIR"), "Keep files here.", to: &directory)
        options.value("count", letter: "c", .text("COUNT"), "Start so many.", to: &count)
        options.choice("colour", "COLOUR", "Paint it.", to: &colour)
    }

    mutating func declareForeign(_ options: inout Options) {
        options.refused("network", letter: "n", .none, unless: ["none"])
        options.refused("publish", letter: "p", .none)
        options.refusedFlag("detach", letter: "d", .none)
        options.refusedFlag("proxy", .none, unless: true)
        options.ignored("annotation")
        options.ignoredNumber("timeout")
        options.ignoredFlag("calm")
    }

    mutating func take(_ operands: [String]) { self.operands = operands }

    func run() throws(Failure) {}
}

extension RefusalReason {
    static let none = RefusalReason("there is none", isPlanned: true)
}
