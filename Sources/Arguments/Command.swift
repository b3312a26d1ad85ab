public import Host

/// A command as its declaration describes it: the name, the help, and one call for each option. The reader of
/// command lines, the help, the man pages and the shell completions all come from this declaration.
///
/// The conforming type holds the values of the options, and its initial values are the defaults:
///
///     struct Greeting: Command {
///         static let commandName = "greet"
///         static let page = Page("Greet somebody.")
///         static let operands = Operands("NAME", count: 1...1)
///         var isLoud = false
///         var names: [String] = []
///
///         mutating func declare(_ options: inout Options) {
///             options.flag("loud", letter: "l", "Shout.", to: &isLoud)
///         }
///
///         mutating func take(_ operands: [String]) { names = operands }
///
///         func run() throws(Failure) { ... }
///     }
///
/// A program whose `run` lives in another target declares with `CommandDeclaration` alone.
public protocol CommandDeclaration: Sendable {
    /// The word that calls the command: "run".
    static var commandName: String { get }
    /// Other words that call the command.
    static var aliases: [String] { get }
    /// Whether neither the help nor a completion lists the command.
    static var isHidden: Bool { get }
    static var page: Page { get }
    static var operands: Operands { get }

    init()

    /// Declares the options, with one call for each. The reader calls this once for each option of a command
    /// line, and the help once for all.
    mutating func declare(_ options: inout Options)

    /// Declares options of another program that this one accepts without effect, or refuses with a reason.
    mutating func declareForeign(_ options: inout Options)

    /// Stores the operands. The reader has already checked their number.
    mutating func take(_ operands: [String])
}

/// A command that can be run.
public protocol Command: CommandDeclaration {
    /// Whether the command only groups the commands below it (`CommandGroup`).
    static var isGroup: Bool { get }

    /// Declares the commands below this one.
    static func declare(_ commands: inout Subcommands)

    /// The command line to write in place of `word`, a command that another program has and this one calls
    /// differently: "vmm image list" for docker's `images`.
    static func equivalent(of word: String) -> String?

    func run() throws(Failure)
}

/// A command whose only purpose is to group the commands below it. Without a subcommand, it prints its help.
public protocol CommandGroup: Command {}

extension CommandDeclaration {
    public static var aliases: [String] { [] }
    public static var isHidden: Bool { false }
    public static var operands: Operands { .none }

    public mutating func declareForeign(_ options: inout Options) {}
    public mutating func take(_ operands: [String]) {}
}

extension Command {
    public static var isGroup: Bool { false }
    public static func declare(_ commands: inout Subcommands) {}
    public static func equivalent(of word: String) -> String? { nil }
}

extension CommandGroup {
    public static var isGroup: Bool { true }
    public mutating func declare(_ options: inout Options) {}
    /// Does nothing: the dispatcher prints the help of a group instead of running it.
    public func run() throws(Failure) {}
}

/// The arguments of a command that are neither options nor their values.
public struct Operands: Sendable {
    /// Their place in the synopsis: "IMAGE [COMMAND [ARGUMENT]...]".
    public let synopsis: String
    /// How many there may be.
    public let count: ClosedRange<Int>
    /// Whether everything after the first operand is an operand too, as in `vmm run IMAGE ls -l`.
    public let endOptions: Bool
    /// The kind of the operands, for completion.
    public let value: Value

    public init(
        _ synopsis: String, count: ClosedRange<Int>, endOptions: Bool = false, value: Value = .text("")
    ) {
        self.synopsis = synopsis
        self.count = count
        self.endOptions = endOptions
        self.value = value
    }

    public static let none = Operands("", count: 0...0)
}

/// The prose of a command's help and man page.
public struct Page: Sendable {
    /// One sentence, a verb phrase: "Run a container in a virtual machine of its own."
    public let abstract: String
    /// Paragraphs, separated by empty lines. A paragraph whose lines are indented is shown as it is.
    public let discussion: String
    /// The exit statuses and their meanings.
    public let statuses: [ExitStatus]
    /// Options that a command line must have, for the synopsis: "--kernel FILE".
    public let required: String

    public init(
        _ abstract: String, _ discussion: String = "", required: String = "", statuses: [ExitStatus] = []
    ) {
        self.abstract = abstract
        self.discussion = discussion
        self.required = required
        self.statuses = statuses
    }
}

/// An exit status and its meaning, as the help, the man page and the documents give it.
public struct ExitStatus: Sendable, Equatable {
    /// A number, or words for several: "128+n".
    public let status: String
    public let meaning: String

    public init(_ status: String, _ meaning: String) {
        self.status = status
        self.meaning = meaning
    }

    public init(_ kind: Failure.Kind, _ meaning: String) {
        self.init("\(kind.rawValue)", meaning)
    }
}

/// The commands below a command: a search for one of them, or the list of all.
public struct Subcommands {
    private let wanted: String?
    private(set) var found: (any Command.Type)?
    private(set) var listed: [any Command.Type] = []
    private(set) var isEmpty = true

    /// Searches for the command that `wanted` calls; nil lists all commands.
    init(wanted: String?) {
        self.wanted = wanted
    }

    public mutating func add(_ command: any Command.Type) {
        isEmpty = false
        guard let wanted else { return listed.append(command) }
        if found == nil, command.commandName == wanted || command.aliases.contains(wanted) { found = command }
    }
}
