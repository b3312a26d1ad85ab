import CHost
import CMeasure
import Host
import Measure

/// Fixed pieces of work, each timed several times by the clock inside the path.
enum Work {
    private static let repetitions = 5
    static let smallFileCount = 200
    /// The directory of small files in the added layer.
    static let smallFiles = InsideProgram.directory + "/small"
    private static let scratch = InsideProgram.directory + "/scratch"

    static func run() {
        time("computation", "rounds/s", Double(rounds)) { compute() }
        time("system calls", "calls/s", 20_000) { callKernel(times: 20_000) }
        memory()
        let programByteCount = FileStatus(of: InsideProgram.program)?.byteCount ?? 0
        time("reading a large file in a layer", "B/s", Double(programByteCount)) {
            read(InsideProgram.program)
        }
        time("reading small files in a layer", "files/s", Double(smallFileCount)) {
            for index in 0..<smallFileCount { read("\(smallFiles)/\(index)") }
        }
        time("writing a large file", "B/s", Double(largeFile)) { write(scratch, byteCount: largeFile) }
        time("making and removing small files", "files/s", Double(smallFileCount)) {
            for index in 0..<smallFileCount {
                write("\(scratch)-\(index)", byteCount: 512)
                unsafe unlink("\(scratch)-\(index)")
            }
        }
        unsafe unlink(scratch)
    }

    /// Times several repetitions and reports their rates. The first repetition is left out: its caches are
    /// cold and its memory is untouched.
    private static func time(_ name: String, _ unit: String, _ amount: Double, _ body: () -> Void) {
        var rates: [String] = []
        for repetition in 0...repetitions {
            let begin = MonotonicTime.now()
            body()
            let seconds = max(MonotonicTime.now().seconds(since: begin), 1e-9)
            if repetition > 0 { rates.append(Decimal.fixed(amount / seconds / 1000, digits: 3)) }
        }
        InsideProgram.say("work:\(name):\(unit)", rates.joined(separator: " "))
    }

    private static let rounds = 10_000_000

    /// Computes a chain of multiplications and shifts that no compiler can shorten and that uses no memory.
    private static func compute() {
        var random = RandomSequence(seed: 42)
        var sum: UInt64 = 0
        for _ in 0..<rounds { sum ^= random.next() }
        if sum == 0 { InsideProgram.say("note", "an unlikely sum") }
    }

    static func callKernel(times: Int) {
        for _ in 0..<times { cmeasure_null_call() }
    }

    private static let copied = 16 << 20

    private static func memory() {
        let from = UnsafeMutableRawBufferPointer.allocate(byteCount: copied, alignment: 4096)
        let to = UnsafeMutableRawBufferPointer.allocate(byteCount: copied, alignment: 4096)
        unsafe memset(from.baseAddress!, 1, copied)
        time("copying memory", "B/s", Double(copied)) {
            unsafe memcpy(to.baseAddress!, from.baseAddress!, copied)
        }
        unsafe from.deallocate()
        unsafe to.deallocate()
    }

    private static let largeFile = 16 << 20
    private static let piece = 65536

    private static func read(_ path: String) {
        let file = unsafe chost_open(path, O_RDONLY, 0)
        if file < 0 { return }
        unsafe withUnsafeTemporaryAllocation(byteCount: piece, alignment: 4096) { buffer in
            while unsafe CHost.read(file, buffer.baseAddress, piece) > 0 {}
        }
        close(file)
    }

    private static func write(_ path: String, byteCount: Int) {
        let file = unsafe chost_open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        if file < 0 { return }
        unsafe withUnsafeTemporaryAllocation(byteCount: piece, alignment: 4096) { buffer in
            unsafe memset(buffer.baseAddress!, 7, piece)
            var rest = byteCount
            while rest > 0 {
                let count = unsafe CHost.write(file, buffer.baseAddress, min(rest, piece))
                if count <= 0 { break }
                rest -= count
            }
        }
        close(file)
    }
}

/// Runs the same pieces of work inside each path.
struct WorkTrial {
    let runner: PathRunner

    func run(_ subject: Subject) throws(RunProblem) -> [WorkResult] {
        let (_, outcomes) = try runner.complete(subject, InsideProgram.command(.work))
        return InsideProgram.answers(outcomes[0].output).compactMap { answer in
            let words = answer.name.split(separator: ":").map(String.init)
            let rates = answer.value.split(separator: " ").compactMap { Double($0) }.map { $0 * 1000 }
            guard words.count == 3, words[0] == "work", !rates.isEmpty else { return nil }
            return WorkResult(name: words[1], rates: rates, unit: words[2])
        }
    }
}
