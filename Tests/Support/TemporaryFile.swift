import Foundation

/// A file that is removed when its owner releases it.
public final class TemporaryFile: Sendable {
    public let path: String

    public init(_ bytes: [UInt8] = []) throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "vmm-test-\(UUID().uuidString)")
        path = url.path
        try Data(bytes).write(to: url)
    }

    /// Makes a sparse file of zeroes.
    public convenience init(byteCount: Int) throws {
        try self.init()
        try resize(to: byteCount)
    }

    public func resize(to byteCount: Int) throws {
        guard unsafe truncate(path, byteCount) == 0 else { throw CocoaError(.fileWriteUnknown) }
    }

    public func bytes() throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(filePath: path)))
    }

    /// Returns the storage that the file occupies on the host.
    public func allocatedByteCount() throws -> Int {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { throw CocoaError(.fileReadUnknown) }
        return Int(status.st_blocks) * 512
    }

    deinit {
        unsafe unlink(path)
    }
}
