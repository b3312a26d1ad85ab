import AgentProtocol
import Host

/// The parsed `--writable` option.
struct WritableLayer {
    /// The smallest disk: an ext4 of this size has room for its own tables.
    private static let leastByteCount: UInt64 = 16 << 20
    private static let mostByteCount: UInt64 = 16 << 40

    let layer: ContainerSpecification.Writable
    let diskByteCount: UInt64?

    init(_ text: String?) throws(Failure) {
        switch text {
        case nil, "memory": (layer, diskByteCount) = (.memory(byteLimit: 0), nil)
        case "none": (layer, diskByteCount) = (.none, nil)
        case let text?: (layer, diskByteCount) = (.disk, try Self.size(text))
        }
    }

    private static func size(_ text: String) throws(Failure) -> UInt64 {
        let cure = "Write a size such as 10G for a disk, memory, or none."
        guard let byteCount = Quantity.byteCount(text) else {
            throw .invalid(text, for: "--writable", because: "not a size", cure: cure)
        }
        guard (leastByteCount...mostByteCount).contains(byteCount) else {
            throw .invalid(text, for: "--writable", because: "a disk must have 16M to 16T", cure: cure)
        }
        return byteCount & ~4095
    }
}
