import CHost
public import Host
import Measure
import SystemPackage

/// The tasks that this executable does inside a path. A static executable runs in any image.
///
/// Each answer is a line: a name, a tab and a value.
public enum InsideProgram {
    /// The paths of the programs in the added layer.
    static let directory = "/.vmm-compare"
    static let program = directory + "/vmm-compare"
    static let idle = directory + "/idle"
    /// The word in front of a task on the command line. No option of `vmm compare` has this name.
    private static let option = "--inside"

    public enum Task: String, CaseIterable, Sendable {
        /// Times pieces of work.
        case work
        /// Reports what the command can see and do.
        case look
        /// Makes 100,000 system calls, or none, while the host counts them.
        case calls
        case nocalls
        /// Starts many processes at once, up to a bound.
        case forks
        /// Allocates much memory, up to a bound.
        case fill
        /// Asks the kernel to panic, if that is permitted.
        case panic
    }

    static func command(_ task: Task) -> [String] { [program, option, task.rawValue] }

    /// Runs the task of the command line `words`, the program's name in front. Returns false if the command
    /// line asks for none.
    public static func run(_ words: [String]) throws(Failure) -> Bool {
        guard words.count == 3, words[1] == option else { return false }
        guard let task = Task(rawValue: words[2]) else {
            throw Failure(
                .usage, "invalid value '\(words[2])' for \(option)", because: "not a task of a comparison")
        }
        run(task)
        return true
    }

    private static func run(_ task: Task) {
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

    /// Parses the lines of answers.
    static func answers(_ text: String) -> [(name: String, value: String)] {
        text.split(whereSeparator: \.isNewline).compactMap { line in
            let parts = line.split(separator: "\t", maxSplits: 1).map(String.init)
            return parts.count == 2 ? (parts[0], parts[1]) : nil
        }
    }
}

/// The layer that is added to the image: this executable, the idle program, and small files to read.
struct InsideLayer {
    private static let program = "/proc/self/exe"

    /// Makes the layer. This executable is added only if it is static, because only a static one runs in any
    /// image.
    static func make(in workspace: Workspace) throws(Failure) -> String {
        let layer = try workspace.directory("inside")
        try Workspace.makeDirectories(layer + Work.smallFiles)
        try WholeFile.write(IdleProgram.bytes, to: layer + InsideProgram.idle, mode: 0o755)
        if isStatic() { try FileCopy.copy(program, to: layer + InsideProgram.program, mode: 0o755) }
        for index in 0..<Work.smallFileCount {
            try WholeFile.write(
                [UInt8](repeating: UInt8(index % 256), count: 512), to: "\(layer)\(Work.smallFiles)/\(index)")
        }
        return layer
    }

    /// Whether this executable has no interpreter (PT_INTERP).
    static func isStatic() -> Bool {
        var header = [UInt8](repeating: 0, count: 4096)
        guard let file = try? FileDescriptor.open(FilePath(program), .readOnly, options: .closeOnExec) else {
            return false
        }
        defer { try? file.close() }
        _ = unsafe try? header.withUnsafeMutableBytes { unsafe try file.read(into: $0) }
        func little(_ offset: Int, _ count: Int) -> Int {
            (0..<count).reduce(0) {
                $0 | (offset + $1 < header.count ? Int(header[offset + $1]) << (8 * $1) : 0)
            }
        }
        let (start, size, count) = (little(32, 4), little(54, 2), little(56, 2))
        return !(0..<count).contains { little(start + $0 * size, 4) == 3 }
    }
}
