import GuestMemory
import KVM

/// The state of a vCPU when it could not go on.
public struct CPUFault: Sendable, Equatable {
    public let cpu: Int
    /// A one-line summary of the fault.
    public let summary: String
    /// The registers, four to a line, and the bytes at RIP.
    public let report: String

    init(cpu: Int, summary: String, of vcpu: borrowing VCPU, memory: GuestMemory) {
        self.cpu = cpu
        self.summary = summary
        report = Self.report(of: vcpu, memory: memory)
    }

    private static func report(of vcpu: borrowing VCPU, memory: GuestMemory) -> String {
        guard let registers = try? vcpu.registers(), let control = try? vcpu.controlRegisters() else {
            return "  its registers cannot be read"
        }
        let cells = (registers.named + control).map { name, value in
            String(repeating: " ", count: max(1, 8 - name.count)) + name + " " + hex(value, digits: 16)
        }
        var lines = stride(from: 0, to: cells.count, by: 4).map {
            cells[$0..<min($0 + 4, cells.count)].joined()
        }
        lines.append("  code " + bytes(at: registers.rip, of: vcpu, memory: memory))
        return lines.joined(separator: "\n")
    }

    /// Returns the 16 bytes at a linear address in hexadecimal, as far as they are mapped.
    private static func bytes(at linear: UInt64, of vcpu: borrowing VCPU, memory: GuestMemory) -> String {
        var text: [String] = []
        for offset in 0..<UInt64(16) {
            guard let address = vcpu.translate(linear &+ offset),
                let byte: UInt8 = try? memory.load(at: address)
            else { break }
            text.append(hex(UInt64(byte), digits: 2))
        }
        return text.isEmpty ? "is not mapped" : text.joined(separator: " ")
    }

    private static func hex(_ value: UInt64, digits: Int) -> String {
        let text = String(value, radix: 16)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }
}

extension CPUFault: CustomStringConvertible {
    public var description: String { report }
}

extension VCPURegisters {
    fileprivate var named: [(name: String, value: UInt64)] {
        [
            ("rip", rip), ("rflags", rflags), ("rsp", rsp), ("rbp", rbp),
            ("rax", rax), ("rbx", rbx), ("rcx", rcx), ("rdx", rdx),
            ("rsi", rsi), ("rdi", rdi), ("r8", r8), ("r9", r9),
            ("r10", r10), ("r11", r11), ("r12", r12), ("r13", r13),
            ("r14", r14), ("r15", r15),
        ]
    }
}
