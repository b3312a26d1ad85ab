import EROFS
import FuzzSupport
import Host
import Layers

/// Layers that the fuzzer's bytes describe, one step for each entry: what it is, a path, and what it needs
/// beside.
struct FuzzedLayers {
    static let mostLayers = 5
    private static let mostEntries = 500
    /// More than any path or target may have.
    private static let longestText = 5000

    private var steps: StepReader
    private var entryCount = 0
    /// Bytes of big files: most of them zeroes.
    private static let content: [UInt8] = [1] + Array(repeating: 0, count: 200_000) + [2]

    init(_ input: [UInt8]) {
        steps = StepReader(input)
    }

    var isAtEnd: Bool { steps.isAtEnd || entryCount >= Self.mostEntries }

    /// Writes the next layer.
    mutating func write(to writer: ErofsWriter) throws(Failure) {
        while !isAtEnd {
            entryCount += 1
            let step = steps.byte()
            if step == 0 { break }
            try add(step & 15, hasAttributes: step & 16 != 0, to: writer)
        }
        _ = try writer.finish()
    }

    private mutating func add(
        _ step: UInt8, hasAttributes: Bool, to writer: ErofsWriter
    ) throws(Failure) {
        guard let path = try? LayerPath(text()), let kind = kind(step) else { return }
        var entry = LayerEntry(path: path, kind: kind, permissions: UInt16(step))
        if hasAttributes {
            let name = Array("user.".utf8) + text().prefix(300)
            entry.attributes = [ExtendedAttribute(name: name, value: text())]
        }
        try writer.add(entry)
        if case .file(let byteCount) = kind { try write(Int(byteCount), to: writer) }
    }

    private mutating func kind(_ step: UInt8) -> LayerEntry.Kind? {
        switch step {
        case 1, 2: .directory
        case 3, 4, 5: .symbolicLink(target: text())
        case 6, 7: (try? LayerPath(text())).map { .hardLink(to: $0) }
        case 8: .whiteout
        case 9: .opaque
        case 10: .file(byteCount: 0)
        case 11: .file(byteCount: UInt64(steps.byte()) * 16)
        case 12: .file(byteCount: UInt64(Self.content.count))
        case 13: .characterDevice(major: 0, minor: UInt32(steps.byte()))
        case 14: .fifo
        default: .file(byteCount: 1)
        }
    }

    private func write(_ byteCount: Int, to writer: ErofsWriter) throws(Failure) {
        var failure: Failure?
        unsafe Self.content.withUnsafeBytes { all in
            do throws(Failure) {
                unsafe try writer.append(UnsafeRawBufferPointer(rebasing: all[..<byteCount]))
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }

    /// Bytes up to a zero; 1 stands for a byte that comes many times, 2 for `/`.
    private mutating func text() -> [UInt8] {
        var text: [UInt8] = []
        while text.count <= Self.longestText {
            switch steps.byte() {
            case 0: return text
            case 1:
                let byte = steps.byte()
                text.append(contentsOf: repeatElement(byte, count: 4 * Int(steps.byte())))
            case 2: text.append(UInt8(ascii: "/"))
            case let byte: text.append(byte)
            }
        }
        return text
    }
}
