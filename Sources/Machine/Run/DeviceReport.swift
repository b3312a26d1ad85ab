import Host
import Virtio

/// The errors of one virtio device from the start of its machine to the end.
public struct DeviceReport: Equatable, Sendable {
    /// The device's name for people and programs: "disk 2".
    public let name: String
    /// The number of requests that the device answered with an error.
    public let errorCount: UInt64
    /// The number of times that the driver broke a rule, so that the device stopped until a reset (Virtio
    /// 1.2, 2.1.2).
    public let faultCount: UInt64
    /// The rule that the driver broke last, or nil if it broke none.
    public let lastFault: String?

    init(_ name: String, _ transport: VirtioTransport) {
        self.name = name
        errorCount = transport.counters.errorCount
        let faults = transport.interrupt.faults
        faultCount = faults.count
        lastFault = faults.last?.description
    }

    /// One line for the user, or nil if the device met no error.
    var warning: String? {
        var parts: [String] = []
        if faultCount > 0 {
            let often = faultCount == 1 ? "once" : "\(faultCount) times"
            parts.append(
                "stopped \(often) because the guest's driver broke a rule"
                    + (lastFault.map { ": \($0)" } ?? ""))
        }
        if errorCount > 0 {
            parts.append("answered \(errorCount) request\(errorCount == 1 ? "" : "s") with an error")
        }
        return parts.isEmpty ? nil : "the guest's \(name) " + parts.joined(separator: "; it ")
    }

    /// The report as an element of the list in `--timings`.
    var json: JSON {
        .object([
            ("name", .string(name)), ("errors", .integer(Int(clamping: errorCount))),
            ("faults", .integer(Int(clamping: faultCount))), ("last_fault", .optional(lastFault)),
        ])
    }
}
