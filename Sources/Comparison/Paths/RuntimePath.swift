import Host
import Measure

/// The objects that all paths of a comparison share.
struct PathContext {
    let workspace: Workspace
    let tool: Tool
    let groups: ControlGroups?
    /// The path of the monitor's executable.
    let monitor: String
    /// The guest's kernel; nil for vmm's own.
    let kernel: String?
    /// Words to add to the command line of the guest's kernel.
    let append: String?

    /// The environment of the host's programs, as NAME=VALUE.
    var environment: [String] { tool.environment }
}

/// A run of a path.
struct Instance {
    let subject: Subject
    /// A name that is unique on this host.
    let name: String
    /// The directory of this instance alone.
    let directory: String
    /// Whether the command has all capabilities and unmasked system paths. Only for a command with a kernel
    /// of its own.
    var isPrivileged = false
}

/// A way to run a command of an image.
protocol RuntimePath: AnyObject {
    var name: String { get }
    var version: String { get }
    /// A description of how the command is run, for the report.
    var description: String { get }
    /// The files whose sizes count as the runtime's.
    var executables: [String] { get }
    /// Whether all processes of a run are descendants of the started process, so that their CPU time is known
    /// without a cgroup.
    var treeHoldsAll: Bool { get }
    /// Whether a daemon outside the path's cgroup may start its processes.
    var hasDaemon: Bool { get }

    /// Whether the command has a kernel of its own, whose panic does not affect the host.
    var hasOwnKernel: Bool { get }

    /// Whether vmm's own programs can run in the path and report their exit status.
    var runsOursInside: Bool { get }

    /// Prepares a subject, once, before its first run.
    func prepare(_ subject: Subject) throws(Failure)
    /// Prepares a run before the clock is read.
    func makeReady(_ instance: Instance, _ command: [String]) throws(Failure)
    /// Does the part of a run that happens in this process, after the clock is read.
    func mount(_ instance: Instance) throws(Failure)
    func launch(_ instance: Instance, _ command: [String]) -> Launch
    /// Returns the milestones of a run, as far as the path knows them.
    func milestones(_ instance: Instance, _ outcome: Outcome) -> Milestones
    /// Cleans up after a run, whatever its outcome.
    func cleanUp(_ instance: Instance, _ outcome: Outcome?)
    /// Returns the storage of the image for this path, in bytes.
    func imageByteCount(_ subject: Subject) -> Int?
    /// Cleans up once, at the end of the comparison.
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

/// The reason why a path is not measured, and what to do about it.
public struct Absence: Error, Sendable {
    public enum Kind: String, Sendable {
        /// The runtime is not installed.
        case absent
        /// The runtime is installed but does not work on this host.
        case broken
        /// A run exceeded its time limit.
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
