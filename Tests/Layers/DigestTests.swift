import Layers
import Testing

@Suite struct DigestTests {
    private static let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

    @Test func knownDigests() {
        #expect(SHA256.digest(of: []).hexadecimal == Self.empty)
        // FIPS 180-2, appendix B.
        #expect(
            SHA256.digest(of: Array("abc".utf8)).description
                == "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(
            SHA256.digest(of: Array(repeating: UInt8(ascii: "a"), count: 1_000_000)).hexadecimal
                == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
    }

    @Test func piecesMakeTheSameDigest() {
        let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0) }
        var hash = SHA256()
        for start in stride(from: 0, to: 1000, by: 37) {
            hash.update(Array(bytes[start..<min(start + 37, 1000)]))
            _ = hash.digest
        }
        #expect(hash.digest == SHA256.digest(of: bytes))
    }

    @Test func textAndBack() throws {
        let digest = try #require(Digest("sha256:" + Self.empty))
        #expect(digest == SHA256.digest(of: []) && digest == Digest(hexadecimal: Self.empty))
        #expect(Digest(digest.description) == digest)
    }

    @Test(arguments: [
        "", "sha256:", "sha256:abc", Self.empty, "SHA256:" + Self.empty, "sha512:" + Self.empty,
        "sha256:" + Self.empty + "0", "sha256:" + Self.empty.dropLast(), "sha256:" + Self.empty.uppercased(),
        "sha256:" + Self.empty.dropLast() + "g", " sha256:" + Self.empty, "sha256:" + Self.empty + "\n",
        "sha256:../" + Self.empty.dropFirst(3), "sha256:+" + Self.empty.dropFirst(),
    ]) func isNoDigest(_ text: String) {
        #expect(Digest(text) == nil)
    }
}
