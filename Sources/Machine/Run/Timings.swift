public import Host
import Synchronization

/// When each step of a machine's life was reached, measured from the start of the process. Any thread may note a step;
/// only the first time counts.
public final class Timings: Sendable {
    /// The steps in the order in which they are reached; the raw value is the name in JSON.
    public enum Step: String, CaseIterable, Sendable {
        case mainEntered = "main_entered"
        case kvmOpened = "kvm_opened"
        case memoryReady = "memory_ready"
        case devicesReady = "devices_ready"
        case kernelLoaded = "kernel_loaded"
        case firstRun = "first_run"
        case firstConsoleByte = "first_console_byte"
        case userland = "userland"
        /// The guest's agent has said its first word.
        case agentReady = "agent_ready"
        /// The container's root is there, and its process runs.
        case processStarted = "process_started"
        /// The process has ended and all that it said has arrived.
        case processEnded = "process_ended"
        case end = "end"

        /// The place in `allCases`.
        var index: Int {
            switch self {
            case .mainEntered: 0
            case .kvmOpened: 1
            case .memoryReady: 2
            case .devicesReady: 3
            case .kernelLoaded: 4
            case .firstRun: 5
            case .firstConsoleByte: 6
            case .userland: 7
            case .agentReady: 8
            case .processStarted: 9
            case .processEnded: 10
            case .end: 11
            }
        }
    }

    public let processStart: MonotonicTime
    /// By the step's place in `Step.allCases`. A dictionary would look up the conformances of its key at run time, which
    /// takes longer than all that is timed before the first instruction.
    private let times = Mutex(InlineArray<12, MonotonicTime?>(repeating: nil))

    public init(processStart: MonotonicTime) {
        self.processStart = processStart
    }

    public func note(_ step: Step, at time: MonotonicTime = .now()) {
        times.withLock { if $0[step.index] == nil { $0[step.index] = time } }
    }

    /// Nanoseconds from the start of the process to `step`, or nil where it was not reached.
    public func nanoseconds(to step: Step) -> UInt64? {
        times.withLock { $0[step.index] }.map {
            $0.nanoseconds &- min($0.nanoseconds, processStart.nanoseconds)
        }
    }
}

extension Timings {
    /// A JSON object: the clock, the start of the process on it, each step in nanoseconds since then (null where it was
    /// not reached), and how the machine ended.
    public func json(end: MachineEnd) -> String {
        var steps = ""
        for step in Step.allCases {
            if !steps.isEmpty { steps += ",\n" }
            steps += "    \"\(step.rawValue)\": \(nanoseconds(to: step).map(String.init) ?? "null")"
        }
        return """
            {
              "clock": "CLOCK_MONOTONIC",
              "unit": "ns",
              "process_start": \(processStart.nanoseconds),
              "steps": {
            \(steps)
              },
              "end": "\(end.name)",
              "status": \(end.exitStatus)
            }

            """
    }
}
