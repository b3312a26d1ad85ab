public import Host
import Layers

/// A source that unpacks the bytes of another one. Those may be compressed with gzip or zstd, which their
/// first bytes show, or not at all.
///
/// Safe: `input` points to memory of `packed`, which lives as long as this value, and is empty before the
/// next read from `packed` could overwrite that memory.
@safe
public struct UnpackedSource<Base: ByteSource & ~Copyable>: ByteSource, ~Copyable {
    private var packed: PeekedSource<Base>
    private var state = State.start
    private var input = unsafe UnsafeRawBufferPointer(start: nil, count: 0)
    private var isInputOver = false
    private let output = ByteBuffer()

    private enum State {
        case start, plain
        case packed(any Decompressor)
    }

    public init(_ base: consuming Base) {
        packed = PeekedSource(base)
    }

    /// The source of the bytes.
    public var base: Base { _read { yield packed.base } }

    public var complaint: String { packed.complaint }

    /// Whether the bytes are not compressed; false before the first read.
    var isPlain: Bool {
        if case .plain = state { true } else { false }
    }

    public mutating func next() throws(Failure) -> UnsafeRawBufferPointer {
        while true {
            switch state {
            case .start: try recognize()
            case .plain: return unsafe try packed.next()
            case .packed(let decompressor): return unsafe try unpack(by: decompressor)
            }
        }
    }

    private mutating func recognize() throws(Failure) {
        guard let compression = Compression(magic: try packed.prefix(Compression.magicByteCount)) else {
            state = .plain
            return
        }
        if case .foreign(let name) = compression {
            throw refused(
                "it is compressed with \(name)", cure: "Compress it with gzip or zstd, or not at all.")
        }
        do throws(DecompressionError) {
            state = try compression.decompressor().map(State.packed) ?? .plain
        } catch {
            throw Failure(.host, complaint, because: "not enough memory to unpack it")
        }
    }

    private mutating func unpack(by decompressor: any Decompressor) throws(Failure) -> UnsafeRawBufferPointer
    {
        while true {
            if unsafe input.isEmpty, !isInputOver {
                unsafe input = try packed.next()
                isInputOver = unsafe input.isEmpty
            }
            let count = try unpackSome(by: decompressor)
            if count > 0 { return unsafe output.prefix(count) }
            if isInputOver {
                guard decompressor.isComplete else { throw damaged(decompressor, "ends too early") }
                return unsafe output.prefix(0)
            }
        }
    }

    private mutating func unpackSome(by decompressor: any Decompressor) throws(Failure) -> Int {
        do throws(DecompressionError) {
            return unsafe try decompressor.unpack(&input, into: output.bytes)
        } catch {
            switch error {
            case .damaged: throw damaged(decompressor, "is damaged")
            case .outOfMemory: throw damaged(decompressor, "needs more memory than the limit")
            }
        }
    }

    private func damaged(_ decompressor: any Decompressor, _ problem: String) -> Failure {
        refused("its \(type(of: decompressor).name) data \(problem)", cure: "Download or create it again.")
    }
}

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
