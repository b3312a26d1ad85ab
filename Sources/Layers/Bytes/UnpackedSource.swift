public import Host

/// What another source unpacks to: it may be compressed with gzip or zstd, which its first bytes say, or not at all.
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

    /// Where the bytes come from.
    public var base: Base { _read { yield packed.base } }

    public var complaint: String { packed.complaint }

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
        let magic = try packed.prefix(4)
        do throws(DecompressionError) {
            switch magic {
            case [0x28, 0xB5, 0x2F, 0xFD]: state = .packed(try ZstandardDecompressor())
            case _ where magic.starts(with: [0x1F, 0x8B]): state = .packed(try GzipDecompressor())
            default: state = .plain
            }
        } catch {
            throw Failure(.host, complaint, because: "there is no memory to unpack it")
        }
        if let foreign = Self.foreignCompression(magic) {
            throw refused(
                "it is compressed with \(foreign)", cure: "Compress it with gzip or zstd, or not at all.")
        }
    }

    private static func foreignCompression(_ magic: [UInt8]) -> String? {
        switch magic {
        case [0xFD, 0x37, 0x7A, 0x58]: "xz"
        case [0x04, 0x22, 0x4D, 0x18]: "LZ4"
        case _ where magic.starts(with: Array("BZh".utf8)): "bzip2"
        default: nil
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
            case .outOfMemory: throw damaged(decompressor, "wants more memory than there is for it")
            }
        }
    }

    private func damaged(_ decompressor: any Decompressor, _ problem: String) -> Failure {
        refused("its \(type(of: decompressor).name) data \(problem)", cure: "Fetch or write it again.")
    }
}
