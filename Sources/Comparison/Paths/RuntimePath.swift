import Host

/// What all paths share while they are compared.
struct PathContext {
    let workspace: Workspace
    let tool: Tool
    let groups: ControlGroups?
    /// This executable, as it will be run.
    let monitor: String
    /// The guest's kernel, where the user named one.
    let kernel: String?
    /// Further words for the command line of the guest's kernel.
    let append: String?

    /// NAME=VALUE each, for programs of the host.
    var environment: [String] { tool.environment }
}

/// One run of a path.
struct Instance {
    let subject: Subject
    /// Unlike every other name on this host.
    let name: String
    /// Its own directory.
    let directory: String
    /// With every capability, and nothing of /proc kept from it: only where the command has a kernel of its own.
    var isPrivileged = false
}

/// A way to run a command in an image.
protocol RuntimePath: AnyObject {
    var name: String { get }
    var version: String { get }
    /// How the command is run, for the report.
    var description: String { get }
    /// The files whose size is the runtime's.
    var executables: [String] { get }
    /// What the CPU time of a run includes where there is no control group; nil where it cannot be told at all.
    var treeHoldsAll: Bool { get }
    /// Whether processes of it can live outside its control group, under a daemon's.
    var hasDaemon: Bool { get }

    /// Whether the command has a kernel of its own, so that a panic of it harms nobody.
    var hasOwnKernel: Bool { get }

    /// Whether programs of ours can run in it, and tell how they ended.
    var runsOursInside: Bool { get }

    /// Once for each subject, before the first run.
    func prepare(_ subject: Subject) throws(Failure)
    /// For each run, before the clock is read.
    func makeReady(_ instance: Instance, _ command: [String]) throws(Failure)
    /// For each run, after the clock is read: what the host has to do for it in this process.
    func mount(_ instance: Instance) throws(Failure)
    func launch(_ instance: Instance, _ command: [String]) -> Launch
    /// Where the time of a run went, from its own point of view.
    func milestones(_ instance: Instance, _ outcome: Outcome) -> Milestones
    /// After each run, however it went.
    func cleanUp(_ instance: Instance, _ outcome: Outcome?)
    /// What the image takes on disk for this path, in bytes.
    func imageByteCount(_ subject: Subject) -> Int?
    /// Once, at the end.
    func tearDown()
}

extension RuntimePath {
    var treeHoldsAll: Bool { true }
    var hasDaemon: Bool { false }
    var hasOwnKernel: Bool { false }
    var runsOursInside: Bool { true }

    func prepare(_ subject: Subject) throws(Failure) {}
    func mount(_ instance: Instance) throws(Failure) {}
    func tearDown() {}

    func milestones(_ instance: Instance, _ outcome: Outcome) -> Milestones {
        var milestones = Milestones()
        milestones.end("start", at: outcome.firstByte?.seconds(since: outcome.begin))
        return milestones
    }
}

/// Why a path is not measured, and what to do about it.
public struct Absence: Error, Sendable {
    public enum Kind: String, Sendable {
        /// It is not installed.
        case absent
        /// It is there and does not work on this host.
        case broken
        /// It did not end in time.
        case hung
    }

    public let path: String
    public let kind: Kind
    public let why: String
    public let cure: String?

    init(_ path: String, _ kind: Kind, _ why: String, cure: String? = nil) {
        self.path = path
        self.kind = kind
        self.why = why
        self.cure = cure
    }

    init(_ path: String, _ failure: Failure) {
        self.init(path, .broken, "\(failure.what): \(failure.why)", cure: failure.cure)
    }
}
