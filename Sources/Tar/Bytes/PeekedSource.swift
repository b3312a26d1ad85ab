import Host
import Layers

/// A source whose first bytes can be looked at before they are read.
struct PeekedSource<Base: ByteSource & ~Copyable>: ByteSource, ~Copyable {
    private(set) var base: Base
    private var head = ByteBuffer(byteCount: 0)

    init(_ base: consuming Base) {
        self.base = base
    }

    var complaint: String { base.complaint }

    /// Returns the first `byteCount` bytes, or all if there are fewer. Call at most once, before any read.
    mutating func prefix(_ byteCount: Int) throws(Failure) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < byteCount {
            let piece = unsafe try base.next()
            if unsafe piece.isEmpty { break }
            unsafe bytes.append(contentsOf: piece)
        }
        head = ByteBuffer(byteCount: bytes.count)
        unsafe head.bytes.copyBytes(from: bytes)
        isHeadLeft = !bytes.isEmpty
        return Array(bytes.prefix(byteCount))
    }

    private var isHeadLeft = false

    mutating func next() throws(Failure) -> UnsafeRawBufferPointer {
        guard isHeadLeft else { return unsafe try base.next() }
        isHeadLeft = false
        return unsafe UnsafeRawBufferPointer(head.bytes)
    }
}
