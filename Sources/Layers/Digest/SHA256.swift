import CDigest

/// A SHA-256 that is computed piece by piece.
public struct SHA256: ~Copyable {
    private var state = cdigest_sha256()

    public init() {
        unsafe cdigest_sha256_start(&state)
    }

    /// Adds the next bytes.
    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        unsafe cdigest_sha256_update(&state, bytes.baseAddress, bytes.count)
    }

    /// Adds the next bytes.
    public mutating func update(_ bytes: [UInt8]) {
        unsafe bytes.withUnsafeBytes { unsafe update($0) }
    }

    /// The digest of all bytes so far.
    public var digest: Digest {
        var (last, bytes) = (state, SIMD32<UInt8>())
        unsafe withUnsafeMutableBytes(of: &bytes) { buffer in
            unsafe cdigest_sha256_finish(
                &last, buffer.baseAddress!.assumingMemoryBound(to: UInt8.self))
        }
        return Digest(bytes: bytes)
    }

    /// Returns the digest of `bytes`.
    public static func digest(of bytes: [UInt8]) -> Digest {
        var hash = SHA256()
        hash.update(bytes)
        return hash.digest
    }
}
