import AgentProtocol
public import Host
public import Logging
public import Machine
import Synchronization
public import Template

/// The machine of a container and the session with its guest's agent: restored from the template of its
/// image, or started cold. A cold start makes the template, if there is to be one.
public struct ContainerMachine {
    public let machine: Machine
    public let session: ContainerSession
    /// The template that the machine was restored from.
    private var template: MachineTemplate?
    /// Whether the template does not know yet which pages its machines write first.
    private var isFirst = false

    /// Everything that a machine is made of.
    public struct Parts: Sendable {
        public var plan: ContainerPlan
        public var configuration: MachineConfiguration
        /// The template of such machines; nil if they start cold. `obstacle` then says why.
        public var template: MachineTemplate?
        public var obstacle: String?
        /// Whether the run fails if no template can be made.
        public var requiresTemplate: Bool
        public var timings: Timings
        public var logger: Logger
        public var allowsEmulation: Bool

        public init(
            _ plan: ContainerPlan, _ configuration: MachineConfiguration, template: MachineTemplate?,
            obstacle: String?, requiresTemplate: Bool, allowsEmulation: Bool, timings: Timings,
            logger: Logger
        ) {
            self.plan = plan
            self.configuration = configuration
            self.template = template
            self.obstacle = obstacle
            self.requiresTemplate = requiresTemplate
            self.allowsEmulation = allowsEmulation
            self.timings = timings
            self.logger = logger
        }
    }

    /// Makes the machine that `start` has begun.
    ///
    /// A template that cannot be used is removed, and the machine starts cold: that costs another VM.
    public static func make(_ parts: Parts, from start: MachineStart) throws(Failure) -> ContainerMachine {
        guard let template = parts.template else {
            parts.note(.cold(because: parts.obstacle ?? "no template was asked for"))
            return try make(cold: parts, from: start)
        }
        do throws(Failure) {
            if let restored = try restore(template, parts, from: start) {
                parts.note(.template)
                return restored
            }
        } catch {
            // Without KVM no machine starts, and the template is not to blame.
            try start.requireVM()
            parts.logger.warning("the template is removed: \(error)")
            template.remove()
            parts.note(.cold(because: "the template could not be used"))
            return try make(template, parts, from: MachineStart(timings: parts.timings))
        }
        parts.note(.cold(because: "there was no template of this machine"))
        return try make(template, parts, from: start)
    }

    /// Restores the machine of the template. Returns nil if there is no template yet.
    private static func restore(
        _ template: MachineTemplate, _ parts: Parts, from start: MachineStart
    ) throws(Failure) -> ContainerMachine? {
        guard let saved = try template.open() else { return nil }
        let session = try ContainerSession(
            parts.plan, timings: parts.timings, isRestored: true, logger: parts.logger)
        let machine = try Machine(
            restoring: saved, parts.configuration, from: start, session: session, timings: parts.timings,
            logger: parts.logger, allowsEmulation: parts.allowsEmulation)
        return ContainerMachine(
            machine: machine, session: session, template: template, isFirst: !saved.knowsWorkingPages)
    }

    /// Lets the template of the machine, which has ended, learn from it. A failure means that the next
    /// machine starts no faster.
    ///
    /// If the guest failed before it started the container's process, removes the template: its memory may
    /// be damaged, and then every other start would fail too.
    public func teachTemplate() {
        guard let template else { return }
        guard !session.guestFailedToStart else { return template.remove() }
        if isFirst { try? template.noteWorkingPages(of: machine) }
    }

    /// Starts cold, and makes the template when the guest has prepared itself.
    private static func make(
        _ template: MachineTemplate, _ parts: Parts, from start: MachineStart
    ) throws(Failure) -> ContainerMachine {
        let made = MadeMachine()
        let new = try make(cold: parts, from: start) { made.makeTemplate(template, parts) }
        made.set(new.machine, new.session)
        return new
    }

    private static func make(
        cold parts: Parts, from start: MachineStart, whenPrepared: (@Sendable () -> Void)? = nil
    ) throws(Failure) -> ContainerMachine {
        let session = try ContainerSession(
            parts.plan, timings: parts.timings, whenPrepared: whenPrepared, logger: parts.logger)
        let machine = try Machine(
            parts.configuration, from: start, session: session, timings: parts.timings,
            logger: parts.logger, allowsEmulation: parts.allowsEmulation)
        return ContainerMachine(machine: machine, session: session)
    }
}

extension ContainerMachine.Parts {
    fileprivate func note(_ origin: Timings.Origin) {
        timings.note(origin)
        logger.debug("the machine starts \(origin)")
    }
}

/// The machine, as the session's handler finds it: the session is made first.
private final class MadeMachine: Sendable {
    private struct State {
        weak var machine: Machine?
        weak var session: ContainerSession?
    }

    private let state = Mutex(State())

    func set(_ machine: Machine, _ session: ContainerSession) {
        state.withLock { $0 = State(machine: machine, session: session) }
    }

    /// Makes the template of the machine, which goes on afterwards. If that fails, the user gets a note, or
    /// the run fails if it must not do without.
    func makeTemplate(_ template: MachineTemplate, _ parts: ContainerMachine.Parts) {
        let (machine, session) = state.withLock { ($0.machine, $0.session) }
        guard let machine else { return }
        do throws(Failure) {
            let isNew = try template.make(of: machine)
            parts.logger.debug(
                isNew ? "made a template of the machine" : "another process makes the template")
        } catch {
            guard parts.requiresTemplate else {
                return parts.logger.warning("no template was made: \(error)")
            }
            // Such a message is one line.
            let message = "no template was made: \(error.what): \(error.why)"
            session?.finish(.notStarted(StartFailure(.setUp, message)))
        }
    }
}
