import CHost
public import Host

/// What this executable does inside a path, as a hidden command: a static executable runs in any image.
///
/// Each answer is a line: a name, a tab, and a value.
public enum InsideProgram {
    /// Where the layer of ours has it.
    static let directory = "/.vmm-compare"
    static let program = directory + "/vmm"
    static let idle = directory + "/idle"
    /// Its hidden name on the command line.
    public static let commandName = "compare-inside"

    public enum Task: String, CaseIterable, Sendable {
        /// Pieces of work, timed.
        case work
        /// What can be seen and done.
        case look
        /// 100,000 system calls and none, for whoever counts them outside.
        case calls
        case nocalls
        /// Many processes at once, bounded.
        case forks
        /// Much memory, bounded.
        case fill
        /// A panic of the kernel, where that may be asked for.
        case panic
    }

    static func command(_ task: Task) -> [String] { [program, commandName, task.rawValue] }

    /// Does it and ends the process.
    public static func run(_ name: String) throws(Failure) {
        guard let task = Task(rawValue: name) else {
            throw Failure(.usage, "cannot do \(name)", because: "it is no task of a comparison")
        }
        switch task {
        case .work: Work.run()
        case .look: Look.run()
        case .calls: Work.callKernel(times: calls)
        case .nocalls: break
        case .forks: Harm.fork()
        case .fill: Harm.fillMemory()
        case .panic: Harm.panic()
        }
        say("done", task.rawValue)
    }

    static let calls = 100_000

    static func say(_ name: String, _ value: String) {
        let line = Array("\(name)\t\(value)\n".utf8)
        _ = unsafe line.withUnsafeBytes { unsafe write(1, $0.baseAddress, $0.count) }
    }

    /// What such lines say.
    static func answers(_ text: String) -> [(name: String, value: String)] {
        text.split(whereSeparator: \.isNewline).compactMap { line in
            let parts = line.split(separator: "\t", maxSplits: 1).map(String.init)
            return parts.count == 2 ? (parts[0], parts[1]) : nil
        }
    }
}
