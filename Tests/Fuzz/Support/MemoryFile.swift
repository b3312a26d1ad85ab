import Glibc

/// A file in memory, for code that reads files: it has a descriptor and, as long as that is open, a path. It
/// is gone with the process.
public struct MemoryFile: Sendable {
    public let descriptor: Int32

    public init(_ name: String, byteCount: Int = 0) {
        let name = "/fuzz-\(name)-\(getpid())"
        descriptor = unsafe shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0o600)
        unsafe shm_unlink(name)
        resize(byteCount)
    }

    public var path: String { "/proc/self/fd/\(descriptor)" }

    /// Forgets what was in it.
    public func empty() { resize(0) }

    /// What is added is zeroes.
    public func resize(_ byteCount: Int) {
        guard ftruncate(descriptor, byteCount) == 0 else { fatalError("the host has no memory to spare") }
    }

    public func write(_ bytes: some Collection<UInt8>, at offset: Int = 0) {
        let bytes = Array(bytes)
        guard unsafe pwrite(descriptor, bytes, bytes.count, offset) == bytes.count else {
            fatalError("the host has no memory to spare")
        }
    }
}
