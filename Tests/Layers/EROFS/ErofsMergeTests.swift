import TestSupport
import Testing

@testable import EROFS
@testable import Layers

@Suite("Merged EROFS layers")
struct ErofsMergeTests {
    @Test("merged random layers equal the result of a slow model", arguments: 0..<6 as Range<UInt64>)
    func random(seed: UInt64) throws {
        var random = RandomLayers(seed: seed)
        let layers = (0..<5).map { random.layer(itemCount: $0 == 0 ? 700 : 200, isFirst: $0 == 0) }
        let seen = try TestImage(layers).reader().seen()
        #expect(seen.differences(from: ModelTree(layers).seen()) == [])
    }

    @Test("a single layer, read without an index, equals its input", arguments: 10..<14 as Range<UInt64>)
    func alone(seed: UInt64) throws {
        var random = RandomLayers(seed: seed)
        let layer = random.layer(itemCount: 800, isFirst: true)
        let image = try layer.write(pieceByteCount: Int(seed) * 100).file
        var seen = try ErofsReader(files: [image.path]).seen()
        for path in seen.keys {
            seen[path]?.attributes.removeAll { $0.name.starts(with: Erofs.Overlay.prefix) }
        }
        #expect(seen.differences(from: ModelTree([layer]).seen()) == [])
    }
}
