import CHost
import Host
import SystemPackage

/// Instances that run at the same time, and the clock beside them.
///
/// Between the reading of the clock before an instance is started and the one after its end nothing is allocated here; what
/// an instance writes is read into memory that is there already.
@safe
final class Batch {
    /// What is waited for.
    enum Goal {
        /// Every instance has ended.
        case ends
        /// Every instance has written something or has ended.
        case firstBytes
    }

    enum Result {
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

    init(_ launches: [Launch], interruption: Interruption) throws(Failure) {
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
            try watch(members[index].launch.output.readEnd, index, .output)
            try watch(members[index].launch.error.readEnd, index, .error)
        }
    }

    /// Starts instance `index`, whose cost counts from `begin`; then sees to those that run already.
    func start(_ index: Int, begin: MonotonicTime) throws(Failure) {
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

    /// Serves until the goal is reached or the time is up; `until` is a time of the monotonic clock.
    func wait(for goal: Goal, until deadline: MonotonicTime) -> Result {
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

    /// Ends what still runs, with everything in its process groups, and waits for it.
    func stop(_ ending: Outcome.Ending) {
        for index in members.indices where members[index].isRunning {
            members[index].forced = ending
            kill(-members[index].process, SIGKILL)
        }
        while waiting > 0 { serve(milliseconds: -1) }
    }

    /// Sends a signal to the process of each instance that runs: what it does with it is its matter.
    func send(_ signal: Int32) {
        for member in members where member.isRunning { kill(member.process, signal) }
    }

    func isRunning(_ index: Int) -> Bool { members[index].isRunning }
    func firstByte(of index: Int) -> MonotonicTime? { members[index].firstByte }

    /// The processes that were started, with the groups that they lead.
    var processes: [pid_t] { members.filter { $0.isRunning }.map(\.process) }

    /// How each instance went that was started; all must have ended.
    func outcomes() -> [Outcome] {
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
        let number = chost_pidfd_open(members[index].process)
        guard number >= 0 else {
            throw Failure("cannot watch a process", errno: Errno(rawValue: -number), cure: "Linux 5.3 can.")
        }
        members[index].end = number
        try watch(number, index, .end)
    }

    /// The clock is read once for all that has happened: right after the wait, before anything is done about it.
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
        let descriptor = members[index].launch.output.readEnd
        let count = members[index].output.append(from: descriptor)
        if count == 0 { unwatch(descriptor) }
        guard count > 0, members[index].firstByte == nil else { return }
        members[index].firstByte = now
        if members[index].isRunning { silent -= 1 }
    }

    private func readError(_ index: Int) {
        let descriptor = members[index].launch.error.readEnd
        let count = members[index].error.append(from: descriptor)
        if count == 0 { unwatch(descriptor) }
    }

    private func unwatch(_ descriptor: Int32) {
        var event = unsafe epoll_event()
        unsafe epoll_ctl(epoll.rawValue, EPOLL_CTL_DEL, descriptor, &event)
    }

    private func reap(_ index: Int, at now: MonotonicTime) {
        guard members[index].isRunning else { return }
        // Closing it is not enough: a child that is just being started holds a copy until its close-on-exec, and the wait
        // would tell of it again.
        unwatch(members[index].end)
        // A last byte may have come together with the end, and is older than it.
        if members[index].firstByte == nil { readOutput(index, at: now) }
        if members[index].firstByte == nil { silent -= 1 }
        members[index].reap(at: now)
        waiting -= 1
    }

    /// What was written last; a descendant that outlives the instance may hold the pipe's other end.
    private func drain(_ index: Int) {
        for (descriptor, isOutput) in [
            (members[index].launch.output.readEnd, true), (members[index].launch.error.readEnd, false),
        ] {
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
