import Host
import Testing

/// Long runs of zeroes in a file become holes, whatever pieces they come in; nothing else does.
@Suite struct HoleTests {
    struct Layout: CustomTestStringConvertible, Sendable {
        let testDescription: String
        /// Stretches of data and, with a minus, of zeroes.
        let stretches: [Int]
        let holes: [UInt64]
    }

    static let layouts = [
        Layout(testDescription: "only zeroes", stretches: [-300_000], holes: [300_000]),
        Layout(testDescription: "a hole at the start", stretches: [-131_072, 10], holes: [131_072]),
        Layout(testDescription: "a hole at the end", stretches: [10, -200_000], holes: [196_000 - 86]),
        Layout(testDescription: "a hole between", stretches: [4096, -65536, 1], holes: [65536]),
        Layout(testDescription: "not aligned", stretches: [5000, -80_000, 5000], holes: [73_728]),
        Layout(testDescription: "too short", stretches: [4096, -61_440, 4096, -65_535, 1], holes: []),
        Layout(testDescription: "not aligned and so too short", stretches: [1, -69_000, 1], holes: []),
        Layout(testDescription: "two", stretches: [-65536, 1, -135_167, 7], holes: [65536, 131_072]),
        Layout(testDescription: "a small file of zeroes", stretches: [-65_535], holes: []),
    ]

    @Test(arguments: layouts) func holes(_ layout: Layout) throws {
        let content = layout.stretches.flatMap { [UInt8](repeating: $0 < 0 ? 0 : 0xA5, count: abs($0)) }
        // Another file first, so that pieces and blocks of the file do not begin together.
        let archive = TarWriter.archive { tar in
            tar.add("before", [1])
            tar.add("f", content)
        }
        for pieceByteCount in [Int.max, 262_144, 65536, 5000, 4096, 999] {
            let file = try #require(try RecordingSink.read(archive, pieceByteCount: pieceByteCount).file("f"))
            #expect(file.content == content)
            let holes = file.runs.compactMap { if case .hole(let count) = $0 { count } else { nil } }
            #expect(holes == layout.holes, "pieces of \(pieceByteCount)")
        }
    }
}
