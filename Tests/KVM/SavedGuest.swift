import GuestMemory
import Host
import KVM
import Synchronization
import TestSupport
import Testing

/// Everything of a `GuestFixture` that a save has to keep.
struct SavedGuest {
    var memory: [UInt8]
    var vcpu: VCPUState
    var controllers: InterruptControllerState
    var intervalTimer: [UInt8]?
    var clock: UInt64
}

extension GuestFixture {
    /// Completes the instruction of the last exit, and saves the guest.
    func save(hasIntervalTimer: Bool = false) throws -> SavedGuest {
        vcpu.kick.request()
        defer { vcpu.kick.withdraw() }
        let exit = vcpu.run()
        guard case .interrupted = exit else { throw UnexpectedExit(exit) }
        return SavedGuest(
            memory: try memory.bytes(at: GuestAddress(0), count: Int(memory.byteCount)),
            vcpu: try vcpu.state(KVMSystem().vcpuStateFormat()),
            controllers: try vm.interruptControllerState(),
            intervalTimer: hasIntervalTimer ? try vm.intervalTimerState() : nil,
            clock: try vm.clockNanoseconds())
    }

    /// A new VM in which `saved` goes on, as it comes back from its encoding.
    static func restored(_ saved: SavedGuest) throws -> GuestFixture {
        let bench = try GuestFixture(memoryByteCount: UInt64(saved.memory.count))
        try bench.memory.write(saved.memory, at: GuestAddress(0))
        let format = try KVMSystem().vcpuStateFormat().throughBytes()
        try bench.vcpu.restore(saved.vcpu.throughBytes(), format)
        try bench.vm.restore(saved.controllers.throughBytes())
        if let timer = saved.intervalTimer { try bench.vm.restoreIntervalTimer(timer) }
        try bench.vm.setClock(nanoseconds: saved.clock)
        return bench
    }

    /// Runs until the next exit, or until a kick after some milliseconds: then the exit is an interruption.
    func run(milliseconds: Int32) throws -> VCPUExit {
        let (result, ended) = (ExitBox(), try EventFD())
        Signals.makeInterrupting(10)
        let thread = try HostThread(named: "vcpu", allowing: 10) { [self] in
            let exit = vcpu.run()
            result.exit.withLock { $0 = exit }
            ended.signal()
        }
        _ = ended.wait(milliseconds: milliseconds)
        vcpu.kick.request()
        thread.interrupt(with: 10)
        thread.join()
        vcpu.kick.withdraw()
        return result.exit.withLock { $0 }
    }
}

private final class ExitBox: Sendable {
    let exit = Mutex(VCPUExit.interrupted)
}
