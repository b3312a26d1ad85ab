public import Host
import Synchronization

/// The times of the steps in a machine's life, measured from the start of the process. Any thread may note a
/// step; only the first time counts.
public final class Timings: Sendable {
    /// The steps in the order in which they are reached.
    public enum Step: Int, CaseIterable, Sendable {
        case mainEntered
        case kvmOpened
        case memoryReady
        case kernelLoaded
        case devicesReady
        case firstRun
        case firstConsoleByte
        case userland
        /// The guest's agent has sent its first message.
        case agentReady
        /// The guest is prepared: all that is the same for every container of its image is done.
        case prepared
        /// The container is set up, and its process runs.
        case processStarted
        /// The process has ended, and all of its output has arrived.
        case processEnded
        case end

        /// The step's name in JSON.
        public var name: String {
            switch self {
            case .mainEntered: "main_entered"
            case .kvmOpened: "kvm_opened"
            case .memoryReady: "memory_ready"
            case .kernelLoaded: "kernel_loaded"
            case .devicesReady: "devices_ready"
            case .firstRun: "first_run"
            case .firstConsoleByte: "first_console_byte"
            case .userland: "userland"
            case .agentReady: "agent_ready"
            case .prepared: "prepared"
            case .processStarted: "process_started"
            case .processEnded: "process_ended"
            case .end: "end"
            }
        }
    }

    /// How the guest began.
    public enum Origin: Hashable, Sendable, CustomStringConvertible {
        /// With its kernel's first instruction, and why so.
        case cold(because: String)
        /// Where the machine of a template was saved.
        case template

        public var description: String {
            switch self {
            case .cold(let reason): "cold: \(reason)"
            case .template: "from a template"
            }
        }

        fileprivate var json: String {
            switch self {
            case .cold(let reason): "\"cold\",\n  \"cold_because\": " + JSON.string(reason).text()
            case .template: "\"template\",\n  \"cold_because\": null"
            }
        }
    }

    /// The time from which all steps are measured.
    public let processStart: MonotonicTime
    /// The times, by the number of the step. A dictionary would look up the conformances of its key at run
    /// time, which takes longer than all the work that is timed before the first instruction.
    private let times = Mutex(InlineArray<13, MonotonicTime?>(repeating: nil))

    private let origin = Mutex(Origin.cold(because: "the kernel was named"))
    private let counts = Mutex(GuestCounts())
    private let devices = Mutex<[DeviceReport]>([])

    /// Makes timings without any step.
    public init(processStart: MonotonicTime) {
        self.processStart = processStart
    }

    /// Notes that `step` was reached at `time`, unless it was noted before.
    public func note(_ step: Step, at time: MonotonicTime = .now()) {
        times.withLock { if $0[step.rawValue] == nil { $0[step.rawValue] = time } }
    }

    /// Notes how the guest began.
    public func note(_ origin: Origin) {
        self.origin.withLock { $0 = origin }
    }

    /// Notes the guest's actions until its end that harm the host, and the errors of its devices.
    func note(_ counts: GuestCounts, _ devices: [DeviceReport]) {
        self.counts.withLock { $0 = counts }
        self.devices.withLock { $0 = devices }
    }

    /// Returns the time from the start of the process to `step` in nanoseconds, or nil if the step was not
    /// reached.
    public func nanoseconds(to step: Step) -> UInt64? {
        times.withLock { $0[step.rawValue] }.map {
            $0.nanoseconds &- min($0.nanoseconds, processStart.nanoseconds)
        }
    }
}

extension Timings {
    /// Renders the timings as a JSON object: the clock, the start of the process on that clock, each step in
    /// nanoseconds since then (null if it was not reached), the guest's actions that harm the host, the
    /// errors of each device, the machine's end, and the monitor's exit status.
    public func json(end: MachineEnd, status: Int32? = nil) -> String {
        var steps = ""
        for step in Step.allCases {
            if !steps.isEmpty { steps += ",\n" }
            steps += "    \"\(step.name)\": \(nanoseconds(to: step).map(String.init) ?? "null")"
        }
        let counts = counts.withLock { $0 }
        let devices = JSON.array(devices.withLock { $0 }.map { $0.json })
        return """
            {
              "clock": "CLOCK_MONOTONIC",
              "unit": "ns",
              "process_start": \(processStart.nanoseconds),
              "start": \(origin.withLock { $0.json }),
              "steps": {
            \(steps)
              },
              "guest": { "bus_locks": \(counts.busLocks), "notify_exits": \(counts.notifications) },
              "devices": \(devices.text(indent: 2)),
              "end": "\(end.name)",
              "status": \(status ?? end.exitStatus)
            }

            """
    }
}
