import CHost
import CMeasure
public import Host
import SystemPackage

/// Instances that run at the same time, and the readings of the clock.
///
/// Between the reading of the clock before an instance's start and the one after its end, this type allocates
/// no memory; output of the instances is read into buffers that exist already.
@safe
public final class Batch {
    /// The event that `wait` waits for.
    public enum Goal {
        /// Every instance has ended.
        case ends
        /// Every instance has written to its standard output or has ended.
        case firstBytes
    }

    public enum Result {
        case reached, outOfTime, interrupted
    }

    private enum Source: UInt64 {
        case output, error, end, interruption
    }

    private var members: [Member]
    private let epoll: OwnedDescriptor
    private let interruption: Interruption
    private nonisolated(unsafe) let events: UnsafeMutableBufferPointer<epoll_event>
    private var waiting = 0
    private var silent = 0
    private var isInterrupted = false

    public init(_ launches: [Launch], interruption: Interruption) throws(Failure) {
        members = []
        members.reserveCapacity(launches.count)
        for launch in launches { members.append(Member(try PreparedLaunch(launch))) }
        self.interruption = interruption
        let number = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard number >= 0 else { throw Failure("cannot make an epoll instance", errno: .current) }
        epoll = OwnedDescriptor(owning: number)
        unsafe events = .allocate(capacity: 64)
        try watch(interruption.rawValue, 0, .interruption)
        for index in members.indices {
            if let pipe = members[index].launch.output { try watch(pipe.readEnd, index, .output) }
            if let pipe = members[index].launch.error { try watch(pipe.readEnd, index, .error) }
        }
    }

    /// Starts instance `index`, whose time counts from `begin`. Then handles the events of the instances that
    /// run already.
    public func start(_ index: Int, begin: MonotonicTime) throws(Failure) {
        let spawn = MonotonicTime.now()
        do throws(Errno) {
            members[index].process = try members[index].launch.start()
        } catch {
            throw Failure("cannot start \(members[index].name)", errno: error)
        }
        members[index].begin = begin
        members[index].spawn = spawn
        members[index].launch.closeWriteEnds()
        waiting += 1
        silent += 1
        try watchEnd(of: index)
        serve(milliseconds: 0)
    }

    /// Handles events until the goal is reached, the deadline has passed or the user interrupts.
    public func wait(for goal: Goal, until deadline: MonotonicTime) -> Result {
        while true {
            if isInterrupted { return .interrupted }
            switch goal {
            case .ends: if waiting == 0 { return .reached }
            case .firstBytes: if silent == 0 { return .reached }
            }
            let now = MonotonicTime.now()
            if now >= deadline { return .outOfTime }
            let milliseconds = (deadline.nanoseconds &- now.nanoseconds) / 1_000_000 &+ 1
            serve(milliseconds: Int32(clamping: milliseconds))
        }
    }

    /// Handles events until every instance has ended or `seconds` have passed. An interruption by the user
    /// does not end this wait.
    public func waitForEnds(seconds: Double) {
        let deadline = MonotonicTime.now().adding(seconds: seconds)
        isInterrupted = false
        while waiting > 0, wait(for: .ends, until: deadline) == .interrupted { isInterrupted = false }
    }

    /// Kills the process groups of all instances that still run, and waits for their ends.
    public func stop(_ ending: Outcome.Ending) {
        for index in members.indices where members[index].isRunning {
            members[index].forced = ending
            kill(-members[index].process, SIGKILL)
        }
        while waiting > 0 { serve(milliseconds: -1) }
    }

    /// Sends a signal to the process of each running instance. The process may ignore it.
    public func send(_ signal: Int32) {
        for member in members where member.isRunning { kill(member.process, signal) }
    }

    /// Sends a signal to the process group of each running instance.
    public func sendToGroups(_ signal: Int32) {
        for member in members where member.isRunning { kill(-member.process, signal) }
    }

    public func isRunning(_ index: Int) -> Bool { members[index].isRunning }
    public func firstByte(of index: Int) -> MonotonicTime? { members[index].firstByte }

    /// Returns the end of what an instance has written so far.
    public func output(of index: Int) -> String { members[index].output.text }

    /// The leading processes of the instances that run.
    public var processes: [Int32] { members.filter { $0.isRunning }.map(\.process) }

    /// Returns the outcomes of all instances that were started. All must have ended.
    public func outcomes() -> [Outcome] {
        for index in members.indices { drain(index) }
        return members.filter { $0.process > 0 }.map(\.outcome)
    }

    deinit {
        stop(.stopped)
        unsafe events.deallocate()
    }
}

extension Batch {
    private func watch(_ descriptor: Int32, _ index: Int, _ source: Source) throws(Failure) {
        var event = unsafe epoll_event(
            events: EPOLLIN.rawValue, data: epoll_data_t(u64: UInt64(index) << 2 | source.rawValue))
        guard unsafe epoll_ctl(epoll.rawValue, EPOLL_CTL_ADD, descriptor, &event) == 0 else {
            throw Failure("cannot watch descriptor \(descriptor)", errno: .current)
        }
    }

    private func watchEnd(of index: Int) throws(Failure) {
        let number = cmeasure_pidfd_open(members[index].process)
        guard number >= 0 else {
            throw Failure("cannot watch a process", errno: Errno(rawValue: -number), cure: "Linux 5.3 can.")
        }
        members[index].end = number
        try watch(number, index, .end)
    }

    /// Handles pending events. Reads the clock once for all of them, directly after the wait.
    private func serve(milliseconds: Int32) {
        let count = unsafe epoll_wait(epoll.rawValue, events.baseAddress!, Int32(events.count), milliseconds)
        let now = MonotonicTime.now()
        for place in 0..<max(0, Int(count)) {
            let word = unsafe events[place].data.u64
            let index = Int(word >> 2)
            switch Source(rawValue: word & 3) {
            case .output: readOutput(index, at: now)
            case .error: readError(index)
            case .end: reap(index, at: now)
            case .interruption, nil: noteInterruption()
            }
        }
    }

    private func noteInterruption() {
        if interruption.happened { isInterrupted = true }
        unwatch(interruption.rawValue)
    }

    private func readOutput(_ index: Int, at now: MonotonicTime) {
        guard let descriptor = members[index].launch.output?.readEnd else { return }
        let count = members[index].output.append(from: descriptor)
        if count == 0 { unwatch(descriptor) }
        guard count > 0, members[index].firstByte == nil else { return }
        members[index].firstByte = now
        if members[index].isRunning { silent -= 1 }
    }

    private func readError(_ index: Int) {
        guard let descriptor = members[index].launch.error?.readEnd else { return }
        let count = members[index].error.append(from: descriptor)
        if count == 0 { unwatch(descriptor) }
    }

    private func unwatch(_ descriptor: Int32) {
        var event = unsafe epoll_event()
        unsafe epoll_ctl(epoll.rawValue, EPOLL_CTL_DEL, descriptor, &event)
    }

    private func reap(_ index: Int, at now: MonotonicTime) {
        guard members[index].isRunning else { return }
        // Closing the pidfd is not enough: a child that is just being started holds a copy until its exec,
        // and epoll would report the event again.
        unwatch(members[index].end)
        // The last output may arrive together with the end; it was written before the end.
        if members[index].firstByte == nil { readOutput(index, at: now) }
        if members[index].firstByte == nil { silent -= 1 }
        members[index].reap(at: now)
        waiting -= 1
    }

    /// Reads the remaining output, without blocking: a descendant that outlives the instance may hold the
    /// other end of the pipe.
    private func drain(_ index: Int) {
        for (pipe, isOutput) in [(members[index].launch.output, true), (members[index].launch.error, false)] {
            guard let descriptor = pipe?.readEnd else { continue }
            for _ in 0..<64 {
                let count =
                    isOutput
                    ? members[index].output.append(from: descriptor)
                    : members[index].error.append(from: descriptor)
                if count <= 0 { break }
            }
        }
    }
}
