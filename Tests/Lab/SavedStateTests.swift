import Foundation
import TestSupport
import Testing

/// The tests of saved states with hardware virtualization, which this host may lack: without it a guest reads
/// the host's time stamp counter, and KVM emulates its kernel.
@Suite("Saved states in the lab")
struct SavedStateTests {
    /// Runs this program again, in the lab. It must have been built with the tests of KVM and Machine.
    @Test("a guest goes on in another VM, with its time stamp counter, and so do all CPUs of a machine")
    func states() throws {
        let program = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let boots = try Lab.run(
            """
            timed tests 900 '\(program)' --testing-library swift-testing \
                --filter 'KVMTests.StateTests|MachineTests.MoveTests|MachineTests.SavedMachineTests' </dev/null
            """, seconds: 1000)
        let tests = try #require(boots["tests"])
        #expect(tests.status == 0 && tests.says("13 tests in 3 suites passed"), "\(tests)")
    }
}
