import Host
import Measure

/// The entry point of `vmm-bench`, which measures the promises of SPECIFICATION.md and prints which are met.
@main
enum VMMBench {
    private static let usage = """
        usage: vmm-bench [PART]...

        Measures all parts, or those that are named, and prints a table of all figures in build/bench, those of
        earlier runs too. The lab measures by its instruction clock. On /dev/kvm, tiny guests are measured too, and
        everything else where it has hardware virtualization. build/bench.json gets every sample.

        parts: \(Parts.all.map { $0.name }.joined(separator: " "))

        VMM_BENCH_MONITOR names another program than build/vmm. `make bench` builds everything that this needs.

        """

    /// The word by which this program asks for a measurement in its own process, in the lab or here.
    static let measure = "--measure"

    static func main() {
        Signals.ignoreBrokenPipes()
        let words = Array(CommandLine.arguments.dropFirst())
        do throws(Failure) {
            if words.first == measure {
                try Bench.measure(words.dropFirst())
            } else if words.first == "--help" {
                try StandardOutput.write(usage)
            } else {
                let isWhole = try Bench.run(try words.map { (word) throws(Failure) in try part(word) })
                ThisProcess.end(with: isWhole ? 0 : 1)
            }
        } catch {
            StandardError.write("bench: \(error)\n")
            ThisProcess.end(with: error.kind.rawValue)
        }
    }

    private static func part(_ name: String) throws(Failure) -> any Part.Type {
        guard let part = Parts.all.first(where: { $0.name == name }) else {
            throw Failure(
                .usage, "unknown part \(name)", because: "the parts are \(Parts.names)",
                cure: "vmm-bench --help")
        }
        return part
    }
}
