import TestSupport
import Testing

@testable import EROFS
@testable import Layers

/// What Linux makes of our images.
@Suite("EROFS images in the kernel")
struct ErofsMountTests {
    @Test(
        "a mounted random layer equals its input",
        .mountsImages,
        arguments: 20..<23 as Range<UInt64>)
    func layer(seed: UInt64) throws {
        var random = RandomLayers(seed: seed)
        let layer = random.layer(itemCount: 1500, isFirst: true)
        var seen = try MountedImage.seen(layer.write().file)
        for path in seen.keys {
            seen[path]?.attributes.removeAll { $0.name.starts(with: Erofs.Overlay.prefix) }
        }
        #expect(seen.differences(from: ModelTree([layer]).seen().readable()) == [])
    }

    @Test(
        "mounted merged random layers equal the result of a slow model",
        .mountsImages,
        arguments: 30..<33 as Range<UInt64>)
    func merged(seed: UInt64) throws {
        var random = RandomLayers(seed: seed)
        let layers = random.layers()
        let seen = try TestImage(layers).mounted()
        #expect(seen.differences(from: ModelTree(layers).seen().readable()) == [])
    }

    @Test("fsck.erofs finds no fault", arguments: 40..<43 as Range<UInt64>)
    func checked(seed: UInt64) throws {
        var random = RandomLayers(seed: seed)
        let image = try TestImage(random.layers())
        #expect(try image.complaints() == nil)
        for layer in image.layers {
            let run = try ProgramRun(["fsck.erofs", layer.path])
            #expect(run.status == 0, "\(run.output) \(run.error)")
        }
    }
}

extension RandomLayers {
    /// A large layer and five small ones above it.
    fileprivate mutating func layers() -> [TestLayer] {
        (0..<6).map { layer(itemCount: $0 == 0 ? 1000 : 200, isFirst: $0 == 0) }
    }
}

extension SeenTree {
    /// As programs can read it: the kernel gives `user.` attributes of files and directories only.
    func readable() -> SeenTree {
        mapValues { file in
            var file = file
            let type = FileType(mode: file.mode)
            if type != .regular && type != .directory {
                file.attributes.removeAll { $0.name.starts(with: Array("user.".utf8)) }
            }
            return file
        }
    }
}
