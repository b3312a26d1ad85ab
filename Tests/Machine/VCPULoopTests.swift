import Devices
import Foundation
import GuestMemory
import Host
import TestSupport
import Testing

@testable import KVM
@testable import Machine

/// Exits that no host of ours makes by itself, served as if they had come.
@Suite("Exits that tell of a guest that harms the host")
struct VCPULoopTests {
    private struct Fixture: ~Copyable {
        let vm: VirtualMachine
        let vcpu: VCPU
        let control: MachineControl
        let counters: GuestCounters
        let loop: VCPULoop
    }

    private func makeFixture() throws -> Fixture {
        let vm = try KVMSystem().makeVirtualMachine()
        try vm.createInterruptControllers(tssAddress: 0xFFFB_D000)
        let ports = PortBus(
            serial: nil, keyboard: I8042 { _ in }, panic: PVPanic { _ in }, power: PowerControl { _ in },
            mark: BootMarker { _ in }, reset: ResetControl { _ in }, timer: IntervalTimer(of: vm))
        let (control, counters) = (MachineControl(loop: try EventLoop()), GuestCounters())
        let loop = VCPULoop(
            cpu: 0, ports: ports, windows: MMIOBus(devices: []),
            memory: try GuestMemory(byteCount: 2 << 20), files: nil, control: control, counters: counters)
        return Fixture(
            vm: vm, vcpu: try vm.makeVCPU(0), control: control, counters: counters, loop: loop)
    }

    @Test("a notify exit is counted and the guest goes on")
    func notified() throws {
        let fixture = try makeFixture()
        for _ in 0..<3 { fixture.loop.serve(.notify(isContextInvalid: false), of: fixture.vcpu) }
        #expect(!fixture.control.isEnded)
        #expect(fixture.counters.values == GuestCounts(busLocks: 0, notifications: 3))
        #expect(fixture.counters.values.warnings.count == 1)
        #expect(fixture.counters.values.warnings.first?.contains("3 times") == true)
    }

    @Test("one that cost the vCPU its state ends the machine with a report")
    func corrupted() throws {
        let fixture = try makeFixture()
        fixture.loop.serve(.notify(isContextInvalid: true), of: fixture.vcpu)
        guard case .internalError(let fault) = fixture.control.reason else {
            Issue.record("\(String(describing: fixture.control.reason))")
            return
        }
        #expect(fault.summary.contains("kept interrupts out") && fault.report.contains("rip"))
    }

    @Test("a bus lock is counted, and slows the guest down, beside whatever else the exit was for")
    func busLock() throws {
        let fixture = try makeFixture()
        let bytes = [UInt8](repeating: 0, count: 14) + [2, 0] + [UInt8](repeating: 0, count: 4080)
        let file = try TemporaryFile(bytes)
        let descriptor = unsafe open(file.path, O_RDWR | O_CLOEXEC)
        let locking = try VCPU(
            owning: OwnedDescriptor(owning: descriptor), runAreaByteCount: bytes.count,
            extendedState: ExtendedStateSize(byteCount: 0, isLarge: false))
        let start = MonotonicTime.now()
        for _ in 0..<20 { fixture.loop.serve(.mmioRead(address: 0, byteCount: 4), of: locking) }
        #expect(MonotonicTime.now().nanoseconds - start.nanoseconds >= 20_000_000)
        #expect(!fixture.control.isEnded)
        #expect(fixture.counters.values == GuestCounts(busLocks: 20, notifications: 0))
        #expect(fixture.counters.values.warnings.first?.contains("locked the memory bus 20 times") == true)
    }
}
