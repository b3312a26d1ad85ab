import Foundation
import Host
import Logging
import Machine
import Synchronization
import TestSupport
import TinyGuests

/// A machine with a tiny guest, built and run to its end on a thread of its own, as `vmm boot
/// --allow-emulation` runs it.
///
/// It has no console: that would be the standard input and output of the tests. What guests say on consoles
/// is shown by the command's tests.
final class MachineRun: Sendable {
    let timings: Timings
    let log = MachineLog()
    private let kernel: TemporaryFile
    private let thread: Mutex<HostThread?> = Mutex(nil)
    private let result = Mutex<Result<MachineEnd, Failure>?>(nil)
    private let ended: EventFD

    private let tail = Mutex<[UInt8]>([])
    private let built = Mutex<Machine?>(nil)

    /// The machine, once it is built.
    var machine: Machine? { built.withLock { $0 } }

    /// Starts the guest called `name`, with `session` at its port, or lets it go on where `files` was saved.
    /// `change` sets up the rest of the configuration, and `prepare` changes the machine before it runs.
    init(
        _ name: String, session: (any AgentSession)? = nil, restoring files: SavedFiles? = nil,
        _ change: (inout MachineConfiguration) -> Void = { _ in },
        prepare: @escaping @Sendable (Machine) throws(Failure) -> Void = { _ in }
    ) throws {
        kernel = try TemporaryFile(tinyGuestImage(name))
        timings = Timings(processStart: .now())
        ended = try EventFD()
        var configuration = MachineConfiguration(kernel: kernel.path)
        configuration.memoryByteCount = 16 << 20
        configuration.console = .none
        change(&configuration)
        // One thread builds it and runs it: that is the one whose signals it looks at.
        var started: HostThread? = try HostThread(named: "machine") { [self, configuration] in
            let outcome = run(configuration, session, files, prepare)
            result.withLock { $0 = outcome }
            ended.signal()
        }
        thread.withLock { $0 = started.take() }
    }

    private func run(
        _ configuration: MachineConfiguration, _ session: (any AgentSession)?, _ files: SavedFiles?,
        _ prepare: (Machine) throws(Failure) -> Void
    ) -> Result<MachineEnd, Failure> {
        do throws(Failure) {
            let machine = try makeMachine(configuration, session, files)
            defer { tail.withLock { $0 = machine.consoleTail } }
            try prepare(machine)
            built.withLock { $0 = machine }
            return .success(machine.run())
        } catch {
            return .failure(error)
        }
    }

    private func makeMachine(
        _ configuration: MachineConfiguration, _ session: (any AgentSession)?, _ files: SavedFiles?
    ) throws(Failure) -> Machine {
        let start = MachineStart(timings: timings)
        guard let files else {
            return try Machine(
                configuration, from: start, session: session, timings: timings, logger: log.logger,
                allowsEmulation: true)
        }
        let memory: OwnedDescriptor
        do { memory = try OwnedDescriptor(opening: files.memory.path, for: .reading) } catch {
            throw Failure("cannot open the memory", errno: error)
        }
        return try Machine(
            restoring: try SavedMachine(state: files.state, memory: memory), configuration, from: start,
            session: session, timings: timings, logger: log.logger, allowsEmulation: true)
    }

    /// Waits until the guest says that it is up, by mark 1.
    func waitForUserland() throws {
        try eventually("the guest's first mark") { timings.nanoseconds(to: .userland) != nil }
    }

    /// Sends the machine's thread a signal.
    func signal(_ number: Int32) {
        thread.withLock { $0?.interrupt(with: number) }
    }

    /// What the machine kept of its console, once it has ended.
    var consoleTail: [UInt8] { tail.withLock { $0 } }

    /// Waits for the machine's end, or throws what kept it from starting.
    func end() throws -> MachineEnd {
        guard ended.wait(milliseconds: WatchdogExpired.milliseconds) else {
            throw WatchdogExpired("the machine's end")
        }
        thread.withLock { $0.take() }?.join()
        return try result.withLock { $0! }.get()
    }
}

/// The image of the guest called `name`, an ELF file.
func tinyGuestImage(_ name: String) throws -> [UInt8] {
    for index in 0..<tiny_guest_count() {
        let guest = unsafe tiny_guest_at(index)
        guard unsafe String(cString: guest.name) == name else { continue }
        return unsafe Array(UnsafeRawBufferPointer(start: guest.bytes, count: guest.byte_count))
    }
    throw CocoaError(.fileNoSuchFile)
}

/// What a machine logs, and the guest's marks among it.
final class MachineLog: Sendable {
    private let lines = Mutex<[String]>([])

    var all: [String] { lines.withLock { $0 } }

    /// The bytes that the guest wrote to the mark port, without the 1 that tells of user space.
    var marks: [Int] {
        all.compactMap { line in
            line.split(separator: "the guest wrote boot marker ").last.flatMap { Int($0) }
        }
    }

    fileprivate func note(_ line: String) { lines.withLock { $0.append(line) } }

    var logger: Logger { Logger(label: "test") { [self] _ in Handler(record: self) } }

    private struct Handler: LogHandler {
        let record: MachineLog
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.debug

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) { record.note("\(event.message)") }
    }
}

extension MachineLog {
    /// Mark 0x7F: every check of the guest held. 0x80 | n: check n did not.
    static let passed = 0x7F
}
